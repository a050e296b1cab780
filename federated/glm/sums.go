package glm

import (
	"fmt"
	"io"
	"sync/atomic"
)

// Sums is what one node's people add in one round, clipped and exact: private,
// with no way out but Noisy. It prints as "redacted".
type Sums struct {
	of     any // the *Plan or *Network
	round  int
	limit  int64 // noised values are held to +-limit, which noise does not reach; 0 for none
	values []int64
	spent  atomic.Bool
}

// Noise is one node's share of one round's noise, good for one Noisy. It prints
// as "redacted": who knows it can subtract it.
type Noise struct {
	of     any
	round  int
	values []int64
	spent  atomic.Bool
}

// Noisy adds the share to the sums, cell by cell, and spends both: the result is
// what the node may put into the secure sum, once. ErrMismatch if they are of
// different plans or rounds or were used before.
func (s *Sums) Noisy(n *Noise) ([]int64, error) {
	if s == nil || n == nil || s.of != n.of || s.round != n.round {
		return nil, fmt.Errorf("%w: sums and noise of different rounds", ErrMismatch)
	}
	if s.spent.Swap(true) || n.spent.Swap(true) {
		return nil, fmt.Errorf("%w: sums and noise serve once", ErrMismatch)
	}
	out := s.values
	for i, x := range n.values {
		out[i] += x
		if s.limit > 0 {
			out[i] = min(max(out[i], -s.limit), s.limit)
		}
	}
	s.values, n.values = nil, nil
	return out, nil
}

const redacted = "glm: redacted"

// Format writes "redacted" under every verb.
func (s *Sums) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// MarshalText writes "redacted".
func (s *Sums) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format writes "redacted" under every verb.
func (n *Noise) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// MarshalText writes "redacted".
func (n *Noise) MarshalText() ([]byte, error) { return []byte(redacted), nil }
