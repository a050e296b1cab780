package proof

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// ErrCost means that the released numbers tell more of one person than the
// charged cost allows.
var ErrCost = errors.New("proof: a release tells more of one person than it is charged for")

// FalseAlarm is the probability with which [Draw] accuses a mechanism that
// keeps its promise.
const FalseAlarm = 1e-6

// Audit is what [Draw] found.
type Audit struct {
	Draws   int     `json:"draws"`   // of each of the two neighbours
	Person  float64 `json:"person"`  // rho that this person really costs: sum of squared moves over 2 sigma^2
	Charged float64 `json:"charged"` // rho that is charged
	// Margin is the least distance of a tested event from the line that
	// (epsilon, delta) allows, in probability; what is below 0 is a violation.
	Margin float64 `json:"margin"`
}

// Draw holds the mechanism against its cost on one pair of neighbours: everyone
// else, and everyone else with one person. From that many draws of each it takes
// the likelihood ratio, the statistic that tells them apart best, and compares
// the frequencies of its tails with what the Gaussian mechanism of the charged
// rho allows at several epsilons (Dong, Roth and Su 2022, Corollary 2.13), by
// exact Clopper-Pearson bounds of joint level [FalseAlarm]. Only cells that the
// person moves are drawn, for all others are equal in both; marginals, which
// choose by noisy numbers, are drawn whole. Errors: ErrCost,
// ErrNotPublic, dp.ErrReleased, dp.ErrMismatch, dp.ErrNoise.
func Draw(everyone, person *dp.Totals, p *dp.Plan, draws int) (*Audit, error) {
	steps, err := dp.Steps(seam.Issue(), p)
	if err != nil {
		return nil, err
	}
	e, base, err := open(everyone)
	if err != nil {
		return nil, err
	}
	_, one, err := open(person)
	if err != nil {
		return nil, err
	}
	if len(e.Channels) != steps.Stored {
		return nil, dp.ErrMismatch
	}
	moves := movesOf(e, base, one, steps)
	a := &Audit{Draws: draws, Charged: p.Cost().RhoFloat(), Margin: 1}
	for _, g := range moves {
		if g.adaptive != nil {
			_, rho, err := g.adaptive(0, g.moves[0].base)
			if err != nil {
				return nil, err
			}
			a.Person += rho
		}
		for _, m := range g.moves {
			a.Person += m.by * m.by / (2 * m.sigma * m.sigma)
		}
	}
	if a.Person > a.Charged {
		return a, fmt.Errorf("%w: %.6g, charged %.6g", ErrCost, a.Person, a.Charged)
	}
	without, err := ratios(steps, moves, 0, draws)
	if err != nil {
		return nil, err
	}
	with, err := ratios(steps, moves, 1, draws)
	if err != nil {
		return nil, err
	}
	a.Margin = margin(without, with, a.Person, a.Charged, p.Cost().DeltaFloat())
	if a.Margin < 0 {
		return a, fmt.Errorf("%w: by %.3g in probability (false alarm %g)", ErrCost, -a.Margin, FalseAlarm)
	}
	return a, nil
}

// move is one cell that the person moves; the first of a group is its people.
type move struct {
	channel int
	base    int64
	by      float64
	sigma   float64
}

// group is what the person moves in one group; adaptive, where a part of the
// answer depends on earlier noise, draws that part.
type group struct {
	moves    []move
	adaptive func(times, people int64) (projected, rho float64, err error)
}

func movesOf(e *seam.Exact, base, one cells, steps *seam.Mechanism) []group {
	var out []group
	for key, channels := range one {
		var g group
		if steps.Adaptive != nil {
			g.adaptive = func(times, people int64) (float64, float64, error) {
				return steps.Adaptive(base[key], channels, times, people)
			}
		}
		for _, ch := range e.Channels {
			if ch.Draw < 0 {
				continue
			}
			for i, v := range channels[ch.Name] {
				if v == 0 {
					continue
				}
				m := move{channel: ch.Draw, by: float64(v), sigma: steps.Sigmas[ch.Draw]}
				if others := base[key]; others != nil {
					m.base = others[ch.Name][i]
				}
				g.moves = append(g.moves, m)
			}
		}
		out = append(out, g)
	}
	return out
}

// ratios draws the log-likelihood ratio, up to a constant: the noisy moves
// projected on the person's. A group that is not shown tells nothing of it.
func ratios(steps *seam.Mechanism, groups []group, times int64, draws int) ([]float64, error) {
	out := make([]float64, draws)
	for d := range out {
		for _, g := range groups {
			sum, seen, people := 0.0, true, int64(0)
			for i, m := range g.moves {
				x := m.base + times*int64(m.by)
				y, err := steps.Add(x, m.channel)
				if err != nil {
					return nil, err
				}
				if i == 0 {
					people = y
					if seen = steps.Shown(x, y); !seen {
						break
					}
				}
				sum += m.by * float64(y-m.base) / (m.sigma * m.sigma)
			}
			if !seen {
				continue
			}
			out[d] += sum
			if g.adaptive != nil {
				projected, _, err := g.adaptive(times, people)
				if err != nil {
					return nil, err
				}
				out[d] += projected
			}
		}
	}
	return out, nil
}

// margin tests the tails {ratio >= t} and {ratio < t} for thresholds spread over
// both distributions.
func margin(without, with []float64, person, charged, delta float64) float64 {
	mu := math.Sqrt(2 * charged)
	width := math.Sqrt(2 * person)
	var thresholds, epsilons []float64
	for z := -2.0; z <= 2; z += 0.5 {
		thresholds = append(thresholds, width*z+person)
	}
	for _, share := range []float64{0, 0.5, 1, 2} {
		epsilons = append(epsilons, share*mu)
	}
	level := FalseAlarm / float64(4*len(thresholds)*len(epsilons)) // two tails, two bounds each
	least := 1.0
	for _, t := range thresholds {
		a, b := above(without, t), above(with, t)
		n := len(without)
		for _, epsilon := range epsilons {
			allowed := gaussianDelta(mu, epsilon) + delta
			// {ratio >= t} is likelier with the person, {ratio < t} without.
			least = math.Min(least, allowed+math.Exp(epsilon)*upper(a, n, level)-lower(b, n, level))
			least = math.Min(least, allowed+math.Exp(epsilon)*upper(n-b, n, level)-lower(n-a, n, level))
		}
	}
	return least
}

func above(x []float64, t float64) (n int) {
	for _, v := range x {
		if v >= t {
			n++
		}
	}
	return n
}

// gaussianDelta is the delta of mu-Gaussian differential privacy at epsilon.
func gaussianDelta(mu, epsilon float64) float64 {
	normal := distuv.UnitNormal
	return normal.CDF(mu/2-epsilon/mu) - math.Exp(epsilon)*normal.CDF(-mu/2-epsilon/mu)
}

// lower and upper are one-sided Clopper-Pearson bounds of a probability.
func lower(hits, n int, level float64) float64 {
	if hits == 0 {
		return 0
	}
	return distuv.Beta{Alpha: float64(hits), Beta: float64(n-hits) + 1}.Quantile(level)
}

func upper(hits, n int, level float64) float64 {
	if hits == n {
		return 1
	}
	return distuv.Beta{Alpha: float64(hits) + 1, Beta: float64(n - hits)}.Quantile(1 - level)
}
