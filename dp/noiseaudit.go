package dp

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
)

// NoiseAudit tests inside the domain whether releases carry the noise that their
// log claims: it takes for each release the exact totals, recomputed, and the
// table that was handed out. What it says is one word, [NoiseAudit.Verdict], once.
//
// Every number that can be led back to one draw becomes a score that is exactly
// standard normal, and independent of all others, where the noise is as claimed:
// a randomised probability integral transform under the rounded Gaussian. The
// threshold's choice is part of the law. Of a public group that is not shown the
// score is that of "below the threshold", and of a private group the law is that
// given that it was shown; measures are drawn after the choice and need none. So
// the scores of an honest log say nothing about the data: whatever the people,
// the verdict is "pass" with at least 1 - alpha, which is all that it can tell.
// It goes through all numbers and all tests in any case: where it would stop early,
// its time would be an answer about one release.
//
// Not tested, for they are not led back to one draw: quantiles, curves, the
// deviation of a spread, a mean whose rows are not shown, and all that is derived.
//
// It is for one goroutine. The state hides behind a function, as in [Totals].
type NoiseAudit struct {
	closed
	open func() *noiseState
}

// noiseState is what a NoiseAudit holds.
type noiseState struct {
	mu       sync.Mutex
	alpha    float64
	random   *rand.Rand
	releases [][]*noisePart
	broken   bool // a number that the mechanism cannot give
	done     bool
}

// noisePart is the scores of one channel of one release.
type noisePart struct {
	channel string
	scores  []float64
	grain   []float64 // width of what a score was drawn from, in deviations
	bare    []float64 // log likelihood ratio of no noise at all against the claimed
	label   []uint64  // of group and place
	order   []uint64  // of the draw
}

// NewNoiseAudit makes an empty audit whose false-alarm rate is at most alpha.
// ErrAccuracy unless it is within 1e-12 and 0.01; ErrNoise if the system has no
// randomness.
func NewNoiseAudit(alpha float64) (*NoiseAudit, error) {
	if !(alpha >= 1e-12 && alpha <= 0.01) {
		return nil, fmt.Errorf("%w: a false-alarm rate of %g", ErrAccuracy, alpha)
	}
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		return nil, ErrNoise
	}
	s := &noiseState{alpha: alpha, random: rand.New(rand.NewChaCha8(seed))}
	return &NoiseAudit{open: func() *noiseState { return s }}, nil
}

// Add takes one release: totals computed again from the same rows and with the
// same salt, which are spent; what the log claims; and the table, as it was
// shown: shown is the rising function that made its numbers of those that were
// drawn. It gives how many numbers are tested, which the table alone decides.
//
// ErrClaim means that the table cannot be one of this question, whatever the
// data: another number of groups, a number that shown never gives. ErrMismatch
// means totals of another question, ErrReleased a verdict that was given.
func (a *NoiseAudit) Add(t *Totals, c *NoiseClaim, table *Table, shown func(float64) float64) (int, error) {
	if a == nil || a.open == nil {
		return 0, fmt.Errorf("%w: made without NewNoiseAudit", ErrMismatch)
	}
	into := a.open()
	into.mu.Lock()
	defer into.mu.Unlock()
	s, err := t.state()
	if err != nil {
		return 0, err
	}
	if into.done {
		return 0, ErrReleased
	}
	if c == nil || table == nil || shown == nil || !reflect.DeepEqual(s.c.spec, c.p.c.spec) {
		return 0, ErrMismatch
	}
	if !s.spent.CompareAndSwap(false, true) {
		return 0, ErrReleased
	}
	defer func() { s.cells = nil }()
	r := &noiseReading{s: s, p: c.p, shown: shown, random: into.random}
	if err := r.table(table); err != nil {
		return 0, err
	}
	into.releases = append(into.releases, r.parts)
	into.broken = into.broken || r.broken
	return r.tested, nil
}

// Verdict says whether every number looks as claimed. It can be asked once, so
// that no more than this one bit ever comes out: ErrReleased afterwards.
func (a *NoiseAudit) Verdict() (pass bool, err error) {
	if a == nil || a.open == nil {
		return false, fmt.Errorf("%w: made without NewNoiseAudit", ErrMismatch)
	}
	s := a.open()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return false, ErrReleased
	}
	s.done = true
	alarm := s.alarm() // in any case: time tells nothing
	s.releases = nil
	return !alarm && !s.broken, nil
}
