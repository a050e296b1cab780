package ledger

import (
	"cmp"
	"math/big"
	"slices"
	"time"
)

// Usage is what one organisation has used of one template version in slots of
// one length, as the log tells it: everything in it is public.
type Usage struct {
	Organisation string `json:"organisation"`
	Template     string `json:"template"`
	Charges      int64  `json:"charges"` // requests that drew noise, abandoned ones included
	Repeats      int64  `json:"repeats"` // requests that a stored release answered
	Rho          int64  `json:"rho"`     // charged, in units of 1e-12
	// Seconds adds up the slots of the charges: the class of running time that
	// follows from the template and the declared size, never the time a run took.
	Seconds int64 `json:"slot_seconds"`
	// Slot is the slot of each charge in seconds, which stands for the public size
	// class of the population; 0 for repeats, which wait for nothing.
	Slot int64 `json:"slot"`
}

type usageKey struct {
	organisation, template string
	slot                   int64
}

func (s *State) meter(organisation, template string, add Usage) {
	k := usageKey{organisation, template, add.Slot}
	u := s.usage[k]
	u.Organisation, u.Template, u.Slot = organisation, template, add.Slot
	u.Charges += add.Charges
	u.Repeats += add.Repeats
	u.Rho += add.Rho
	u.Seconds += add.Seconds
	s.usage[k] = u
}

func charged(l Leaf, c *Charge) Usage {
	slot := int64(c.Due.Sub(l.Time) / time.Second)
	return Usage{Charges: 1, Rho: c.Cost.Rho, Seconds: slot, Slot: slot}
}

// Usage lists what every organisation has used, by organisation,
// template and slot.
func (s *State) Usage() []Usage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]Usage, 0, len(s.usage))
	for _, u := range s.usage {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(a.Organisation, b.Organisation), cmp.Compare(a.Template, b.Template), cmp.Compare(a.Slot, b.Slot))
	})
	return out
}

// Allocate divides a total among weights by the method of largest remainders
// (Hamilton's): every part is its exact share, rounded down or up by less than
// one, and the parts add up to the total. Equal remainders go to the first. All
// numbers are at least 0; where every weight is 0, the parts are equal.
func Allocate(total int64, weights []int64) []int64 {
	if len(weights) == 0 {
		return nil
	}
	whole := new(big.Int)
	for _, w := range weights {
		whole.Add(whole, big.NewInt(w))
	}
	if whole.Sign() == 0 {
		ones := make([]int64, len(weights))
		for i := range ones {
			ones[i] = 1
		}
		return Allocate(total, ones)
	}
	parts, order, left := make([]int64, len(weights)), make([]int, len(weights)), total
	remainders := make([]*big.Int, len(weights))
	for i, w := range weights {
		share, rest := new(big.Int).QuoRem(new(big.Int).Mul(big.NewInt(total), big.NewInt(w)), whole, new(big.Int))
		parts[i], remainders[i], order[i] = share.Int64(), rest, i
		left -= parts[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return remainders[b].Cmp(remainders[a]) })
	for _, i := range order[:left] {
		parts[i]++
	}
	return parts
}
