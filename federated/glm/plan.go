package glm

import (
	"fmt"
	"math"
	"math/big"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/glm/internal/seam"
)

const (
	// maxBits is the finest scale of the integers.
	maxBits, minBits = 32, 8
	// maxCells is one vector of the secure sum, without its check slot.
	maxCells = 8191
	// sumBits bounds the sum of all people's integers; noise may double it.
	sumBits = 60
	// sumLimit is what the secure sum takes of all nodes together, noise included.
	sumLimit = 1<<61 - 1
)

// Block is a run of cells that is clipped and noised as one.
type Block struct {
	Name     string // hessian, score, rows, exposure, deviance or pearson
	From, To int    // cells of the vector
	Clip     int64  // most L2 length one person has here, in units of 2^-bits
	Rho      int64  // what its noise may cost, in units of 1e-12
	shares   *dp.NoiseShares
}

// Plan is a Spec compiled: the layout of a round's vector, its scale, bounds and
// noise. It never changes and may be shared.
//
// The vector is the upper triangle of H, row by row, then g, then the rows, the
// exposure, the deviance and Pearson's chi-square, which are sent in the last
// round only and are 0 before. Every cell is in units of 2^-bits.
type Plan struct {
	contract
	model  model
	bits   int
	rounds [][]Block
	// unprotected plans neither clip nor add noise; tests only.
	unprotected bool
}

// NewPlan checks the model and fixes all public numbers of its training. ErrSpec,
// ErrOverflow or ErrTooManyCells; all are refusals before any data is read.
func NewPlan(s Spec) (*Plan, error) {
	c, m, err := s.compile(maxRounds)
	if err != nil {
		return nil, err
	}
	s = c.spec
	p := &Plan{contract: c, model: m}
	if p.Cells() > maxCells {
		return nil, fmt.Errorf("%w: at most 125 features and dummies", ErrTooManyCells)
	}
	if err := p.chooseBits(); err != nil {
		return nil, err
	}
	for r := range s.Rounds {
		blocks, err := p.blocks(r)
		if err != nil {
			return nil, err
		}
		p.rounds = append(p.rounds, blocks)
	}
	return p, nil
}

// compile fills in defaults and checks what both kinds of model share.
func (s Spec) compile(maxRounds int) (contract, model, error) {
	m, err := newModel(s.Family, s.Power, s.Theta)
	if err != nil {
		return contract{}, model{}, err
	}
	s = s.withDefaults()
	if err := s.check(maxRounds); err != nil {
		return contract{}, model{}, err
	}
	d, err := newDesign(s.Features)
	if err != nil {
		return contract{}, model{}, err
	}
	s.Features = d.features
	return contract{spec: s, design: d}, m, nil
}

// bounds are the caps of the blocks in real units. A row x x' has, in its upper
// triangle, the squared length (|x|^4 + sum x_i^4)/2, and no |x_i| is above 1.
func (p *Plan) bounds() []Block {
	n, r2, c := p.Columns(), float64(p.design.norm2), p.spec.Caps
	triangle := n * (n + 1) / 2
	h := float64(c.Weight * math.Sqrt(float64((float64(r2*r2)+r2)/2)))
	scale := math.Ldexp(1, p.bits)
	at := func(name string, from, to int, bound float64) Block {
		return Block{Name: name, From: from, To: to, Clip: int64(math.Floor(float64(bound * scale)))}
	}
	tail := triangle + n
	return []Block{
		at("hessian", 0, triangle, h),
		at("score", triangle, tail, float64(c.Score*math.Sqrt(r2))),
		at("rows", tail, tail+1, float64(c.Rows)),
		at("exposure", tail+1, tail+2, c.Exposure),
		at("deviance", tail+2, tail+3, c.Deviance),
		at("pearson", tail+3, tail+4, c.Pearson),
	}
}

// chooseBits takes the finest scale at which the people of all nodes stay below
// 2^60, or the card's if that is no finer.
func (p *Plan) chooseBits() error {
	for p.bits = maxBits; p.bits >= minBits && !p.fits(); p.bits-- {
	}
	if p.bits < minBits || p.spec.Bits > p.bits {
		return fmt.Errorf("%w: the people declared times their caps need a scale of 2^-%d or coarser", ErrOverflow, p.bits)
	}
	if p.spec.Bits != 0 {
		p.bits = p.spec.Bits
	}
	return nil
}

func (p *Plan) fits() bool {
	people := new(big.Int).Mul(big.NewInt(int64(p.spec.Nodes)), big.NewInt(p.spec.PeoplePerNode))
	for _, b := range p.bounds() {
		total := new(big.Int).Mul(people, big.NewInt(b.Clip))
		if b.Clip > maxClip || total.BitLen() > sumBits {
			return false
		}
	}
	return true
}

// Columns is the number of coefficients.
func (p *Plan) Columns() int { return len(p.design.columns) }

// Names are the columns' names: "(intercept)", a number's name, "factor=level".
func (p *Plan) Names() []string {
	out := make([]string, p.Columns())
	for i, c := range p.design.columns {
		out[i] = c.name
	}
	return out
}

// Cells is the length of every round's vector, without the secure sum's own
// check slot.
func (p *Plan) Cells() int {
	n := p.Columns()
	return n*(n+1)/2 + n + 4
}

// Rounds is how many rounds the job has.
func (p *Plan) Rounds() int { return p.spec.Rounds }

// Limit is what a node may put into the secure sum, noise included: N times it is
// decoded exactly.
func (p *Plan) Limit() int64 { return sumLimit / int64(p.spec.Nodes) }

// Bits is the scale of the integers: units of 2^-Bits.
func (p *Plan) Bits() int { return p.bits }

// Spec is the model with every default filled in, for the job card.
func (p *Plan) Spec() Spec {
	s := p.spec
	s.Features = cloned(s.Features)
	return s
}

// Blocks lists what round r sends. ErrMismatch if there is no such round.
func (p *Plan) Blocks(r int) ([]Block, error) {
	if r < 0 || r >= len(p.rounds) {
		return nil, fmt.Errorf("%w: no such round", ErrMismatch)
	}
	return append([]Block(nil), p.rounds[r]...), nil
}

// Unprotected is the plan without noise and clipping. Only tests can make the
// pass.
func (p *Plan) Unprotected(pass seam.Pass) *Plan {
	if !pass.Valid() {
		return nil
	}
	q := *p
	q.unprotected = true
	return &q
}

// Start is the first state: the link of the stated mean as the intercept.
func (p *Plan) Start() Coefficients {
	c := make(Coefficients, p.Columns())
	c[0] = coefficient(p.model.linkOf(p.spec.StartMean / p.spec.Response.Scale))
	return c
}
