package federated

import (
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// Limits are what a node's own operator allows, whatever the card says.
type Limits struct {
	// Rho is the most the whole job may cost, spare attempts included; 0 for no limit
	// but the ledger's.
	Rho Rho
	// Windows are when attempts may begin, in UTC; none for always.
	Windows []Window
	// SecondJob allows a job on a snapshot that served another. It is charged in full,
	// but whoever compares two sums of nearly the same parties learns of the difference.
	SecondJob bool
}

// Window is a time of day; one that ends before it begins goes past midnight.
type Window struct{ From, To time.Duration }

// Equal says whether both allow the same.
func (l Limits) Equal(o Limits) bool {
	return l.Rho == o.Rho && l.SecondJob == o.SecondJob && slices.Equal(l.Windows, o.Windows)
}

// open says whether an attempt may begin.
func (l Limits) open(at time.Time) bool {
	at = at.UTC()
	since := at.Sub(at.Truncate(24 * time.Hour))
	for _, w := range l.Windows {
		if w.From <= w.To && w.From <= since && since < w.To || w.From > w.To && (since >= w.From || since < w.To) {
			return true
		}
	}
	return len(l.Windows) == 0
}

// wholeCost is what a job costs at most: every round, and the spares at the price of
// the dearest round.
func wholeCost(p trainer) (whole dp.Cost, err error) {
	var most dp.Cost
	add := func(c dp.Cost) {
		if err == nil {
			whole, err = whole.Plus(c)
		}
	}
	for r := range p.Rounds() {
		c, e := p.RoundCost(r)
		if e != nil {
			return whole, e
		}
		add(c)
		most.Rho, most.Delta = max(most.Rho, c.Rho), max(most.Delta, c.Delta)
	}
	for range Spares {
		add(most)
	}
	return whole, err
}

// allow holds a job to the limits and the ledger.
func (l Limits) allow(whole dp.Cost, others []string) error {
	switch {
	case l.Rho > 0 && whole.Rho > int64(l.Rho):
		return fmt.Errorf("%w: the job costs up to %d of 1e-12 rho, the limit is %d", ErrLimit, whole.Rho, int64(l.Rho))
	case len(others) > 0 && !l.SecondJob:
		return fmt.Errorf("%w: %s", ErrSnapshot, others[0])
	}
	return nil
}
