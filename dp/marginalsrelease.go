package dp

import (
	"cmp"
	"crypto/rand"
	"io"
	"math"
	"slices"

	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// noisyMarginals is all that leaves the mechanism: noisy numbers. What is made of
// them is post-processing.
type noisyMarginals struct {
	people int64
	one    [][]int64 // by attribute and value
	scores []int64   // by pair
	tree   []int     // the chosen pairs
	pairs  [][]int64 // by place in tree, cells of the pair
}

// addMarginals draws the marginals of a shown group, in the order of the Spec.
func (p *Plan) addMarginals(noise seam.Noise, cells []int64, people int64, sigmas []float64, group *Group) error {
	at := 1 // people is first
	for i := range p.c.measures {
		m := &p.c.measures[i]
		if m.Kind != KindMarginals {
			at += len(m.emitted())
			continue
		}
		drawn, err := p.drawMarginals(noise, m, cells, people)
		if err != nil {
			return err
		}
		out, err := m.marginals(drawn, [3]float64{sigmas[m.channels[0]], sigmas[m.channels[1]], sigmas[m.channels[2]]}, rand.Reader)
		if err != nil {
			return ErrNoise
		}
		group.Measures = slices.Insert(group.Measures, min(at, len(group.Measures)), out)
		at++
	}
	return nil
}

// drawMarginals selects and measures, in the manner of MST (McKenna, Miklau and
// Sheldon, "Winning the NIST Contest: A scalable and general approach to
// differentially private synthetic data", 2021, arXiv 2108.04978), with Gaussian
// noise throughout, so that each step has its sigma and the steps compose as
// adaptive zCDP:
//
//  1. one-way tables, squared distance d;
//  2. for every pair the L1 distance between its counts and the integer estimate
//     that the noisy one-way tables and the noisy people give under independence.
//     The estimate is fixed before the data are looked at again, so one person
//     moves a score by at most 1, all of them by a squared distance of d(d-1)/2;
//  3. the maximum spanning tree of the noisy scores, which sees no data;
//  4. the d-1 tables of the tree, squared distance d-1.
//
// MST selects by the exponential mechanism edge by edge; noisy scores cost the
// same order and are themselves an answer: how wrong independence would be.
func (p *Plan) drawMarginals(noise seam.Noise, m *measure, cells []int64, people int64) (*noisyMarginals, error) {
	out := &noisyMarginals{people: people}
	draw := func(exact []int64, channel int) ([]int64, error) {
		noisy := make([]int64, len(exact))
		for i, x := range exact {
			var err error
			if noisy[i], err = p.add(noise, x, m.channels[channel]); err != nil {
				return nil, err
			}
		}
		return noisy, nil
	}
	for a := range m.Attributes {
		one, err := draw(m.oneWay(cells, a), 0)
		if err != nil {
			return nil, err
		}
		out.one = append(out.one, one)
	}
	var err error
	if out.scores, err = draw(m.distances(cells, out), 1); err != nil {
		return nil, err
	}
	out.tree = m.spanningTree(out.scores)
	for _, i := range out.tree {
		t := m.pairs[i]
		pair, err := draw(cells[t.offset:t.offset+t.cells()], 2)
		if err != nil {
			return nil, err
		}
		out.pairs = append(out.pairs, pair)
	}
	return out, nil
}

// oneWay sums the exact table of one attribute out of a pair that it is in.
func (m *measure) oneWay(cells []int64, a int) []int64 {
	out := make([]int64, len(m.Attributes[a].Values))
	for _, t := range m.pairs {
		if t.a != a && t.b != a {
			continue
		}
		for i := range t.rows {
			for j := range t.cols {
				at := i
				if t.b == a {
					at = j
				}
				out[at] += cells[t.offset+i*t.cols+j]
			}
		}
		break
	}
	return out
}

// distances are the scores of all pairs, given noisy people and one-way tables.
func (m *measure) distances(cells []int64, n *noisyMarginals) []int64 {
	shares, out := m.shares(n), make([]int64, len(m.pairs))
	for i, t := range m.pairs {
		out[i] = t.distance(cells, shares[t.a], shares[t.b], n.total())
	}
	return out
}

// distance is the L1 distance of a pair's counts to the rounded estimate.
func (t pairTable) distance(cells []int64, a, b []float64, people float64) int64 {
	sum := int64(0)
	for i := range t.rows {
		for j := range t.cols {
			sum += magnitude(cells[t.offset+i*t.cols+j] - int64(math.Round(people*a[i]*b[j])))
		}
	}
	return sum
}

// total is the noisy number of people, at least 1.
func (n *noisyMarginals) total() float64 { return math.Max(1, float64(n.people)) }

// shares are the one-way tables made consistent: none below 0, together 1.
func (m *measure) shares(n *noisyMarginals) [][]float64 {
	out := make([][]float64, len(n.one))
	for a, one := range n.one {
		out[a] = onSimplex(one, n.total())
		for i := range out[a] {
			out[a][i] /= n.total()
		}
	}
	return out
}

// spanningTree is Kruskal's: pairs by falling score, each that joins two parts.
// Equal scores go by the order of the pairs.
func (m *measure) spanningTree(scores []int64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(scores[y], scores[x]) })
	part := make([]int, len(m.Attributes))
	for i := range part {
		part[i] = i
	}
	var tree []int
	for _, i := range order {
		from, to := part[m.pairs[i].a], part[m.pairs[i].b]
		if from == to {
			continue
		}
		tree = append(tree, i)
		for j := range part {
			if part[j] == from {
				part[j] = to
			}
		}
	}
	return tree
}

