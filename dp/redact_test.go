package dp_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

type holder struct {
	Name    string
	Pointer *dp.Totals
	Value   dp.Totals
	pointer *dp.Totals
	value   dp.Totals
	any     any
	list    []*dp.Totals
	byName  map[string]dp.Totals
}

// A distinctive total never shows: not through a verb, a logger, an encoder, or
// reflection over whatever holds it.
func TestTotalsNeverPrint(t *testing.T) {
	const secret, name = 918273645, "hidden-drug"
	s := dp.Spec{
		L0: 1, K: 2, MaxRows: 10, MaxPeople: 10, Columns: []string{"v"}, Keys: []dp.Key{{Name: "drug", Private: true}},
		Measures: []dp.Measure{{Name: "sum", Kind: dp.KindSum, Column: "v", RowHi: 1e9, Hi: 1e9}},
	}
	tot := mustTotals(t, s)
	dptest.Fill(t, tot, []dptest.Row{{Person: dptest.Person("somebody"), Keys: []string{name}, Values: []int64{secret}}})
	if g := dptest.Find(dptest.Exact(t, tot), name); g == nil || g.Cells["sum"][0] != secret {
		t.Fatal("the secret is not even there")
	}
	h := holder{Pointer: tot, Value: *tot, pointer: tot, value: *tot, any: tot, list: []*dp.Totals{tot}, byName: map[string]dp.Totals{"x": *tot}}
	said := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%X", "%q", "%t", "%T", "%p", "%5.1f"} {
		said[verb+" pointer"] = fmt.Sprintf(verb, tot)
		said[verb+" value"] = fmt.Sprintf(verb, *tot)
		said[verb+" holder"] = fmt.Sprintf(verb, h)
		said[verb+" &holder"] = fmt.Sprintf(verb, &h)
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "pointer", tot, "value", *tot, "holder", h)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "pointer", tot, "value", *tot, "holder", h)
	said["slog"] = logged.String()
	for _, x := range []any{tot, *tot, h, []any{tot}} {
		b, err := json.Marshal(x)
		if err != nil {
			t.Errorf("json: %v", err)
		}
		said[fmt.Sprintf("json %T", x)] = string(b)
	}
	var g bytes.Buffer
	if err := gob.NewEncoder(&g).Encode(tot); err != nil {
		t.Errorf("gob: %v", err)
	}
	said["gob"] = g.String()
	said["reflection"] = walk(reflect.ValueOf(&h), 0)
	for how, text := range said {
		for _, leak := range []string{fmt.Sprint(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), name, "somebody"} {
			if strings.Contains(text, leak) {
				t.Errorf("%s says %q", how, text)
			}
		}
	}
	for _, how := range []string{"%v pointer", "%+v value", "%#v pointer", "%s value", "%d pointer", "%x value", "json *dp.Totals", "json dp.Totals", "gob", "slog"} {
		if !strings.Contains(said[how], "redacted") {
			t.Errorf("%s says %q, not that it is redacted", how, said[how])
		}
	}
	if text := fmt.Sprint(tot.String(), tot.GoString(), tot.LogValue()); text != "redactedredacted redacted" && !strings.Contains(text, "redacted") {
		t.Errorf("%q", text)
	}
}

// walk prints everything that reflection reaches without package unsafe.
func walk(v reflect.Value, depth int) string {
	if depth > 20 || !v.IsValid() {
		return ""
	}
	out := fmt.Sprintf("%v %+v ", v, v)
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		out += walk(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			out += walk(v.Field(i), depth+1)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			out += walk(v.Index(i), depth+1)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			out += walk(k, depth+1) + walk(v.MapIndex(k), depth+1)
		}
	}
	return out
}

// The opening for tests needs a pass that only code below dp can make; reflection
// makes only a zero one.
func TestSealNeedsAPass(t *testing.T) {
	tot := mustTotals(t, dp.Spec{L0: 1, K: 2, MaxRows: 1, MaxPeople: 1})
	if _, err := tot.Unseal(seam.Pass{}); err != dp.ErrSealed {
		t.Errorf("%v, want ErrSealed", err)
	}
	method := reflect.ValueOf(tot).MethodByName("Unseal")
	zero := reflect.New(method.Type().In(0)).Elem()
	if out := method.Call([]reflect.Value{zero}); !out[0].IsNil() {
		t.Error("reflection opened the totals")
	}
	if _, err := dp.ReleaseWith(seam.Pass{}, tot, nil, nil); err != dp.ErrSealed {
		t.Errorf("%v, want ErrSealed", err)
	}
}
