package federated

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy"
)

// leaves calls visit with every value of a card that is not a struct or a list, and
// with every list, under its path.
func leaves(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	_, isText := v.Addr().Interface().(interface{ MarshalText() ([]byte, error) })
	switch {
	case isText:
		visit(path, v)
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			leaves(v.Elem(), path, visit)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		if v.Kind() == reflect.Slice {
			visit(path+"[]", v)
		}
		for i := range v.Len() {
			leaves(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	default:
		visit(path, v)
	}
}

// changes makes other values of a leaf, some of which may suit a card.
func changes(v reflect.Value) (out []func(reflect.Value)) {
	set := func(x any) {
		out = append(out, func(to reflect.Value) { to.Set(reflect.ValueOf(x).Convert(to.Type())) })
	}
	switch {
	case v.Type() == reflect.TypeFor[Key]():
		k := v.Interface().(Key)
		k[7] ^= 1
		set(k)
	case v.Kind() == reflect.String:
		s := v.String()
		for _, x := range []string{s + "x", "linear", policy.Purposes()[0], policy.Purposes()[1], "other-features@1.0.0", "2098-12-31", "services", strings.Repeat("a", 64)} {
			if x != s {
				set(x)
			}
		}
	case v.Kind() == reflect.Bool:
		set(!v.Bool())
	case v.CanInt():
		for _, x := range []int64{v.Int() + 1, v.Int() - 1} {
			set(x)
		}
	case v.CanFloat():
		for _, x := range []float64{v.Float() * 1.000001, v.Float() + 0.25, v.Float() - 0.25} {
			set(x)
		}
	case v.Kind() == reflect.Slice && v.Len() > 0:
		out = append(out, func(to reflect.Value) { to.Set(to.Slice(0, to.Len()-1)) })
		if v.Type().Elem().Kind() == reflect.String || v.Type().Elem().Kind() == reflect.Int {
			out = append(out, func(to reflect.Value) { to.Set(reflect.Append(to, to.Index(0))) })
		}
	case v.Kind() == reflect.Map:
		set(map[string]string{"window": "2024-01-01..2024-12-31"})
	}
	return out
}

// clone is a card that shares nothing with this one.
func (c *Card) clone(t *testing.T) *Card {
	t.Helper()
	b, err := c.JSON()
	must(t, err)
	again := &Card{}
	must(t, json.Unmarshal(b, again))
	return again
}

// textCards are cards that, together, can have any field changed.
func textCards(t *testing.T) []*Card {
	t.Helper()
	full := func(card string) string {
		return strings.NewReplacer("- {name: services}", "- {name: services, share: 0.25}\n        - {name: trade, share: 0.2}\n        - {name: farms, into: services}",
			"  start_mean: 0.3\n", "  start_mean: 0.3\n  exposure: true\n  caps: {exposure: 2}\n  bits: 28\n  ridge: 1\n").Replace(card)
	}
	family := func(line, response string) func(string) string {
		return func(card string) string {
			return strings.NewReplacer("family: poisson", line, "range: [0, 60]", response).Replace(full(card))
		}
	}
	var out []*Card
	for _, change := range []func(string) string{
		full, family("family: tweedie\n  power: 1.5", "range: [0, 60], scale: 2"), family("family: negative-binomial\n  theta: 0.75", "range: [0, 60]"), networkYAML,
	} {
		out = append(out, newWorldFor(t, []string{"North Mutual", "South Life", "Pharma East", "West Health"}, 5, 1, change).card)
	}
	return out
}

var digestLine = regexp.MustCompile(`(?m)^Digest: .*$`)

// Two cards that differ, in whichever field, differ in words too: an owner who has read
// the card has read what the digest covers.
func TestTextSaysEverything(t *testing.T) {
	words := func(c *Card) string {
		text, err := c.Text()
		must(t, err)
		return digestLine.ReplaceAllString(text, "")
	}
	index := regexp.MustCompile(`\[\d+\]`)
	seen, changed := map[string]bool{}, map[string]bool{}
	for _, card := range textCards(t) {
		before, digest := words(card), mustDigest(t, card)
		leaves(reflect.ValueOf(card).Elem(), "", func(path string, v reflect.Value) {
			name := index.ReplaceAllString(path, "")
			seen[name] = true
			if changed[name] && card.Model.Network == nil {
				return // said in the same place
			}
			for i, change := range changes(v) {
				c := card.clone(t)
				leaves(reflect.ValueOf(c).Elem(), "", func(p string, v reflect.Value) {
					if p == path {
						change(v)
					}
				})
				if c.check() != nil || mustDigest(t, c) == digest {
					continue
				}
				changed[name] = true
				if words(c) == before {
					t.Errorf("%s: change %d of the field is not in the text", path, i)
				}
				break
			}
		})
	}
	for name := range seen {
		if !changed[name] && name != ".Version" { // there is one version
			t.Errorf("%s: no change of it was tried", name)
		}
	}
	if len(seen) < 45 {
		t.Errorf("only %d fields", len(seen))
	}
}

func mustDigest(t *testing.T, c *Card) string {
	t.Helper()
	d, err := c.Digest()
	must(t, err)
	return d.String()
}

// A name cannot pass for two names, or for a remark.
func TestTextQuotes(t *testing.T) {
	w := newWorld(t, 5, 1)
	one, two := w.card.clone(t), w.card.clone(t)
	one.Recipients, two.Recipients = []string{"North Mutual, South Life"}, []string{"North Mutual", "South Life"}
	one.Model.Features[1].Levels[1] = Level{Name: "services (counted as industry)"}
	a, err := one.Text()
	must(t, err)
	if !strings.Contains(a, `"North Mutual, South Life"`) || !strings.Contains(a, `"services (counted as industry)"`) {
		t.Error(a)
	}
	b, err := two.Text()
	must(t, err)
	if !strings.Contains(b, "Model goes to: North Mutual, South Life\nEvery node has the model. So do, though not named there: Pharma East.\n") {
		t.Error(b)
	}
}
