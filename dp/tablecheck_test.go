package dp

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// checkedSpecs has every kind, public and private keys.
func checkedSpecs() map[string]Spec {
	private := everyKind()
	private.Keys[1] = Key{Name: "sex", Private: true}
	competing := survivalSpec(6)
	competing.Measures[0].Competing = true
	noisy := everyKind()
	noisy.NoisyK = true
	marginals := Spec{L0: 1, K: 20, MaxRows: 10, MaxPeople: 1_000_000, Columns: []string{"x", "y", "z"}}
	marginals.Measures = []Measure{{Name: "m", Unit: "people", Kind: KindMarginals, Rows: 1, Synthetic: 50, Reference: 0.1, Attributes: []Attribute{
		{Name: "x", Column: "x", Values: []string{"a", "b"}}, {Name: "y", Column: "y", Values: []string{"a", "b", "c"}}, {Name: "z", Column: "z", Values: []string{"u", "v"}},
	}}}
	return map[string]Spec{
		"public": everyKind(), "private": private, "spread": spreadKinds(), "survival": survivalSpec(6),
		"competing": competing, "noisy k": noisy, "marginals": marginals,
	}
}

// releasedFrom makes totals of any cells, some of them senseless, and releases them.
func releasedFrom(t interface{ Fatal(...any) }, s Spec, r *rand.Rand) (*Plan, *Table) {
	p, err := Price(s, Want{Rho: 0.4}, DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	totals, err := NewTotals(s)
	if err != nil {
		t.Fatal(err)
	}
	state := totals.open()
	if state.c.radix == nil {
		for _, keys := range [][]string{{"b", "m"}, {"a", "zz"}, {"a", "f"}} {
			if _, err := state.intern(keys); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range state.cells {
		state.cells[i] = int64(math.Exp(r.Float64()*14)) - 3
		if i%state.c.stride == 0 && r.IntN(3) > 0 {
			state.cells[i] += 100_000
		}
	}
	table, err := Release(totals, p)
	if err != nil {
		t.Fatal(err)
	}
	return p, table
}

// Whatever the cells, a release has its plan's shape, and goes through JSON as it is.
func TestReleasesPassTheCheck(t *testing.T) {
	for name, s := range checkedSpecs() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			p, table := releasedFrom(t, s, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)))
			if err := p.Check(table); err != nil {
				t.Fatalf("%v: %+v", err, table)
			}
			b, err := json.Marshal(table)
			if err != nil {
				t.Fatal(err)
			}
			var back *Table
			if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(table, back) {
				t.Fatalf("it comes back changed: %v", err)
			}
		}))
	}
}

