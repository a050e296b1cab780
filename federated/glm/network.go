package glm

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/glm/internal/seam"
)

// NetworkSpec is a multi-layer perceptron as the job card states it: the inputs
// are the contract's columns, the one output is the linear predictor of the
// family, and the loss is the family's deviance. Everything in it is public.
type NetworkSpec struct {
	// Model gives family, contract, nodes and cost. Its Rounds are the steps of the
	// training, 1 to 1000; of its Caps only Rows and Exposure are used; Ridge and
	// Bits must be 0.
	Model Spec
	// Hidden are the widths of the hidden layers, one to four of up to 4096.
	Hidden []int
	// Rectified takes max(0, x) in place of tanh in the hidden layers.
	Rectified bool
	// Seed makes the first weights; any public number.
	Seed uint64
	// Rate is the length of a step along the mean gradient. Required.
	Rate float64
	// Momentum is what remains of the step before, in [0, 1). Default 0.
	Momentum float64
	// People is the expected number of people of all nodes, by which the summed
	// gradient is divided. Required.
	People int64
	// ClipNorm bounds the length of one person's gradient. Default 1.
	ClipNorm float64
}

const (
	maxSteps, maxWidth, maxHidden = 1000, 4096, 4
	// maxWeights is the largest network.
	maxWeights = 1 << 20
	// gradientClip is ClipNorm in integers. Coarser grids are wrong: rounding alone
	// would move a million numbers by a length of 500.
	gradientClip = 1 << 17
	// gradientSum bounds the sum of all nodes in the secure sum's digits.
	gradientSum = 1<<35 - 1
	// noiseTail is how many standard deviations of its noise a node leaves room for. A
	// draw is beyond with a probability below 1e-31; 1000 steps of 2^20 weights at 100
	// nodes have one with less than 1e-19.
	noiseTail = 12
)

// Network is a NetworkSpec compiled. It never changes and may be shared. Its
// state holds the weights, layer by layer (rows of the matrix, then biases), and
// after them as many velocities.
type Network struct {
	contract
	model  model
	net    NetworkSpec
	layers []layer
	total  int // weights
	room   int64
	shares *dp.NoiseShares
	// unprotected networks neither clip nor add noise; tests only.
	unprotected bool
}

// layer is a matrix of out rows of in weights and out biases, from at on.
type layer struct{ in, out, at int }

func (l layer) biases() int { return l.at + l.in*l.out }

// NewNetwork checks the model and fixes all public numbers of its training.
// ErrSpec, ErrOverflow or ErrTooManyCells; all are refusals before any data is
// read.
func NewNetwork(s NetworkSpec) (*Network, error) {
	if s.Model.Rounds == 0 || s.Model.Ridge != 0 || s.Model.Bits != 0 {
		return nil, fmt.Errorf("%w: a network needs rounds, and neither ridge nor bits", ErrSpec)
	}
	c, m, err := s.Model.compile(maxSteps)
	if err != nil {
		return nil, err
	}
	if s.ClipNorm == 0 {
		s.ClipNorm = 1
	}
	s.Model = c.spec
	if err := s.check(); err != nil {
		return nil, err
	}
	s.Hidden = slices.Clone(s.Hidden)
	n := &Network{contract: c, model: m, net: s}
	in := len(c.design.columns) - 1
	for _, out := range append(append([]int(nil), s.Hidden...), 1) {
		n.layers = append(n.layers, layer{in: in, out: out, at: n.total})
		n.total += (in + 1) * out
		in = out
	}
	if n.total > maxWeights {
		return nil, fmt.Errorf("%w: at most %d weights", ErrTooManyCells, maxWeights)
	}
	if err := n.planNoise(); err != nil {
		return nil, err
	}
	return n, nil
}

func (s NetworkSpec) check() error {
	bad := func(text string) error { return fmt.Errorf("%w: %s", ErrSpec, text) }
	switch {
	case len(s.Hidden) < 1 || len(s.Hidden) > maxHidden:
		return bad("a network has one to four hidden layers")
	case !(s.Rate > 0 && s.Rate <= 1e6):
		return bad("the rate must be positive")
	case !(s.Momentum >= 0 && s.Momentum < 1):
		return bad("the momentum must be in [0, 1)")
	case s.People < 1 || s.People > 1<<40:
		return bad("the expected number of people is missing")
	case !(s.ClipNorm >= minScale && s.ClipNorm <= maxCap):
		return bad("the clip norm must be 1e-9 to 1e9")
	case len(s.Model.Features) == 0:
		return bad("a network needs features")
	}
	for _, w := range s.Hidden {
		if w < 1 || w > maxWidth {
			return bad("a hidden layer has 1 to 4096 units")
		}
	}
	return nil
}

