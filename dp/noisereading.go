package dp

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
)

// noiseReading leads the numbers of one table back to draws and scores them.
type noiseReading struct {
	s      *state
	p      *Plan
	shown  func(float64) float64
	random *rand.Rand

	parts  []*noisePart // by channel
	start  int          // the group's first place in the order of draws
	before []int        // by channel: scores of the groups before
	tested int
	broken bool
}

func unlike(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrClaim, fmt.Sprintf(format, args...))
}

func (r *noiseReading) table(t *Table) error {
	for _, ch := range r.p.c.channels {
		r.parts = append(r.parts, &noisePart{channel: ch.name})
	}
	r.before = make([]int, len(r.parts))
	public := r.p.c.radix != nil
	if public && len(t.Groups) != r.p.c.groups {
		return unlike("%d groups of %d", len(t.Groups), r.p.c.groups)
	}
	seen, starts := map[string]bool{}, r.starts(t)
	for i := range t.Groups {
		g := &t.Groups[i]
		name := string(r.s.canonical(g.Keys))
		switch {
		case len(g.Keys) != len(r.p.c.spec.Keys), public && !slices.Equal(g.Keys, r.p.c.keysOf(i)):
			return unlike("group %d is not in its place", i+1)
		case seen[name], g.Suppressed && (!public || len(g.Measures) > 0):
			return unlike("group %d", i+1)
		}
		seen[name] = true
		code, cells := int32(i), []int64(nil)
		if !public {
			found := false
			if code, found = r.s.codes[name]; !found {
				code = -1
			}
		}
		if code >= 0 {
			cells = r.s.cells[int(code)*r.p.c.stride : (int(code)+1)*r.p.c.stride]
		} else { // nobody is in it: it could not have been shown
			cells = make([]int64, r.p.c.stride)
		}
		r.start = starts[code]
		for c, p := range r.parts {
			r.before[c] = len(p.scores)
		}
		if err := r.group(g, cells, labelOf(name)); err != nil {
			return err
		}
	}
	return nil
}

// starts is where the draws of each group begin: a group that is not shown draws
// its people only.
func (r *noiseReading) starts(t *Table) map[int32]int {
	drawn := make(map[string]bool, len(t.Groups))
	for _, g := range t.Groups {
		drawn[string(r.s.canonical(g.Keys))] = !g.Suppressed
	}
	out, at := map[int32]int{}, 0
	for _, g := range r.p.candidates(r.s) {
		out[int32(g)] = at
		if at++; drawn[string(r.s.canonical(r.s.nameOf(g)))] {
			at += r.p.c.stride
		}
	}
	return out
}

func labelOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64()
}

// group scores the people of a group and, where it is shown, its measures.
func (r *noiseReading) group(g *Group, cells []int64, label uint64) error {
	n, least := cells[0], r.p.Threshold()
	below := !r.p.c.spec.NoisyK && n < int64(r.p.c.spec.K) // never shown, whatever the noise
	if g.Suppressed {
		r.unseen(n, least, below, label)
		return nil
	}
	m, err := scalarOf(g, peopleName)
	if err != nil {
		return err
	}
	s, ok := r.span(m.Value)
	if !ok || s.hi < least {
		return unlike("a group is shown with %v people", m.Value)
	}
	r.broken = r.broken || below
	people := r.score(0, s, n, label)
	if r.p.c.radix == nil { // what is shown is what reached the threshold
		people.given(r.p.chance(least, n), s.scoreFrom(least, n, r.p.draws[0].sigma, r.uniform()))
	}
	for i := range r.p.c.measures {
		if err := r.measure(g, &r.p.c.measures[i], cells, s, label); err != nil {
			return err
		}
	}
	return nil
}

// unseen scores the people of a public group that is not shown. Where fewer than
// k people are in it there was no noise to speak of.
func (r *noiseReading) unseen(n, least int64, below bool, label uint64) {
	p, sigma := r.parts[0], r.p.draws[0].sigma
	s := span{-reach + 1, least - 1}
	score, bare := s.score(n, sigma, r.uniform()), math.Inf(-1)
	if n < least {
		bare = -math.Log(s.chance(n, sigma))
	}
	if below {
		score, bare = r.random.NormFloat64(), 0
	} else {
		r.broken = r.broken || s.impossible(n, sigma)
	}
	p.add(score, math.Inf(1), bare, label, uint64(r.start))
}

