package proof_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/proof"
)

// marginals are totals of people in three attributes, person i as given.
func marginals(t *testing.T, s dp.Spec, people int, at func(i int) [3]int64) *dp.Totals {
	t.Helper()
	out, err := dp.NewTotals(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.DeclarePublic(); err != nil {
		t.Fatal(err)
	}
	b := &dp.Batch{Values: make([][]int64, 3)}
	for i := range people {
		b.Person, b.Group, b.Keys = append(b.Person, uint32(i)), append(b.Group, 0), append(b.Keys, [16]byte{byte(i), byte(i >> 8), byte(people)})
		for c, v := range at(i) {
			b.Values[c] = append(b.Values[c], v)
		}
	}
	if err := out.AddRange(b); err != nil {
		t.Fatal(err)
	}
	return out
}

// What is chosen by noisy numbers is examined whole: a person costs everything
// that is charged, and no more (false alarm 1e-6).
func TestDrawMarginals(t *testing.T) {
	s := dp.Spec{L0: 1, K: 20, MaxRows: 1, MaxPeople: 1_000_000, Columns: []string{"a", "b", "c"}}
	m := dp.Measure{Name: "m", Kind: dp.KindMarginals, Rows: 1, Synthetic: 1}
	for _, c := range s.Columns {
		m.Attributes = append(m.Attributes, dp.Attribute{Name: c, Column: c, Values: []string{"0", "1", "2"}})
	}
	s.Measures = []dp.Measure{m}
	crowd := func(i int) [3]int64 { return [3]int64{int64(i % 2), int64(i / 2 % 2), int64(i / 3 % 2)} }
	alone := func(int) [3]int64 { return [3]int64{2, 2, 2} }
	plan, err := dp.Price(s, dp.Want{Rho: 0.8}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proof.Bounded(marginals(t, s, 1, alone), plan); err != nil {
		t.Error(err)
	}
	if _, err := proof.Bounded(marginals(t, s, 2, alone), plan); err == nil {
		t.Error("two people are within the bounds of one")
	}
	a, err := proof.Draw(marginals(t, s, 600, crowd), marginals(t, s, 1, alone), plan, 3000)
	if err != nil {
		t.Fatalf("%v: %+v", err, a)
	}
	if a.Person < 0.999*a.Charged || a.Person > a.Charged {
		t.Errorf("the person costs %g of %g", a.Person, a.Charged)
	}
}
