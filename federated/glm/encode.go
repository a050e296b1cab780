package glm

import (
	"fmt"
	"math"
)

// Encode is what this node's people add in round r at the given coefficients:
// every number of every row to the nearest unit, a person's rows added, each
// block clipped to its bound, people added, and each cell held to what the declared
// number of people can add at most. No data are refused for having more people: who
// learns of the refusal would learn whether one more is there. The result depends on
// the people alone, not on the order of rows.
// ErrMismatch if data, round or coefficients are of another plan.
func (p *Plan) Encode(d *Data, r int, beta Coefficients) (*Sums, error) {
	blocks, err := p.Blocks(r)
	if err != nil {
		return nil, err
	}
	if d == nil || d.columns != p.Columns() || len(beta) != p.Columns() || !beta.inRange() {
		return nil, fmt.Errorf("%w: data or coefficients of another shape", ErrMismatch)
	}
	e := &encoder{
		plan: p, data: d, beta: beta.Floats(), blocks: blocks, scale: math.Ldexp(1, p.bits),
		last: r == p.spec.Rounds-1, place: make([]int, p.Columns()), out: make([]int64, p.Cells()), high: make([]int64, p.Cells()),
	}
	for i, who := range d.people {
		e.person(who)
		if int64(i+1)%p.spec.PeoplePerNode == 0 {
			e.carry()
		}
	}
	e.hold()
	sums := &Sums{of: p, round: r, limit: p.Limit(), values: e.out}
	if p.unprotected {
		sums.limit = 0
	}
	return sums, nil
}

// encoder adds up people. A person touches the columns of the own rows only, so
// the person's H and g are kept dense over those.
type encoder struct {
	plan   *Plan
	data   *Data
	beta   []float64
	blocks []Block
	scale  float64
	last   bool

	columns []int32 // of this person, rising
	place   []int   // of a column among them, plus one; 0 if not there
	h, g    []int64
	tail    [4]int64
	out     []int64
	high    []int64 // of each cell, in units of 2^carried
}

// carried is how many bits of a cell stay in out when people are carried over.
const carried = 32

// carry moves the upper bits of all cells away. The declared number of people stays
// below 2^60, and so many may be added between; there may be any number of them.
func (e *encoder) carry() {
	for i, x := range e.out {
		e.high[i] += x >> carried
		e.out[i] = x & (1<<carried - 1)
	}
}

// hold takes each cell to the nearest number that the declared people can add. That
// moves the sums of neighbours no further apart, in any cell: what one person changes
// is still within the person's bounds.
func (e *encoder) hold() {
	e.carry()
	for _, b := range e.blocks {
		most := e.plan.spec.PeoplePerNode * b.Clip
		for i := b.From; i < b.To; i++ {
			switch high := e.high[i]; {
			case e.plan.unprotected:
				e.out[i] += high << carried
			case high >= 1<<(sumBits-carried):
				e.out[i] = most
			case high < -1<<(sumBits-carried):
				e.out[i] = -most
			default:
				e.out[i] = min(max(e.out[i]+high<<carried, -most), most)
			}
		}
	}
}

func (e *encoder) person(who person) {
	e.collect(who)
	k := len(e.columns)
	e.h, e.g = cleared(e.h, k*(k+1)/2), cleared(e.g, k)
	e.tail = [4]int64{}
	for r := who.from; r < who.to; r++ {
		e.row(r)
	}
	if !e.plan.unprotected {
		clip(e.h, e.blocks[0].Clip)
		clip(e.g, e.blocks[1].Clip)
	}
	e.scatter()
	for _, c := range e.columns {
		e.place[c] = 0
	}
}

func cleared(v []int64, n int) []int64 {
	if cap(v) < n {
		return make([]int64, n)
	}
	v = v[:n]
	clear(v)
	return v
}

// collect finds the columns that the person's rows touch.
func (e *encoder) collect(who person) {
	e.columns = e.columns[:0]
	d := e.data
	for _, c := range d.index[d.start[who.from]:d.start[who.to]] {
		e.place[c] = 1
	}
	for c, there := range e.place {
		if there != 0 {
			e.columns = append(e.columns, int32(c))
			e.place[c] = len(e.columns)
		}
	}
}

// row adds the rounded numbers of one row to the person's.
func (e *encoder) row(r int) {
	d, from, to := e.data, e.data.start[r], e.data.start[r+1]
	eta := d.offsets[r]
	for i := from; i < to; i++ {
		eta += float64(d.value[i] * e.beta[d.index[i]])
	}
	t := e.plan.model.at(eta, d.y[r], e.last)
	weight, score := float64(d.weights[r]*t.weight), float64(d.weights[r]*t.score)
	k := len(e.columns)
	for i := from; i < to; i++ {
		a := e.place[d.index[i]] - 1
		e.g[a] += nearest(float64(score*d.value[i]), e.scale, maxPart)
		wx, h := float64(weight*d.value[i]), e.h[a*k-a*(a+1)/2:]
		for j := i; j < to; j++ {
			h[e.place[d.index[j]]-1] += nearest(float64(wx*d.value[j]), e.scale, maxPart)
		}
	}
	if e.last && d.weights[r] > 0 {
		e.tail[0] += nearest(1, e.scale, maxPart)
		e.tail[1] += nearest(d.expo[r], e.scale, maxPart)
		e.tail[2] += nearest(float64(d.weights[r]*t.deviance), e.scale, maxPart)
		e.tail[3] += nearest(float64(d.weights[r]*t.pearson), e.scale, maxPart)
	}
}

// scatter adds the person to the node's sums.
func (e *encoder) scatter() {
	n, k, at := e.plan.Columns(), len(e.columns), 0
	score := n * (n + 1) / 2
	for a := range k {
		row := int(e.columns[a])
		base := row*n - row*(row+1)/2
		for b := a; b < k; b++ {
			e.out[base+int(e.columns[b])] += e.h[at]
			at++
		}
		e.out[score+row] += e.g[a]
	}
	if !e.last {
		return
	}
	for i, x := range e.tail {
		b := e.blocks[2+i]
		if !e.plan.unprotected {
			x = min(max(x, -b.Clip), b.Clip)
		}
		e.out[b.From] += x
	}
}
