package glm

import (
	"fmt"
	"math"
)

// Spec is a model as the job card states it. Everything in it is public.
type Spec struct {
	Family Family
	Power  float64 // of Tweedie, in (1, 2)
	Theta  float64 // of the negative binomial: V = mu + mu^2/theta

	Response Response
	Features []Feature
	Exposure bool // rows carry an exposure whose logarithm is the offset; log links only
	Weights  bool // rows carry prior weights
	// Ridge adds Ridge/2 times the squared length of the coefficients, intercept
	// excepted, to half the scaled deviance (phi = 1). Default 0.
	Ridge float64

	// StartMean is the expected mean of the response (per unit of exposure), in its
	// units. Required: training starts from its link.
	StartMean float64
	// Rounds of Newton's method, 1 to 16. Default 5.
	Rounds int

	Nodes         int   // Required, at least 3
	Colluders     int   // nodes whose noise is not relied on. Default 1, at most Nodes-1
	Places        int   // how many nodes one person may be at. Default 1
	PeoplePerNode int64 // Required: the people of a node whose sums are not cut off, however they agree
	// Rho is the whole job's for a person at all Places, in units of 1e-12.
	// Required.
	Rho int64
	// Caps bound what one person adds; the zero value of each takes the family's
	// default.
	Caps Caps
	// Bits fixes the scale of the integers at 2^-Bits. Default, and at most, the
	// scale that the declared numbers of nodes and people allow; at most 32.
	Bits int
}

// Caps bound one person's total. What is beyond is clipped: bias that no interval
// shows, so they should hold for nearly everyone.
type Caps struct {
	// Weight bounds the sum of the rows' weights (dmu/deta)^2/V. Defaults: linear and
	// gamma 1, logistic 1/4, Poisson 0.6, Tweedie and negative binomial 1.
	Weight float64
	// Score bounds the sum of the rows' scores (y-mu) (dmu/deta)/V. Defaults:
	// linear, logistic and negative binomial 1, Poisson and Tweedie 2, gamma 3.
	Score    float64
	Rows     int     // rows of a person; default 64, at most 1024
	Exposure float64 // sum over a person's rows, in the exposure's unit; default 1, Rows without exposure
	Deviance float64 // default 20
	Pearson  float64 // default 20
}

const (
	defaultRounds, maxRounds = 5, 16
	maxRows                  = 1024
	maxWeight                = 1e6
	maxCap                   = 1e9
	maxPlaces                = 16
	// minScale to maxScale is what divides a response, or bounds a gradient, and the
	// width of a number's range; maxValue bounds every declared number, the response's
	// after scaling. Within them no product of floats is infinite or not a number.
	minScale, maxScale = 1e-9, 1e15
	maxValue           = 1e15
)

// defaults are the family's caps on weight and score.
func (f Family) defaults() (weight, score float64) {
	switch f {
	case Logistic:
		return 0.25, 1
	case Poisson:
		return 0.6, 2
	case Gamma:
		return 1, 3
	case Tweedie:
		return 1, 2
	}
	return 1, 1
}

// withDefaults fills what the card may leave out.
func (s Spec) withDefaults() Spec {
	set := func(x *float64, to float64) {
		if *x == 0 {
			*x = to
		}
	}
	setInt := func(x *int, to int) {
		if *x == 0 {
			*x = to
		}
	}
	weight, score := s.Family.defaults()
	set(&s.Caps.Weight, weight)
	set(&s.Caps.Score, score)
	set(&s.Caps.Deviance, 20)
	set(&s.Caps.Pearson, 20)
	setInt(&s.Caps.Rows, 64)
	if s.Exposure {
		set(&s.Caps.Exposure, 1)
	} else {
		s.Caps.Exposure = float64(s.Caps.Rows) // every row counts 1
	}
	set(&s.Response.Scale, 1)
	setInt(&s.Rounds, defaultRounds)
	setInt(&s.Colluders, 1)
	setInt(&s.Places, 1)
	return s
}

// check refuses what cannot be trained. The model's family is known to be good.
func (s Spec) check(maxRounds int) error {
	r := s.Response
	bad := func(text string) error { return fmt.Errorf("%w: %s", ErrSpec, text) }
	switch {
	case r.Name == "" || !finite(r.Lo) || !finite(r.Hi) || !(r.Lo < r.Hi):
		return bad("the response needs a name and a range")
	case !(r.Scale >= minScale && r.Scale <= maxScale):
		return bad("the response's scale must be 1e-9 to 1e15")
	case !(max(math.Abs(r.Lo), math.Abs(r.Hi))/r.Scale <= maxValue):
		return bad("the response's range must be within 1e15 times its scale")
	case r.Scale != 1 && (s.Family == Logistic || s.Family == Poisson || s.Family == NegBin):
		return bad("only linear, gamma and Tweedie responses may be scaled")
	case s.Exposure && s.Family.link() != "log":
		return bad("an exposure needs a log link")
	case !(s.Ridge >= 0 && s.Ridge <= 1e12):
		return bad("the ridge must not be negative")
	case s.Rounds < 1 || s.Rounds > maxRounds:
		return bad("the number of rounds is out of range")
	case s.Nodes < 3 || s.Nodes > 100:
		return bad("nodes must be 3 to 100")
	case s.Colluders < 1 || s.Colluders >= s.Nodes:
		return bad("colluders must be at least 1 and fewer than the nodes")
	case s.Places < 1 || s.Places > min(s.Nodes, maxPlaces):
		return bad("places must be 1 to the number of nodes, at most 16")
	case s.PeoplePerNode < 1 || s.PeoplePerNode > 1<<32:
		return bad("people per node must be declared")
	case s.Rho < 1:
		return bad("rho must be positive")
	case s.Bits < 0 || s.Bits > maxBits:
		return bad("bits must be at most 32")
	}
	if err := s.checkRange(); err != nil {
		return err
	}
	return s.Caps.check()
}

// checkRange holds the response and the starting mean to the family's domain.
func (s Spec) checkRange() error {
	lo, hi, mean := s.Response.Lo, s.Response.Hi, s.StartMean
	ok := finite(mean)
	switch s.Family {
	case Linear:
	case Logistic:
		ok = ok && lo >= 0 && hi <= 1 && mean > 0 && mean < 1
	case Gamma:
		ok = ok && lo > 0 && mean > 0
	default:
		ok = ok && lo >= 0 && mean > 0
	}
	if !ok {
		return fmt.Errorf("%w: the response's range or the starting mean does not suit the family", ErrSpec)
	}
	return nil
}

func (c Caps) check() error {
	for _, x := range []float64{c.Weight, c.Score, c.Exposure, c.Deviance, c.Pearson} {
		if !(x > 0 && x <= maxCap) {
			return fmt.Errorf("%w: caps must be positive", ErrSpec)
		}
	}
	if c.Rows < 1 || c.Rows > maxRows {
		return fmt.Errorf("%w: a person's rows must be capped at 1 to %d", ErrSpec, maxRows)
	}
	return nil
}
