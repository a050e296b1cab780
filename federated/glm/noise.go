package glm

import (
	"fmt"
	"math"
	"math/big"

	"github.com/qunxiang/qunxiang/dp"
)

// tailPermille of the job's rho go to the four numbers that describe the fit.
const tailPermille = 50

// roundWeight is the share of a round: 1, ..., 1, 2, 12. The last sums decide the
// answer, the first only need to lead there.
func roundWeight(r, rounds int) int64 {
	switch r {
	case rounds - 1:
		return 12
	case rounds - 2:
		return 2
	}
	return 1
}

// blocks is what round r sends, with its noise: a quarter of the round's rho for
// the Hessian, the rest for the score.
func (p *Plan) blocks(r int) ([]Block, error) {
	s, last := p.spec, r == p.spec.Rounds-1
	all := int64(0)
	for i := range s.Rounds {
		all += roundWeight(i, s.Rounds)
	}
	tail := scaledRho(s.Rho, tailPermille, 1000)
	round := scaledRho(s.Rho-tail, roundWeight(r, s.Rounds), all)
	out := p.bounds()
	out[0].Rho = round / 4
	out[1].Rho = round - round/4
	for i := 2; i < len(out); i++ {
		out[i].Rho = tail / 4
	}
	if !last {
		out = out[:2]
	}
	for i := range out {
		if err := p.plan(&out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func scaledRho(rho, n, d int64) int64 {
	x := new(big.Int).Mul(big.NewInt(rho), big.NewInt(n))
	return x.Quo(x, big.NewInt(d)).Int64()
}

// delta2 is the squared length by which a person at all places moves the block.
func (p *Plan) delta2(b Block) *big.Int {
	c := new(big.Int).Mul(big.NewInt(b.Clip), big.NewInt(int64(p.spec.Places)))
	return c.Mul(c, c)
}

// plan gives a block its noise shares.
func (p *Plan) plan(b *Block) error {
	if b.Clip < 1 || b.Rho < 1 {
		return fmt.Errorf("%w: a cap or the cost is too small for its scale", ErrSpec)
	}
	variance, err := dp.VarianceFor(p.delta2(*b), b.Rho)
	if err != nil {
		return err
	}
	large := fmt.Errorf("%w: the people and the noise of the %s are too large for a scale of 2^-%d", ErrOverflow, b.Name, p.bits)
	if variance.BitLen() > 2*(sumBits-4) {
		return large
	}
	if b.shares, err = dp.NewNoiseShares(variance, p.spec.Nodes, p.spec.Colluders); err != nil {
		return fmt.Errorf("%w: %w", ErrSpec, err)
	}
	// Were there less room than that, a node would cut its noise off, or stop: by its own
	// data, and uncharged.
	share, _ := new(big.Float).SetInt(b.shares.ShareVariance()).Float64()
	if math.Ceil(float64(noiseTail*math.Sqrt(share))) > float64(p.Limit()-p.spec.PeoplePerNode*b.Clip) {
		return large
	}
	return nil
}

// sigma is the standard deviation of the decrypted sum's noise, all shares
// counted, in units of 2^-bits.
func (b Block) sigma() float64 {
	v, _ := new(big.Float).SetInt(b.shares.SumVariance()).Float64()
	return math.Sqrt(v)
}

// Sigma is the standard deviation of the noise that a block's sum carries, all
// nodes' shares counted, in real units. 0 in an unprotected plan.
func (p *Plan) Sigma(b Block) float64 {
	if p.unprotected || b.shares == nil {
		return 0
	}
	return math.Ldexp(b.sigma(), -p.bits)
}

// DrawNoise draws this node's share of round r's noise, from the system's CSPRNG:
// do it while keys are exchanged, and anew for every attempt. ErrMismatch if
// there is no such round, dp.ErrNoise if a draw fails.
func (p *Plan) DrawNoise(r int) (*Noise, error) {
	blocks, err := p.Blocks(r)
	if err != nil {
		return nil, err
	}
	n := &Noise{of: p, round: r, values: make([]int64, p.Cells())}
	if p.unprotected {
		return n, nil
	}
	for _, b := range blocks {
		if err := b.shares.Draw(n.values[b.From:b.To]); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// RoundCost is what round r costs a person at all places, as approximate zCDP.
func (p *Plan) RoundCost(r int) (dp.Cost, error) { return p.roundCost(r, p.spec.Colluders) }

// RoundCostAgainst is RoundCost when this many nodes collude: with Nodes-1, what
// remains if all others do.
func (p *Plan) RoundCostAgainst(r, colluders int) (dp.Cost, error) { return p.roundCost(r, colluders) }

func (p *Plan) roundCost(r, colluders int) (dp.Cost, error) {
	blocks, err := p.Blocks(r)
	if err != nil {
		return dp.Cost{}, err
	}
	var total dp.Cost
	for _, b := range blocks {
		c, err := b.shares.CostAgainst(colluders, p.delta2(b), b.To-b.From)
		if err != nil {
			return dp.Cost{}, err
		}
		if total, err = total.Plus(c); err != nil {
			return dp.Cost{}, err
		}
	}
	return total, nil
}

// Cost is what the whole job costs, as the sum of its rounds.
func (p *Plan) Cost() (dp.Cost, error) { return total(p.Rounds(), p.RoundCost) }

func total(rounds int, cost func(int) (dp.Cost, error)) (dp.Cost, error) {
	var sum dp.Cost
	for r := range rounds {
		c, err := cost(r)
		if err != nil {
			return dp.Cost{}, err
		}
		if sum, err = sum.Plus(c); err != nil {
			return dp.Cost{}, err
		}
	}
	return sum, nil
}
