package dp

import (
	"fmt"
	"math"
	"math/big"

	"github.com/google/differential-privacy/go/v3/noise"
	"github.com/qunxiang/qunxiang/dp/internal/normal"
)

const (
	// calibrationDelta is what SigmaForGaussian is called with. It only fixes a
	// sigma; nobody is charged it.
	calibrationDelta = 1e-9
	// support is how many sigmas the library's binomial sampler reaches at least:
	// it cuts at sqrt(2 ln(2^56)) = 8.81.
	support = 8.8
	// maxRelativeSigma bounds sigma/linf: far beyond it rho is below one unit.
	maxRelativeSigma = 1e7
	// maxSigma keeps the sampler's granularity below 1, so that it never rounds
	// the value it protects.
	maxSigma = 1 << 55
)

// draw is how one channel gets its noise: the arguments of AddNoiseInt64 (with
// l0 = 1) and the sigma that SigmaForGaussian returns for exactly those.
type draw struct {
	linf           int64
	epsilon, sigma float64
}

// gaussian is the library's Gaussian noise from the system's CSPRNG.
type gaussian struct{}

// Add draws once.
func (gaussian) Add(x, linf int64, epsilon, delta float64) (int64, error) {
	return noise.Gaussian().AddNoiseInt64(x, 1, linf, epsilon, delta)
}

func sigmaFor(linf int64, epsilon float64) float64 {
	return noise.SigmaForGaussian(1, float64(linf), epsilon, calibrationDelta)
}

// side says on which side of the target a calibrated sigma must lie.
type side bool

const (
	atLeast side = false // the cost must not be passed
	atMost  side = true  // the error must not be passed
)

// calibrate finds the epsilon for which SigmaForGaussian returns a sigma on the
// wanted side of target, as near as its grid of about 0.1 % allows.
func calibrate(linf int64, target float64, s side) (draw, error) {
	if !(target >= float64(linf)*(1-1e-9)) {
		return draw{}, ErrTooPrecise
	}
	if target > maxRelativeSigma*float64(linf) || target > maxSigma {
		return draw{}, ErrTooCoarse
	}
	lo, hi := -48.0, 6.0 // log2 of epsilon: the sigma falls from 4e8*linf to below linf/5
	for range 64 {
		mid := lo + (hi-lo)/2
		sigma := sigmaFor(linf, math.Exp2(mid))
		if sigma > target || s == atLeast && sigma == target {
			lo = mid
		} else {
			hi = mid
		}
	}
	epsilon := math.Exp2(hi)
	if s == atLeast {
		epsilon = math.Exp2(lo)
	}
	d := draw{linf: linf, epsilon: epsilon, sigma: sigmaFor(linf, epsilon)}
	if d.sigma < float64(linf) {
		return draw{}, ErrTooPrecise
	}
	return d, nil
}

// cost is what a channel is charged when drawn with d: rho of the sigma, and
// for every cell a person can move the chance that the sampler's finite support
// gives the person away.
func (c channel) cost(l0 int, d draw) (Cost, error) {
	rho, err := channelRho(int64(l0), c.delta2, d.sigma)
	if err != nil {
		return Cost{}, err
	}
	tail := normal.Upper(support - float64(d.linf)/d.sigma)
	return Cost{Rho: rho, Delta: deltaCeil(float64(l0) * float64(c.moved) * tail)}, nil
}

// sigmaAt is the sigma at which the channel costs rho.
func (c channel) sigmaAt(l0 int, rho float64) float64 {
	d2, _ := new(big.Float).SetInt(c.delta2).Float64()
	return math.Sqrt(float64(l0) * d2 / (2 * rho))
}

// headroom proves that no noisy cell reaches 2^63.
func (c channel) headroom(people int64, d draw) error {
	if float64(people)*float64(d.linf)+9*d.sigma >= math.MaxInt64 {
		return fmt.Errorf("%w: people times clamp plus noise (%s)", ErrOverflow, c.name)
	}
	return nil
}
