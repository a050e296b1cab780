package federated

import (
	"fmt"
	"math"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// trainer is a model compiled: a *glm.Plan or a *glm.Network.
type trainer interface {
	Cells() int
	Rounds() int
	Cost() (dp.Cost, error)
	RoundCost(r int) (dp.Cost, error)
	RoundCostAgainst(r, colluders int) (dp.Cost, error)
	NewData(rows []glm.Row) (*glm.Data, error)
	Encode(d *glm.Data, r int, state glm.Coefficients) (*glm.Sums, error)
	DrawNoise(r int) (*glm.Noise, error)
	Start() glm.Coefficients
	Step(r int, state glm.Coefficients, sum []int64) (glm.Coefficients, glm.StepReport, error)
}

// trainer compiles the card's model, and says which parameters its sums need.
func (c *Card) trainer() (trainer, *secagg.Params, error) {
	if c.Model.Network == nil {
		t, err := c.Plan()
		if err != nil {
			return nil, nil, err
		}
		p, err := secagg.GLM()
		return t, p, err
	}
	t, err := c.Network()
	if err != nil {
		return nil, nil, err
	}
	p, err := secagg.Vector()
	if err == nil && p.Chunks(t.Cells()) > secagg.MaxChunks {
		err = fmt.Errorf("%w: %d weights are too many for one sum", ErrCard, t.Cells())
	}
	return t, p, err
}

// advance computes the next state from a round's sum; after the last round of a
// regression, the fit too. The report says how far the round moved the model.
func advance(t trainer, r int, state glm.Coefficients, sum []int64) (glm.Coefficients, *glm.Fit, glm.StepReport, error) {
	if p, ok := t.(*glm.Plan); ok && r == t.Rounds()-1 {
		fit, err := p.Fit(state, sum)
		if err != nil {
			return nil, nil, glm.StepReport{}, err
		}
		return fit.Coefficients, fit, fit.LastStep, nil
	}
	next, report, err := t.Step(r, state, sum)
	return next, nil, report, err
}

// names are the coefficients' names, none for a network.
func names(t trainer) []string {
	if p, ok := t.(*glm.Plan); ok {
		return p.Names()
	}
	return nil
}

// blocksOf lists what round r sends and the noise in its sum.
func blocksOf(t trainer, r int) (out []DryBlock, unit float64, err error) {
	if p, ok := t.(*glm.Plan); ok {
		blocks, err := p.Blocks(r)
		for _, b := range blocks {
			out = append(out, DryBlock{b.Name, b.From, b.To, p.Sigma(b)})
		}
		return out, math.Ldexp(1, -p.Bits()), err
	}
	n, ok := t.(*glm.Network)
	if !ok {
		return nil, 0, fmt.Errorf("%w: unknown model", ErrOptions)
	}
	cost, err := n.RoundCost(r)
	if err != nil {
		return nil, 0, err
	}
	s := n.Spec()
	honest := s.ClipNorm * float64(s.Model.Places) / math.Sqrt(2*cost.RhoFloat())
	all := honest * math.Sqrt(float64(s.Model.Nodes)/float64(s.Model.Nodes-s.Model.Colluders))
	return []DryBlock{{"gradient", 0, n.Cells(), all}}, math.Ldexp(s.ClipNorm, -17), nil
}