// measure leads a measure's numbers back to its channels.
func (r *noiseReading) measure(g *Group, m *measure, cells []int64, people span, label uint64) error {
	ch := func(i int) channel { return r.p.c.channels[m.channels[i]] }
	switch m.Kind {
	case KindRows, KindSum:
		x, err := scalarOf(g, m.Name)
		if err != nil {
			return err
		}
		return r.direct(m.channels[0], x.Value, cells[ch(0).offset], label)
	case KindHistogram, KindSeries, KindVector:
		x := named(g, m.Name)
		if x == nil || len(x.Values) != len(m.Positions) {
			return unlike("%s has not its positions", m.Name)
		}
		for j, p := range x.Values {
			if p.At != m.Positions[j] {
				return unlike("%s has another axis", m.Name)
			}
			if err := r.direct(m.channels[0], p.Value, cells[ch(0).offset+j], label+uint64(j)); err != nil {
				return err
			}
		}
	case KindMean, KindSpread:
		return r.mean(g, m, cells, label)
	case KindMarginals:
		return r.marginals(g, m, cells, people, label)
	}
	return nil
}

// mean leads a mean back to its sum, where its rows are shown.
func (r *noiseReading) mean(g *Group, m *measure, cells []int64, label uint64) error {
	if m.RowsName == "" {
		return nil
	}
	rows, err := scalarOf(g, m.RowsName)
	if err != nil {
		return err
	}
	of, by := r.p.c.channels[m.channels[0]], r.p.c.channels[m.channels[1]]
	if err := r.direct(m.channels[1], rows.Value, cells[by.offset], label); err != nil {
		return err
	}
	x := named(g, m.Name)
	s, ok := r.span(rows.Value)
	if x == nil || !ok || s.lo != s.hi { // left out, or its rows were rounded
		return nil
	}
	if s.lo <= 0 {
		return unlike("%s without rows", m.Name)
	}
	sum, ok := spanOf(func(y int64) float64 {
		value, _, _ := m.mean(y, s.lo, 1, 1)
		return r.shown(value)
	}, x.Value)
	if !ok {
		return unlike("%s is not of so many rows", m.Name)
	}
	r.score(m.channels[0], sum, cells[of.offset], label)
	return nil
}

// direct scores a number that is shown as it was drawn.
func (r *noiseReading) direct(channel int, v float64, x int64, label uint64) error {
	s, ok := r.span(v)
	if !ok {
		return unlike("%v was never drawn", v)
	}
	r.score(channel, s, x, label)
	return nil
}

func (r *noiseReading) span(v float64) (span, bool) {
	return spanOf(func(y int64) float64 { return r.shown(float64(y)) }, v)
}

// score adds the score of one draw whose exact value is x.
func (r *noiseReading) score(channel int, s span, x int64, label uint64) *noisePart {
	p, sigma := r.parts[channel], r.p.draws[channel].sigma
	r.broken = r.broken || s.impossible(x, sigma)
	bare := math.Inf(-1)
	if s.lo <= x && x <= s.hi {
		bare = -math.Log(s.chance(x, sigma))
	}
	p.add(s.score(x, sigma, r.uniform()), float64(s.hi-s.lo+1)/sigma, bare, label, r.order(channel))
	r.tested++
	return p
}

// order numbers a channel's next number among the draws of the release. Tables of
// marginals have no cells of their own and are numbered apart.
func (r *noiseReading) order(channel int) uint64 {
	ch := r.p.c.channels[channel]
	at := uint64(r.start + ch.offset + len(r.parts[channel].scores) - r.before[channel])
	if ch.cells == 0 {
		at |= uint64(channel) << 40
	}
	return at
}

// uniform is within (0, 1).
func (r *noiseReading) uniform() float64 { return (float64(r.random.Uint64()>>11) + 0.5) / (1 << 53) }

func (p *noisePart) add(score, grain, bare float64, label, order uint64) {
	p.scores, p.grain = append(p.scores, score), append(p.grain, grain)
	p.bare, p.label, p.order = append(p.bare, bare), append(p.label, label), append(p.order, order)
}

// given makes the newest score one given an event of some chance.
func (p *noisePart) given(chance, score float64) {
	i := len(p.scores) - 1
	p.scores[i] = score
	p.bare[i] += math.Log(chance)
}

// chance is that of n people to be at least so many when noisy.
func (p *Plan) chance(least, n int64) float64 {
	return span{least, reach - 1}.chance(n, p.draws[0].sigma)
}

func named(g *Group, name string) *Measured {
	i := slices.IndexFunc(g.Measures, func(m Measured) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &g.Measures[i]
}

func scalarOf(g *Group, name string) (*Measured, error) {
	m := named(g, name)
	if m == nil || m.Values != nil || math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
		return nil, unlike("a group without %s", name)
	}
	return m, nil
}
