// Package seam is the one opening in dp, and only code below dp can reach it:
// dptest reads exact totals and swaps the noise through here. A production
// package cannot import it, so it cannot make a Pass.
package seam

import "math/big"

// Noise adds noise to one integer cell. linf is the most one person moves the
// cell; epsilon and delta are calibration arguments, not costs.
type Noise interface {
	Add(x, linf int64, epsilon, delta float64) (int64, error)
}

// Pass proves that the caller could import this package. Its zero value, which
// reflection can make, opens nothing.
type Pass struct{ ok bool }

// Issue makes a valid Pass.
func Issue() Pass { return Pass{ok: true} }

// Valid says whether the Pass came from Issue.
func (p Pass) Valid() bool { return p.ok }

// Exact is the content of a Totals before any noise.
type Exact struct {
	Salt     [16]byte
	Public   bool // nobody is in the data
	Channels []Channel
	Groups   []Group
}

// Channel is one vector of cells per group with what one person can change in it.
type Channel struct {
	Name   string
	Cells  int
	Linf   int64    // most one cell moves
	Moved  int64    // most cells that move in a group
	Delta2 *big.Int // squared L2 distance in a group
	// Draw is its place among the channels that are drawn; -1 for tables that are
	// only drawn from, by Mechanism.Adaptive.
	Draw int
}

// Group holds the cells of one group by channel name.
type Group struct {
	Keys  []string
	Cells map[string][]int64
}

// Mechanism is what a release does to the cells of one group, step by step.
type Mechanism struct {
	// Add draws the noise of one cell of a channel.
	Add func(x int64, channel int) (int64, error)
	// Shown is the threshold, of the exact and the noisy count of people.
	Shown func(n, noisy int64) bool
	// Sigmas is the noise of each channel.
	Sigmas []float64
	// Stored is the number of channels and tables of which cells are kept.
	Stored int
	// Adaptive draws what depends on earlier noisy numbers, of a shown group with
	// the cells base and times those of one person more, its people being noisy
	// already. It gives the person's moves projected on the noise, in the same terms
	// as those of single cells, and their squares over 2 sigma^2. Nil where nothing
	// is adaptive.
	Adaptive func(base, person map[string][]int64, times, people int64) (projected, rho float64, err error)
}
