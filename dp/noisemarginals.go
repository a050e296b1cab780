package dp

import "slices"

// marginals leads one-way tables, scores and chosen pairs back to their draws. A
// score's exact value is the distance to what the noisy tables gave, which are
// the ones shown.
func (r *noiseReading) marginals(g *Group, m *measure, cells []int64, people span, label uint64) error {
	x := named(g, m.Name)
	if x == nil || x.Marginals == nil {
		return unlike("%s is missing", m.Name)
	}
	noisy, at := &noisyMarginals{people: people.lo}, 0
	for a := range m.Attributes {
		one := make([]int64, len(m.Attributes[a].Values))
		for i, exact := range m.oneWay(cells, a) {
			if at == len(x.Values) {
				return unlike("%s has not its tables", m.Name)
			}
			v := x.Values[at].Value
			if err := r.direct(m.channels[0], v, exact, label+uint64(at)); err != nil {
				return err
			}
			one[i] = int64(v)
			at++
		}
		noisy.one = append(noisy.one, one)
	}
	exact := m.distances(cells, noisy)
	for i, t := range m.pairs {
		score, pair := x.Marginals.pair(m.Attributes[t.a].Name, m.Attributes[t.b].Name)
		if score == nil {
			return unlike("%s has not its pairs", m.Name)
		}
		if err := r.direct(m.channels[1], score.Value, exact[i], label+uint64(i)); err != nil {
			return err
		}
		noisy.scores = append(noisy.scores, int64(score.Value))
		if pair == nil {
			continue
		}
		if len(pair.Cells) != t.cells() {
			return unlike("a pair of %s has not its cells", m.Name)
		}
		for j, c := range pair.Cells {
			if err := r.direct(m.channels[2], c.Value, cells[t.offset+j], label+uint64(t.offset+j)); err != nil {
				return err
			}
		}
		noisy.tree = append(noisy.tree, i)
	}
	tree := m.spanningTree(noisy.scores)
	slices.Sort(tree)
	if !slices.Equal(tree, noisy.tree) {
		return unlike("%s shows other pairs than its scores choose", m.Name)
	}
	return nil
}

// pair finds what is said of a pair of attributes; the table is nil where it was
// not chosen.
func (m *Marginals) pair(a, b string) (*PairError, *PairTable) {
	for i := range m.Pairs {
		if p := &m.Pairs[i]; p.A == a && p.B == b {
			return &p.PairError, p
		}
	}
	for i := range m.Left {
		if p := &m.Left[i]; p.A == a && p.B == b {
			return p, nil
		}
	}
	return nil, nil
}