// marginals states the noisy tables with their intervals and draws the synthetic
// rows, from noisy numbers and random bytes alone. The interval of a score is for
// the distance to that very estimate.
func (m *measure) marginals(n *noisyMarginals, sigmas [3]float64, random io.Reader) (Measured, error) {
	out := Measured{Name: m.Name, Unit: m.Unit, Marginals: &Marginals{}}
	for a, one := range n.one {
		for i, x := range one {
			v, low, high := countInterval(x, sigmas[0])
			out.Values = append(out.Values, Point{At: m.Attributes[a].Name + ": " + m.Attributes[a].Values[i], Value: v, Low: low, High: high})
		}
	}
	model := m.fit(n)
	rows, err := model.sample(m.Synthetic, random)
	if err != nil {
		return Measured{}, err
	}
	out.Marginals.Fit = model.attributeFits(m, rows)
	for i, t := range m.pairs {
		e := PairError{A: m.Attributes[t.a].Name, B: m.Attributes[t.b].Name}
		e.Value, e.Low, e.High = countInterval(n.scores[i], sigmas[1])
		at := slices.Index(n.tree, i)
		if at < 0 {
			out.Marginals.Left = append(out.Marginals.Left, e)
			continue
		}
		table := PairTable{PairError: e, Fit: model.pairFit(at, rows)}
		for j, x := range n.pairs[at] {
			cell := PairCell{A: m.Attributes[t.a].Values[j/t.cols], B: m.Attributes[t.b].Values[j%t.cols]}
			cell.Value, cell.Low, cell.High = countInterval(x, sigmas[2])
			table.Cells = append(table.Cells, cell)
		}
		out.Marginals.Pairs = append(out.Marginals.Pairs, table)
	}
	out.Marginals.Synthetic = m.labelled(rows)
	return out, nil
}

// labelled writes synthetic rows with the names of values.
func (m *measure) labelled(rows [][]int) Synthetic {
	s := Synthetic{Rows: make([][]string, len(rows))}
	for _, a := range m.Attributes {
		s.Columns = append(s.Columns, a.Name)
	}
	for r, row := range rows {
		s.Rows[r] = make([]string, len(row))
		for a, v := range row {
			s.Rows[r][a] = m.Attributes[a].Values[v]
		}
	}
	return s
}
