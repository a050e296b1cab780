package dp_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/dp/internal/normal"
)

const runs = 10_000

// cohort is n persons, each in every one of the groups.
func cohort(n int, groups ...string) []dptest.Row {
	rows := []dptest.Row{}
	for p := range n {
		for _, g := range groups {
			rows = append(rows, dptest.Row{Person: dptest.Person(fmt.Sprint(p)), Keys: []string{g}})
		}
	}
	return rows
}

// shown counts how often a group is shown in so many releases of the same rows.
func shown(t *testing.T, s dp.Spec, p *dp.Plan, rows []dptest.Row) int {
	t.Helper()
	n := 0
	for range runs {
		tot := mustTotals(t, s)
		dptest.Fill(t, tot, rows)
		table, err := dp.Release(tot, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range table.Groups {
			if !g.Suppressed {
				n++
			}
		}
	}
	return n
}

func thresholdSpec(l0 int, private bool) (dp.Spec, []string) {
	groups := []string{"a", "b", "c"}[:l0]
	s := dp.Spec{L0: l0, K: 3, MaxRows: 10, MaxPeople: 1000, Keys: []dp.Key{{Name: "group", Values: groups}}}
	if private {
		s.Keys[0] = dp.Key{Name: "group", Private: true}
	}
	return s, groups
}

// Rule 5 with delta_thr = 0.2: a group of k-1 people is never shown, one of
// exactly k in delta_thr/L0 of the releases (false alarm 1e-6 a case). Deleting
// "n >= k" shows the first in a fifth; deleting the noisy half shows the second
// always.
func TestThresholdHidesAndShowsAsCharged(t *testing.T) {
	for _, l0 := range []int{1, 3} {
		for _, private := range []bool{false, true} {
			s, groups := thresholdSpec(l0, private)
			p, err := dp.Price(s, dp.Want{Rho: 3e-6 * float64(l0)}, dp.DeltaRule{Fixed: 0.2})
			if err != nil {
				t.Fatal(err)
			}
			if n := shown(t, s, p, cohort(s.K-1, groups...)); n != 0 {
				t.Errorf("L0 %d private %v: a group of k-1 people was shown %d times", l0, private, n)
			}
			dptest.AssertBinomial(t, shown(t, s, p, cohort(s.K, groups...)), runs*l0, 0.2/float64(l0), 1e-6)
		}
	}
}

// With little noise its rounding to integers counts: a sigma of 1.18 puts tau on
// the integer that would be shown in a third of the releases if the half unit
// were forgotten. At most delta_thr may be (false alarm 1e-6, one-sided).
func TestThresholdCountsRoundedNoise(t *testing.T) {
	s, groups := thresholdSpec(1, false)
	p, err := dp.Price(s, dp.Want{Rho: 0.359}, dp.DeltaRule{Fixed: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	sigma := p.Sigmas()["people"]
	if sigma < 1.17 || sigma > 1.187 {
		t.Fatalf("the case needs a sigma near 1.18, not %g", sigma)
	}
	n := shown(t, s, p, cohort(s.K, groups...))
	dptest.AssertBinomial(t, n, runs, normal.Upper((float64(p.Tau())-1.5)/sigma), 1e-6)
	if limit := 0.2*runs + 4.8*math.Sqrt(0.16*runs); float64(n) > limit {
		t.Errorf("shown %d times of %d, delta_thr is 0.2", n, runs)
	}
}

// A group as large as SmallestGroup is shown in at least 95 % of the releases
// (false alarm 1e-6: 4.8 deviations).
func TestSmallestGroupIsLikelyShown(t *testing.T) {
	for _, noisyK := range []bool{false, true} {
		s, groups := thresholdSpec(1, false)
		s.NoisyK = noisyK
		p, err := dp.Price(s, dp.Want{Rho: 0.005}, dp.DeltaRule{Fixed: 1e-6})
		if err != nil {
			t.Fatal(err)
		}
		n := shown(t, s, p, cohort(p.SmallestGroup(), groups...))
		if least := 0.95*runs - 4.8*math.Sqrt(0.0475*runs); float64(n) < least {
			t.Errorf("noisy k %v: a group of %d is shown %d times of %d", noisyK, p.SmallestGroup(), n, runs)
		}
		if n > 0.99*runs {
			t.Errorf("noisy k %v: a group of %d is shown %d times: the smallest is smaller", noisyK, p.SmallestGroup(), n)
		}
	}
}

// With a noisy k an empty group is shown as often as noise alone passes k + 3
// sigma, for an empty group has no other protection and needs none.
func TestNoisyK(t *testing.T) {
	s, _ := thresholdSpec(1, false)
	s.NoisyK = true
	p, err := dp.Price(s, dp.Want{Rho: 1e-4}, dp.DeltaRule{})
	if err != nil {
		t.Fatal(err)
	}
	sigma := p.Sigmas()["people"]
	q := normal.Upper((float64(p.Threshold()) - 0.5) / sigma)
	dptest.AssertBinomial(t, shown(t, s, p, nil), runs, q, 1e-6)
}

// Public groups that fail stay in the table without measures; private ones are
// absent.
func TestSuppressedGroups(t *testing.T) {
	s := dp.Spec{
		L0: 1, K: 5, MaxRows: 10, MaxPeople: 1000, Columns: []string{"v"},
		Keys:     []dp.Key{{Name: "size", Values: []string{"none", "few", "many"}}},
		Measures: []dp.Measure{{Name: "sum", Unit: "fen", Kind: dp.KindSum, Column: "v", RowHi: 10, Hi: 10}},
	}
	p, err := dp.Price(s, dp.Want{Rho: 0.5}, dp.DeltaRule{Fixed: 1e-3})
	if err != nil {
		t.Fatal(err)
	}
	rows := []dptest.Row{}
	for i := range 104 {
		size := "many"
		if i < 4 {
			size = "few"
		}
		rows = append(rows, dptest.Row{Person: dptest.Person(fmt.Sprint(i)), Keys: []string{size}, Values: []int64{7}})
	}
	tot := mustTotals(t, s)
	dptest.Fill(t, tot, rows)
	table := dptest.ReleaseExact(t, tot, p)
	for i, want := range []struct {
		key        string
		suppressed bool
	}{{"none", true}, {"few", true}, {"many", false}} {
		g := table.Groups[i]
		if g.Keys[0] != want.key || g.Suppressed != want.suppressed || g.Suppressed && g.Measures != nil {
			t.Errorf("group %d is %+v, want %+v", i, g, want)
		}
	}
	m := table.Groups[2].Measures
	if len(m) != 2 || m[0].Name != "people" || m[0].Value != 100 || m[1].Name != "sum" || m[1].Unit != "fen" || m[1].Value != 700 {
		t.Errorf("measures %+v", m)
	}
	if w, _ := p.HalfWidth("sum", 0); math.Abs(m[1].High-700-w) > 0.5 || math.Abs(700-m[1].Low-w) > 0.5 {
		t.Errorf("interval [%g, %g], predicted half-width %g", m[1].Low, m[1].High, w)
	}

	s.Keys[0] = dp.Key{Name: "size", Private: true}
	if p, err = dp.Price(s, dp.Want{Rho: 0.5}, dp.DeltaRule{Fixed: 1e-3}); err != nil {
		t.Fatal(err)
	}
	tot = mustTotals(t, s)
	dptest.Fill(t, tot, rows)
	if table = dptest.ReleaseExact(t, tot, p); len(table.Groups) != 1 || table.Groups[0].Keys[0] != "many" {
		t.Errorf("private groups that fail must be absent: %+v", table.Groups)
	}
}

// Private groups come out by key, whatever order workers met them in; public
// keys beside them in the order of their domain.
func TestPrivateOrder(t *testing.T) {
	s := dp.Spec{L0: 10, K: 2, MaxRows: 100, MaxPeople: 1000, Keys: []dp.Key{{Name: "drug", Private: true}, {Name: "sex", Values: []string{"m", "f"}}}}
	p, err := dp.Price(s, dp.Want{Rho: 0.5}, dp.DeltaRule{Fixed: 1e-3})
	if err != nil {
		t.Fatal(err)
	}
	for _, drugs := range [][]string{{"b", "a", "c"}, {"c", "b", "a"}} {
		rows := []dptest.Row{}
		for _, drug := range drugs {
			for i := range 200 {
				for _, sex := range []string{"f", "m"} {
					rows = append(rows, dptest.Row{Person: dptest.Person(fmt.Sprint(i)), Keys: []string{drug, sex}})
				}
			}
		}
		tot := mustTotals(t, s)
		dptest.Fill(t, tot, rows)
		got := ""
		for _, g := range dptest.ReleaseExact(t, tot, p).Groups {
			got += g.Keys[0] + g.Keys[1] + " "
		}
		if got != "am af bm bf cm cf " {
			t.Errorf("order %q", got)
		}
	}
}
