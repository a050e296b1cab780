package dp

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// rakeRounds bounds the iterations of rake; a consistent table needs one.
const rakeRounds = 200

// treeModel is a distribution over the attributes: the shares of each, and the
// pair tables of a tree, which have these shares as their margins.
type treeModel struct {
	shares [][]float64
	tables []pairTable
	pairs  [][]float64 // by table, adding up to 1
}

// fit makes the noisy tables consistent. Nothing is below 0 and each table adds
// up to the people (the nearest such table in L2); the pairs are then raked to
// the one-way tables, which have fewer cells and so less noise.
func (m *measure) fit(n *noisyMarginals) *treeModel {
	model := &treeModel{shares: m.shares(n)}
	for at, i := range n.tree {
		t := m.pairs[i]
		table := onSimplex(n.pairs[at], n.total())
		for j := range table {
			table[j] /= n.total()
		}
		rake(table, model.shares[t.a], model.shares[t.b])
		model.tables, model.pairs = append(model.tables, t), append(model.pairs, table)
	}
	return model
}

// onSimplex is the point nearest to x in L2 whose parts are not negative and add
// up to total, by Duchi, Shalev-Shwartz, Singer and Chandra (2008).
func onSimplex(x []int64, total float64) []float64 {
	falling := make([]float64, len(x))
	for i, v := range x {
		falling[i] = float64(v)
	}
	out := slices.Clone(falling)
	slices.SortFunc(falling, func(a, b float64) int { return cmp.Compare(b, a) })
	sum, shift := 0.0, 0.0
	for i, v := range falling {
		sum += v
		if s := (sum - total) / float64(i+1); v > s {
			shift = s
		}
	}
	for i := range out {
		out[i] = math.Max(0, out[i]-shift)
	}
	return out
}

// rake scales the rows and columns of a table by turns until its margins are
// those given (iterative proportional fitting, Deming and Stephan 1940). A row or
// column that is empty and should not be is first filled as if independent.
func rake(table, rows, cols []float64) {
	fillEmpty(table, rows, cols)
	k := len(cols)
	for range rakeRounds {
		for j, want := range cols {
			have := 0.0
			for i := range rows {
				have += table[i*k+j]
			}
			for i := range rows {
				table[i*k+j] *= ratio0(want, have)
			}
		}
		worst := 0.0
		for i, want := range rows {
			have := 0.0
			for j := range cols {
				have += table[i*k+j]
			}
			worst = math.Max(worst, math.Abs(have-want))
			for j := range cols {
				table[i*k+j] *= ratio0(want, have)
			}
		}
		if worst < 1e-12 {
			return
		}
	}
}

func fillEmpty(table, rows, cols []float64) {
	k := len(cols)
	for i := range rows {
		if sumOver(k, func(j int) float64 { return table[i*k+j] }) == 0 {
			for j := range cols {
				table[i*k+j] = rows[i] * cols[j]
			}
		}
	}
	for j := range cols {
		if sumOver(len(rows), func(i int) float64 { return table[i*k+j] }) == 0 {
			for i := range rows {
				table[i*k+j] = rows[i] * cols[j]
			}
		}
	}
}

func sumOver(n int, at func(int) float64) float64 {
	sum := 0.0
	for i := range n {
		sum += at(i)
	}
	return sum
}

// ratio0 is want/have, and 0 where there is nothing to scale.
func ratio0(want, have float64) float64 {
	if have <= 0 {
		return 0
	}
	return want / have
}

// treeStep is how a walk of the tree reaches an attribute from one it has been at.
type treeStep struct{ from, to, table int }

// walk orders the tree's edges outwards from attribute 0.
func (t *treeModel) walk() []treeStep {
	var out []treeStep
	seen := map[int]bool{0: true}
	for len(out) < len(t.tables) {
		for i, e := range t.tables {
			switch {
			case seen[e.a] && !seen[e.b]:
				out = append(out, treeStep{e.a, e.b, i})
			case seen[e.b] && !seen[e.a]:
				out = append(out, treeStep{e.b, e.a, i})
			default:
				continue
			}
			seen[e.a], seen[e.b] = true, true
		}
	}
	return out
}

// given is the distribution, not normalised, of the attribute that a step
// reaches, where the one it comes from has value v; its own shares if nothing of
// the table is left there.
func (t *treeModel) given(s treeStep, v int) []float64 {
	e, out := t.tables[s.table], make([]float64, len(t.shares[s.to]))
	sum := 0.0
	for w := range out {
		at := v*e.cols + w
		if s.from == e.b {
			at = w*e.cols + v
		}
		out[w] = t.pairs[s.table][at]
		sum += out[w]
	}
	if sum <= 0 {
		return t.shares[s.to]
	}
	return out
}

// sample draws independent rows of value numbers, each by one walk of the tree.
func (t *treeModel) sample(rows int, random io.Reader) ([][]int, error) {
	in, walk := bufio.NewReader(random), t.walk()
	cumulative := make([][][]float64, len(walk)) // by step and value of from
	for i, s := range walk {
		for v := range t.shares[s.from] {
			cumulative[i] = append(cumulative[i], runningSum(t.given(s, v)))
		}
	}
	first := runningSum(t.shares[0])
	out := make([][]int, rows)
	for r := range out {
		row := make([]int, len(t.shares))
		var err error
		if row[0], err = pick(first, in); err != nil {
			return nil, err
		}
		for i, s := range walk {
			if row[s.to], err = pick(cumulative[i][row[s.from]], in); err != nil {
				return nil, err
			}
		}
		out[r] = row
	}
	return out, nil
}

func runningSum(weights []float64) []float64 {
	out, sum := make([]float64, len(weights)), 0.0
	for i, w := range weights {
		sum += w
		out[i] = sum
	}
	return out
}

// pick draws an index with the chance of its step in a running sum.
func pick(cumulative []float64, in io.Reader) (int, error) {
	var b [8]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return 0, err
	}
	u := float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53) * cumulative[len(cumulative)-1]
	for i, c := range cumulative {
		if u < c {
			return i, nil
		}
	}
	return len(cumulative) - 1, nil
}

// attributeFits compares the synthetic rows with the shares of each attribute.
func (t *treeModel) attributeFits(m *measure, rows [][]int) []Fit {
	var out []Fit
	for a, shares := range t.shares {
		counts := make([]int, len(shares))
		for _, row := range rows {
			counts[row[a]]++
		}
		out = append(out, Fit{m.Attributes[a].Name, variationDistance(counts, shares, len(rows))})
	}
	return out
}

// pairFit compares them with a table of the tree.
func (t *treeModel) pairFit(table int, rows [][]int) float64 {
	e, counts := t.tables[table], make([]int, len(t.pairs[table]))
	for _, row := range rows {
		counts[row[e.a]*e.cols+row[e.b]]++
	}
	return variationDistance(counts, t.pairs[table], len(rows))
}

// variationDistance is half the L1 distance of two distributions.
func variationDistance(counts []int, shares []float64, n int) float64 {
	sum := 0.0
	for i, c := range counts {
		sum += math.Abs(float64(c)/float64(n) - shares[i])
	}
	return sum / 2
}
