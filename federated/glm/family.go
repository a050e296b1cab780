package glm

import "fmt"

// Family is a distribution with its link, as the job card names it.
type Family string

// The families. Linear has the identity link, logistic the logit, the others the
// logarithm.
const (
	Linear   Family = "linear"            // V = 1
	Logistic Family = "logistic"          // V = mu (1-mu); the response is in [0, 1]
	Poisson  Family = "poisson"           // V = mu
	Gamma    Family = "gamma"             // V = mu^2; the response is positive
	Tweedie  Family = "tweedie"           // V = mu^power, 1 < power < 2
	NegBin   Family = "negative-binomial" // V = mu + mu^2/theta
)

// link names the link of a family, for reports.
func (f Family) link() string {
	switch f {
	case Linear:
		return "identity"
	case Logistic:
		return "logit"
	}
	return "log"
}

// estimatesDispersion says whether phi is Pearson's chi-square per degree of
// freedom; else it is 1.
func (f Family) estimatesDispersion() bool {
	return f == Linear || f == Gamma || f == Tweedie
}

// model is a family with its given parameter.
type model struct {
	family       Family
	power, theta float64
}

func newModel(f Family, power, theta float64) (model, error) {
	switch f {
	case Linear, Logistic, Poisson, Gamma:
	case Tweedie:
		if !(power > 1 && power < 2) {
			return model{}, fmt.Errorf("%w: Tweedie needs a power between 1 and 2", ErrSpec)
		}
	case NegBin:
		if !(theta >= 1e-3 && theta <= 1e6) {
			return model{}, fmt.Errorf("%w: negative binomial needs a theta in [0.001, 1e6]", ErrSpec)
		}
	default:
		return model{}, fmt.Errorf("%w: unknown family", ErrSpec)
	}
	if f != Tweedie && power != 0 || f != NegBin && theta != 0 {
		return model{}, fmt.Errorf("%w: a power is Tweedie's, a theta the negative binomial's", ErrSpec)
	}
	return model{family: f, power: power, theta: theta}, nil
}

// maxEta bounds the linear predictor under a log or logit link: noise may throw
// coefficients far off, and what it makes of them is clipped anyway.
const maxEta = 30

// terms are what one row adds, for unit weight.
type terms struct {
	weight   float64 // (dmu/deta)^2 / V
	score    float64 // (y-mu) (dmu/deta) / V
	deviance float64
	pearson  float64 // (y-mu)^2 / V
}

// mean is mu at the linear predictor.
func (m model) mean(eta float64) float64 {
	switch m.family {
	case Linear:
		return eta
	case Logistic:
		return sigmoid(min(max(eta, -maxEta), maxEta))
	}
	return exp(min(max(eta, -maxEta), maxEta))
}

// linkOf is eta at a mean.
func (m model) linkOf(mu float64) float64 {
	switch m.family {
	case Linear:
		return mu
	case Logistic:
		return log(mu / (1 - mu))
	}
	return log(mu)
}

// at is what a response adds at the linear predictor eta (offset included).
func (m model) at(eta, y float64, withDeviance bool) terms {
	if m.family != Linear {
		eta = min(max(eta, -maxEta), maxEta)
	}
	mu := m.mean(eta)
	r := y - mu
	var t terms
	switch m.family {
	case Linear:
		t = terms{weight: 1, score: r, pearson: float64(r * r)}
	case Logistic:
		v := float64(mu * (1 - mu))
		t = terms{weight: v, score: r, pearson: float64(r*r) / v}
	case Poisson:
		t = terms{weight: mu, score: r, pearson: float64(r*r) / mu}
	case Gamma:
		s := r / mu
		t = terms{weight: 1, score: s, pearson: float64(s * s)}
	case Tweedie:
		w := exp(float64((2 - m.power) * eta)) // mu^(2-p)
		s := float64(r*w) / mu
		t = terms{weight: w, score: s, pearson: float64(r*s) / mu}
	case NegBin:
		q := 1 + mu/m.theta
		t = terms{weight: mu / q, score: r / q, pearson: float64(r*r) / float64(mu*q)}
	}
	if withDeviance {
		t.deviance = m.deviance(eta, mu, y)
	}
	return t
}

// deviance is twice the log likelihood lost to the saturated model, times phi.
func (m model) deviance(eta, mu, y float64) float64 {
	switch m.family {
	case Linear:
		return float64((y - mu) * (y - mu))
	case Logistic:
		return float64(2 * (xlogRatio(y, mu) + xlogRatio(1-y, 1-mu)))
	case Poisson:
		return float64(2 * (xlogRatio(y, mu) - (y - mu)))
	case Gamma:
		return float64(2 * ((y-mu)/mu - log(y/mu)))
	case Tweedie:
		return m.tweedieDeviance(eta, mu, y)
	}
	return float64(2 * (xlogRatio(y, mu) - xlogRatio(y+m.theta, mu+m.theta)))
}

func (m model) tweedieDeviance(eta, mu, y float64) float64 {
	p := m.power
	tail := exp(float64((2-p)*eta)) / (2 - p)
	if y == 0 {
		return float64(2 * tail)
	}
	own := exp(float64((2-p)*log(y))) / float64((1-p)*(2-p))
	cross := float64(y*exp(float64((1-p)*eta))) / (1 - p)
	return float64(2 * (own - cross + tail))
}

// xlogRatio is x ln(x/y), 0 at x = 0.
func xlogRatio(x, y float64) float64 {
	if x <= 0 {
		return 0
	}
	return float64(x * log(x/y))
}
