package dp

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the noise made of them, tables end up as one distribution: none below
// 0, each adding up to 1, and the tables of the tree with the one-way tables as
// their margins, as far as rows that keep some people allow.
func TestFitIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(2, 5).Draw(t, "a"), rapid.IntRange(2, 5).Draw(t, "b")
		m := &measure{Measure: Measure{Attributes: make([]Attribute, 2)}, pairs: []pairTable{{0, 1, 0, a, b}}}
		// Counts well above the noise: every cell stays, so the margins can be met.
		cell := rapid.Int64Range(200, 1000)
		n := &noisyMarginals{tree: []int{0}, pairs: [][]int64{rapid.SliceOfN(cell, a*b, a*b).Draw(t, "pair")}, one: make([][]int64, 2)}
		for _, x := range n.pairs[0] {
			n.people += x
		}
		for i, k := range []int{a, b} {
			n.one[i] = make([]int64, k)
			for j := range n.one[i] {
				n.one[i][j] = n.people/int64(k) + rapid.Int64Range(-40, 40).Draw(t, "noise")
			}
		}
		model := m.fit(n)
		sums := [][]float64{make([]float64, a), make([]float64, b)}
		for i := range a {
			for j := range b {
				x := model.pairs[0][i*b+j]
				if x < 0 {
					t.Fatalf("cell %d,%d is %g", i, j, x)
				}
				sums[0][i] += x
				sums[1][j] += x
			}
		}
		for i, shares := range model.shares {
			total := 0.0
			for j, x := range shares {
				total += x
				if math.Abs(x-sums[i][j]) > 1e-9 {
					t.Errorf("attribute %d value %d: %g one-way, %g in the pair", i, j, x, sums[i][j])
				}
			}
			if math.Abs(total-1) > 1e-9 {
				t.Errorf("attribute %d adds up to %g", i, total)
			}
		}
	})
}

// Wild noise, empty tables, people counts below nothing: there is a distribution
// to draw from all the same, and every row is of values that exist.
func TestSampleFromAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &measure{Measure: Measure{Attributes: make([]Attribute, 3)}, pairs: []pairTable{{0, 1, 0, 2, 3}, {0, 2, 6, 2, 4}, {1, 2, 14, 3, 4}}}
		wild := rapid.Int64Range(-1<<40, 1<<40)
		n := &noisyMarginals{people: wild.Draw(t, "people"), tree: [][]int{{0, 1}, {2, 0}, {1, 2}}[rapid.IntRange(0, 2).Draw(t, "tree")]}
		for _, k := range []int{2, 3, 4} {
			n.one = append(n.one, rapid.SliceOfN(wild, k, k).Draw(t, "one"))
		}
		for _, i := range n.tree {
			n.pairs = append(n.pairs, rapid.SliceOfN(wild, m.pairs[i].cells(), m.pairs[i].cells()).Draw(t, "pair"))
		}
		model := m.fit(n)
		rows, err := model.sample(20, endless{})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for a, v := range row {
				if v < 0 || v >= []int{2, 3, 4}[a] || model.shares[a][v] < 0 || math.IsNaN(model.shares[a][v]) {
					t.Fatalf("row %v from shares %v", row, model.shares)
				}
			}
		}
	})
}

// endless gives bytes that are not random.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i*37 + 11)
	}
	return len(b), nil
}

// By hand: the nearest point of the simplex.
func TestOnSimplex(t *testing.T) {
	for _, c := range []struct {
		x     []int64
		total float64
		want  []float64
	}{
		{[]int64{3, 1}, 4, []float64{3, 1}},
		{[]int64{3, 1}, 2, []float64{2, 0}},
		{[]int64{5, -3, 1}, 4, []float64{4, 0, 0}},
		{[]int64{5, -3, 4}, 7, []float64{4, 0, 3}},
		{[]int64{0, 0}, 1, []float64{0.5, 0.5}},
		{[]int64{-9, -10}, 3, []float64{2, 1}},
	} {
		for i, x := range onSimplex(c.x, c.total) {
			if math.Abs(x-c.want[i]) > 1e-12 {
				t.Errorf("%v to %g: %g at %d, want %v", c.x, c.total, x, i, c.want)
			}
		}
	}
}
