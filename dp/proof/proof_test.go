package proof_test

import (
	"errors"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/proof"
)

func spec() dp.Spec {
	return dp.Spec{
		L0: 2, K: 20, Keys: []dp.Key{{Name: "level", Values: []string{"a", "b", "c"}}}, Columns: []string{"amount"},
		Measures:  []dp.Measure{{Name: "spent", Unit: "fen", Kind: dp.KindSum, Column: "amount", RowHi: 1000, Lo: 0, Hi: 1000, Reference: 100}},
		MaxPeople: 1_000_000, MaxRows: 1000,
	}
}

// totals adds people whose rows have the group and the amount given.
func totals(t *testing.T, s dp.Spec, public bool, rows ...[2]int64) *dp.Totals {
	t.Helper()
	out, err := dp.NewTotals(s)
	if err != nil {
		t.Fatal(err)
	}
	if public {
		if err := out.DeclarePublic(); err != nil {
			t.Fatal(err)
		}
	}
	b := &dp.Batch{Values: [][]int64{nil}}
	for i, r := range rows {
		b.Person, b.Keys = append(b.Person, uint32(i)), append(b.Keys, [16]byte{byte(i), byte(i >> 8), 1})
		b.Group, b.Values[0] = append(b.Group, int32(r[0])), append(b.Values[0], r[1])
	}
	if err := out.AddRange(b); err != nil {
		t.Fatal(err)
	}
	return out
}

func crowd(n int) (rows [][2]int64) {
	for i := range n {
		rows = append(rows, [2]int64{int64(i % 3), int64(i % 1000)})
	}
	return rows
}

// What is not declared public is not examined, and stays fit for its release.
func TestOnlyPublicTotalsAreExamined(t *testing.T) {
	s := spec()
	plan, err := dp.Price(s, dp.Want{Rho: 0.5}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	secret := totals(t, s, false, crowd(500)...)
	if err := proof.Bounded(secret); !errors.Is(err, proof.ErrNotPublic) {
		t.Error(err)
	}
	if err := proof.Apart(secret); !errors.Is(err, proof.ErrNotPublic) {
		t.Error(err)
	}
	if _, err := proof.Draw(secret, totals(t, s, true, [2]int64{0, 5}), plan, 10); !errors.Is(err, proof.ErrNotPublic) {
		t.Error(err)
	}
	if _, err := proof.Draw(totals(t, s, true, [2]int64{0, 5}), secret, plan, 10); !errors.Is(err, proof.ErrNotPublic) {
		t.Error(err)
	}
	if _, err := dp.Release(secret, plan); err != nil {
		t.Error(err)
	}
	late := totals(t, s, false, [2]int64{0, 5})
	if err := late.DeclarePublic(); !errors.Is(err, dp.ErrMismatch) {
		t.Errorf("declared public with rows in it: %v", err)
	}
	open := totals(t, s, true, crowd(500)...)
	if err := proof.Bounded(open); err == nil {
		t.Error("five hundred people are within the bounds of one")
	}
	if _, err := dp.Release(open, plan); !errors.Is(err, dp.ErrReleased) {
		t.Errorf("examined totals were released: %v", err)
	}
}

// A public total and a secret one never come together.
func TestForksKeepTheDeclaration(t *testing.T) {
	s := spec()
	root, err := dp.NewTotals(s)
	if err != nil {
		t.Fatal(err)
	}
	fork, err := root.Fork()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*dp.Totals{root, fork} {
		if err := x.DeclarePublic(); !errors.Is(err, dp.ErrMismatch) {
			t.Errorf("declared public after a fork: %v", err)
		}
	}
	open := totals(t, s, true)
	if fork, err = open.Fork(); err != nil {
		t.Fatal(err)
	}
	if err := open.Join(fork); err != nil {
		t.Fatal(err)
	}
	if err := proof.Apart(open); err != nil {
		t.Error(err)
	}
}

func TestApart(t *testing.T) {
	s := proof.Unbound(spec())
	rows := crowd(90)
	whole := func() *dp.Totals { return totals(t, s, true, rows...) }
	if err := proof.Apart(whole(), totals(t, s, true, rows[:40]...), totals(t, s, true, rows[40:]...)); err != nil {
		t.Error(err)
	}
	if err := proof.Apart(whole(), totals(t, s, true, rows[:40]...), totals(t, s, true, rows[41:]...)); !errors.Is(err, proof.ErrApart) {
		t.Errorf("a person is missing: %v", err)
	}
	changed := append([][2]int64{{1, 999}}, rows[1:]...)
	if err := proof.Apart(whole(), totals(t, s, true, changed...)); !errors.Is(err, proof.ErrApart) {
		t.Errorf("a person is in another group: %v", err)
	}
}

// A mechanism that keeps its promise is acquitted (false alarm 1e-6); the same
// draws are a violation of half the cost.
func TestDraw(t *testing.T) {
	s := spec()
	plan, err := dp.Price(s, dp.Want{Rho: 0.8}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	a, err := proof.Draw(totals(t, s, true, crowd(600)...), totals(t, s, true, [2]int64{1, 1000}), plan, 20_000)
	if err != nil {
		t.Fatalf("%v: %+v", err, a)
	}
	// One group of the two that are charged for: half the cost.
	if a.Person < 0.4*a.Charged || a.Person > 0.51*a.Charged {
		t.Errorf("the person costs %g of %g", a.Person, a.Charged)
	}
}