// Every part of a table that is not as its plan says is refused.
func TestOtherTablesAreRefused(t *testing.T) {
	number := func(name string, change func(*Measured)) func(*Table) {
		return func(t *Table) {
			for g := range t.Groups {
				for i := range t.Groups[g].Measures {
					if m := &t.Groups[g].Measures[i]; m.Name == name {
						change(m)
						return
					}
				}
			}
			panic("no " + name)
		}
	}
	cases := map[string]map[string]func(*Table){
		"public": {
			"no groups":          func(t *Table) { t.Groups = nil },
			"a group less":       func(t *Table) { t.Groups = t.Groups[1:] },
			"a group twice":      func(t *Table) { t.Groups = append(t.Groups, t.Groups[0]) },
			"groups out of line": func(t *Table) { t.Groups[0], t.Groups[1] = t.Groups[1], t.Groups[0] },
			"another key":        func(t *Table) { t.Groups[0].Keys = []string{"a", "x"} },
			"hidden, with numbers": func(t *Table) {
				t.Groups[0].Suppressed = true
			},
			"below the threshold":   number("people", func(m *Measured) { m.Value = 20 }),
			"half a person":         number("people", func(m *Measured) { m.Value += 0.5 }),
			"another unit":          number("fee", func(m *Measured) { m.Unit = "yuan" }),
			"another name":          number("fee", func(m *Measured) { m.Name = "totals" }),
			"not a number":          number("fee", func(m *Measured) { m.Low = math.NaN() }),
			"without end":           number("h", func(m *Measured) { m.Values[0].High = math.Inf(1) }),
			"a number with an axis": number("fee", func(m *Measured) { m.Values = []Point{} }),
			"an axis with a number": number("h", func(m *Measured) { m.Value = 1 }),
			"a position less":       number("h", func(m *Measured) { m.Values = m.Values[1:] }),
			"a position more":       number("s", func(m *Measured) { m.Values = append(m.Values, Point{At: "5"}) }),
			"another position":      number("q", func(m *Measured) { m.Values[0].At = "0.51" }),
			"a noise it has not":    number("h", func(m *Measured) { m.Values[0].Noise = &[2]float64{} }),
			"marginals":             number("fee", func(m *Measured) { m.Marginals = &Marginals{} }),
			"a number more":         func(t *Table) { t.Groups[0].Measures = append(t.Groups[0].Measures, Measured{Name: "more"}) },
			"a number less":         func(t *Table) { t.Groups[0].Measures = t.Groups[0].Measures[:1] },
			"numbers out of line": func(t *Table) {
				m := t.Groups[0].Measures
				m[1], m[2] = m[2], m[1]
			},
		},
		"private": {
			"a suppressed one": func(t *Table) { t.Groups[0] = Group{Keys: t.Groups[0].Keys, Suppressed: true} },
			"out of order":     func(t *Table) { t.Groups[0], t.Groups[1] = t.Groups[1], t.Groups[0] },
			"one twice":        func(t *Table) { t.Groups[1].Keys = t.Groups[0].Keys },
			"a key more":       func(t *Table) { t.Groups[0].Keys = append(t.Groups[0].Keys, "x") },
			"a public key":     func(t *Table) { t.Groups[0].Keys = []string{"other", "f"} },
		},
		"survival": {
			"no noise":     number("curve", func(m *Measured) { m.Values[0].Noise = nil }),
			"a hole":       number("curve", func(m *Measured) { m.Values[0].At = "1" }),
			"noisy noise":  number("curve", func(m *Measured) { m.Values[0].Noise[1] = math.NaN() }),
			"not a vector": number("curve", func(m *Measured) { m.Values = nil }),
		},
		"marginals": {
			"none":            number("m", func(m *Measured) { m.Marginals = nil }),
			"a pair less":     number("m", func(m *Measured) { m.Marginals.Pairs = m.Marginals.Pairs[1:] }),
			"a pair left out": number("m", func(m *Measured) { m.Marginals.Left = nil }),
			"a pair twice":    number("m", func(m *Measured) { m.Marginals.Pairs[1] = m.Marginals.Pairs[0] }),
			"a cell less":     number("m", func(m *Measured) { m.Marginals.Pairs[0].Cells = m.Marginals.Pairs[0].Cells[1:] }),
			"another cell":    number("m", func(m *Measured) { m.Marginals.Pairs[0].Cells[0].A = "q" }),
			"a row more": number("m", func(m *Measured) {
				m.Marginals.Synthetic.Rows = append(m.Marginals.Synthetic.Rows, []string{"a", "a", "u"})
			}),
			"a value of nobody":  number("m", func(m *Measured) { m.Marginals.Synthetic.Rows[3][0] = "canary" }),
			"another column":     number("m", func(m *Measured) { m.Marginals.Synthetic.Columns[0] = "q" }),
			"another attribute":  number("m", func(m *Measured) { m.Marginals.Fit[0].Name = "q" }),
			"another one-way at": number("m", func(m *Measured) { m.Values[0].At = "q" }),
		},
	}
	for name, changes := range cases {
		for what, change := range changes {
			s := checkedSpecs()[name]
			r := rand.New(rand.NewPCG(1, 1))
			p, table := releasedFrom(t, s, r)
			for tries := 0; !allShown(table); tries++ {
				if tries > 2000 {
					t.Fatal("no table with every group")
				}
				p, table = releasedFrom(t, s, r)
			}
			change(table)
			if err := p.Check(table); !errors.Is(err, ErrTable) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	p, _ := releasedFrom(t, everyKind(), rand.New(rand.NewPCG(1, 1)))
	if err := p.Check(nil); !errors.Is(err, ErrTable) {
		t.Errorf("no table: %v", err)
	}
}

// allShown says whether nothing is suppressed or empty, so that there is something to change.
func allShown(t *Table) bool {
	for _, g := range t.Groups {
		for _, m := range g.Measures {
			if m.Values != nil && len(m.Values) == 0 {
				return false
			}
		}
		if g.Suppressed || len(g.Measures) < 2 {
			return false
		}
	}
	return len(t.Groups) > 1 || len(t.Groups) == 1 && len(t.Groups[0].Keys) == 0
}