// planNoise spreads the job's rho evenly over its steps.
func (n *Network) planNoise() error {
	s := n.spec
	rho := s.Rho / int64(s.Rounds)
	if rho < 1 {
		return fmt.Errorf("%w: the cost is too small for so many steps", ErrSpec)
	}
	variance, err := dp.VarianceFor(n.delta2(), rho)
	if err != nil {
		return err
	}
	if n.shares, err = dp.NewNoiseShares(variance, s.Nodes, s.Colluders); err != nil {
		return fmt.Errorf("%w: %w", ErrSpec, err)
	}
	share, _ := new(big.Float).SetInt(n.shares.ShareVariance()).Float64()
	tail := math.Ceil(float64(noiseTail * math.Sqrt(share)))
	if tail > float64(n.Limit()/2) {
		return fmt.Errorf("%w: the noise of a step is too large for the secure sum", ErrOverflow)
	}
	n.room = n.Limit() - int64(tail)
	return nil
}

func (n *Network) delta2() *big.Int {
	c := big.NewInt(gradientClip * int64(n.spec.Places))
	return c.Mul(c, c)
}

// Cells is the length of every step's vector: one number per weight.
func (n *Network) Cells() int { return n.total }

// Rounds is the number of steps.
func (n *Network) Rounds() int { return n.spec.Rounds }

// Spec is the model with every default filled in, for the job card.
func (n *Network) Spec() NetworkSpec {
	s := n.net
	s.Hidden, s.Model.Features = slices.Clone(s.Hidden), cloned(s.Model.Features)
	return s
}

// Limit is what a node may put into the secure sum, noise included, so that its
// digits never carry: N times it stays below 2^35.
func (n *Network) Limit() int64 { return gradientSum / int64(n.spec.Nodes) }

// Agreeing is how many people's gradients may agree at a node before its sum is cut
// off. That is done before the noise, where it moves no two sums further apart: cut
// off after it, the sum of all nodes would not carry the noise that is charged for.
func (n *Network) Agreeing() int64 { return n.room / gradientClip }

// NewData is Plan.NewData for this contract.
func (n *Network) NewData(rows []Row) (*Data, error) { return n.contract.read(rows) }

// Unprotected is the network without noise and clipping. Only tests can make the
// pass.
func (n *Network) Unprotected(pass seam.Pass) *Network {
	if !pass.Valid() {
		return nil
	}
	q := *n
	q.unprotected = true
	return &q
}

// Start is the first state: weights uniform within sqrt(6/(in+out)) (Glorot and
// Bengio 2010) from ChaCha8 of the seed, biases 0 but the output's, which is the
// link of the stated mean.
func (n *Network) Start() Coefficients {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], n.net.Seed)
	source := rand.NewChaCha8(key)
	state := make(Coefficients, 2*n.total)
	for _, l := range n.layers {
		limit := math.Sqrt(6 / float64(l.in+l.out))
		for i := l.at; i < l.biases(); i++ {
			u := math.Ldexp(float64(source.Uint64()>>11), -52) - 1 // [-1, 1)
			state[i] = coefficient(float64(u * limit))
		}
	}
	state[n.total-1] = coefficient(n.model.linkOf(n.spec.StartMean / n.spec.Response.Scale))
	return state
}

// DrawNoise draws this node's share of a step's noise, like Plan.DrawNoise.
func (n *Network) DrawNoise(step int) (*Noise, error) {
	if step < 0 || step >= n.spec.Rounds {
		return nil, fmt.Errorf("%w: no such step", ErrMismatch)
	}
	noise := &Noise{of: n, round: step, values: make([]int64, n.total)}
	if n.unprotected {
		return noise, nil
	}
	if err := n.shares.Draw(noise.values); err != nil {
		return nil, err
	}
	return noise, nil
}

// RoundCost is what a step costs a person at all places, as approximate zCDP.
func (n *Network) RoundCost(step int) (dp.Cost, error) {
	return n.RoundCostAgainst(step, n.spec.Colluders)
}

// RoundCostAgainst is RoundCost when this many nodes collude.
func (n *Network) RoundCostAgainst(step, colluders int) (dp.Cost, error) {
	if step < 0 || step >= n.spec.Rounds {
		return dp.Cost{}, fmt.Errorf("%w: no such step", ErrMismatch)
	}
	return n.shares.CostAgainst(colluders, n.delta2(), n.total)
}

// Cost is what the whole job costs, as the sum of its steps.
func (n *Network) Cost() (dp.Cost, error) { return total(n.Rounds(), n.RoundCost) }
