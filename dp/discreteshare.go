package dp

import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

// ErrShares is a plan of noise shares that proves nothing: too little variance,
// no honest node, or numbers out of range.
var ErrShares = errors.New("dp: noise shares out of range")

// maxNodes bounds the nodes of one sum, maxShareCells the cells of one vector.
const maxNodes, maxShareCells = 1000, 1 << 24

// NoiseShares is the noise of a sum that nobody may see before it is noisy: each
// of N nodes adds to its own integers one share, an exactly sampled discrete
// Gaussian of variance V/(N-c), so that any N-c of them hold variance V and up to
// c nodes that subtract their own shares gain nothing.
//
// This is the one named exception to the rule that noise comes from
// google/differential-privacy: that library's sampler takes (epsilon, delta) and
// hides its sigma, and proves nothing about sums of its draws.
//
// What is charged follows Canonne, Kamath and Steinke (2020, theorem 4) for one
// discrete Gaussian and Kairouz, Liu and Steinke (2021) for sums of them: see
// Cost.
type NoiseShares struct {
	nodes, colluders int
	share            *big.Int
	sampler          *discreteGaussian
}

// NewNoiseShares plans shares that keep at least variance (in squared units of the
// sum) when colluders of the nodes subtract theirs. The share's variance is
// rounded up. ErrShares unless 1 <= colluders < nodes <= 1000 (every node can
// subtract its own share, so c is at least 1) and the share's variance is in
// [64, 2^114).
func NewNoiseShares(variance *big.Int, nodes, colluders int) (*NoiseShares, error) {
	if colluders < 1 || colluders >= nodes || nodes > maxNodes {
		return nil, fmt.Errorf("%w: need 1 <= colluders < nodes <= %d", ErrShares, maxNodes)
	}
	if variance == nil || variance.Sign() <= 0 {
		return nil, fmt.Errorf("%w: the variance must be positive", ErrShares)
	}
	share := quoCeil(variance, big.NewInt(int64(nodes-colluders)))
	sampler, err := newDiscreteGaussian(share)
	if err != nil {
		return nil, err
	}
	return &NoiseShares{nodes: nodes, colluders: colluders, share: share, sampler: sampler}, nil
}

// VarianceFor is the smallest integer variance at which a move of squared length
// delta2 costs at most rho (units of 1e-12). ErrCost unless both are positive.
func VarianceFor(delta2 *big.Int, rho int64) (*big.Int, error) {
	if delta2 == nil || delta2.Sign() <= 0 || rho <= 0 {
		return nil, fmt.Errorf("%w: rho and the squared distance must be positive", ErrCost)
	}
	n := new(big.Int).Mul(delta2, big.NewInt(rhoUnits))
	return quoCeil(n, new(big.Int).Mul(big.NewInt(2), big.NewInt(rho))), nil
}

func quoCeil(n, d *big.Int) *big.Int {
	q, rest := new(big.Int).QuoRem(n, d, new(big.Int))
	if rest.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// ShareVariance is what one node adds per cell.
func (s *NoiseShares) ShareVariance() *big.Int { return new(big.Int).Set(s.share) }

// SumVariance is what the decrypted sum carries per cell: all N shares.
func (s *NoiseShares) SumVariance() *big.Int {
	return new(big.Int).Mul(s.share, big.NewInt(int64(s.nodes)))
}

// Draw overwrites dst with one node's share, a fresh sample per cell from the
// system's CSPRNG. ErrNoise means that nothing in dst may be used.
func (s *NoiseShares) Draw(dst []int64) error {
	words := systemWords(len(dst))
	for i := range dst {
		x, err := s.sampler.draw(words)
		if err != nil {
			clear(dst)
			return err
		}
		dst[i] = x
	}
	return nil
}

// Cost is what one release of cells numbers costs a person who moves the sum by
// at most delta2 (squared L2 distance, in squared units of the sum), against
// c colluding nodes: rho = delta2 / (2 (N-c) share). The honest shares' sum is
// not quite a discrete Gaussian: with probability at least 1 - delta it is one,
// delta = cells * tau by discreteDistance, which is below one unit of 1e-21 for
// every admitted share and so is charged as one unit.
func (s *NoiseShares) Cost(delta2 *big.Int, cells int) (Cost, error) {
	return s.CostAgainst(s.colluders, delta2, cells)
}

// CostAgainst is Cost when this many nodes collude instead: with nodes-1, what
// remains if all others do.
func (s *NoiseShares) CostAgainst(colluders int, delta2 *big.Int, cells int) (Cost, error) {
	honest := s.nodes - colluders
	if colluders < 0 || honest < 1 {
		return Cost{}, fmt.Errorf("%w: colluders", ErrShares)
	}
	if delta2 == nil || delta2.Sign() <= 0 || cells < 1 || cells > maxShareCells {
		return Cost{}, fmt.Errorf("%w: the squared distance and the cells must be positive", ErrCost)
	}
	twice := new(big.Int).Mul(s.share, big.NewInt(int64(2*honest)))
	rho, err := ceilUnits(new(big.Rat).SetFrac(delta2, twice))
	if err != nil {
		return Cost{}, err
	}
	if honest == 1 {
		return Cost{Rho: rho}, nil
	}
	variance, _ := new(big.Float).SetInt(s.share).Float64()
	return Cost{Rho: rho, Delta: max(1, deltaCeil(float64(cells)*discreteDistance(variance, honest)))}, nil
}

// discreteDistance bounds |ln(P(x)/Q(x))| over all integers x, P being the sum of
// n discrete Gaussians of this variance each and Q the discrete Gaussian of
// variance n times that: tau = 10 sum_{k<n} exp(-2 pi^2 variance k/(k+1))
// (Kairouz, Liu and Steinke 2021). Adding the (k+1)th to a discrete Gaussian of
// k*variance leaves, beside the right Gaussian, the factor
//
//	sum_y exp(-(y-c)^2 / (2 s)),  s = variance k/(k+1),
//
// which by Poisson summation varies with c by a ratio of at most
// (1+2e)/(1-2e), e = sum_{m>=1} exp(-2 pi^2 s m^2); its logarithm is below
// 10 exp(-2 pi^2 s) for s >= 1/4, and a convolution does not widen ratios.
//
// How it is charged: per cell P = exp(-tau) Q + (1 - exp(-tau)) R for some
// distribution R, so a vector of d cells is drawn from the discrete Gaussian
// with probability at least 1 - d*tau: approximate zCDP (Bun and Steinke 2016,
// section 8) with delta = d*tau.
func discreteDistance(variance float64, n int) float64 {
	tau := 0.0
	for k := 1; k < n; k++ {
		tau += 10 * math.Exp(-2*math.Pi*math.Pi*variance*float64(k)/float64(k+1))
	}
	return tau
}
