package dp

// adaptive draws the marginals of a group as a release does and tells how far one
// person's difference, given what was drawn before, lies in the direction of the
// noise: see [seam.Mechanism].
func (p *Plan) adaptive(base, person map[string][]int64, times, people int64) (projected, rho float64, err error) {
	without, with := make([]int64, p.c.stride), make([]int64, p.c.stride)
	for _, ch := range p.c.stored() {
		for i := range ch.cells {
			x := int64(0)
			if base != nil {
				x = base[ch.name][i]
			}
			without[ch.offset+i], with[ch.offset+i] = x, x+person[ch.name][i]
		}
	}
	world := without
	if times > 0 {
		world = with
	}
	for i := range p.c.measures {
		m := &p.c.measures[i]
		if m.Kind != KindMarginals {
			continue
		}
		n, err := p.drawMarginals(gaussian{}, m, world, people)
		if err != nil {
			return 0, 0, err
		}
		compare := func(noisy, a, b []int64, channel int) {
			sigma := p.draws[m.channels[channel]].sigma
			for j, y := range noisy {
				by := float64(b[j] - a[j])
				projected += by * float64(y-a[j]) / (sigma * sigma)
				rho += by * by / (2 * sigma * sigma)
			}
		}
		for a, one := range n.one {
			compare(one, m.oneWay(without, a), m.oneWay(with, a), 0)
		}
		compare(n.scores, m.distances(without, n), m.distances(with, n), 1)
		for at, i := range n.tree {
			t := m.pairs[i]
			compare(n.pairs[at], without[t.offset:t.offset+t.cells()], with[t.offset:t.offset+t.cells()], 2)
		}
	}
	return projected, rho, nil
}
