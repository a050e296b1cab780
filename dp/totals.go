package dp

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/qunxiang/qunxiang/dp/internal/siphash"
)

// Totals collects bounded contributions. Nothing in it can be read: it leaves
// only through Release, once, with noise. It is for one goroutine; each worker
// takes its own Fork.
//
// The state hides behind a function, which neither fmt nor reflection can see
// through, so that a struct that holds a Totals may be printed or encoded.
type Totals struct{ open func() *state }

// state is what a Totals holds.
type state struct {
	c      *compiled
	salt   [16]byte
	public bool // see DeclarePublic
	forked bool // has a Fork, or is one
	key    siphash.Key
	spent  atomic.Bool // released or joined

	values []map[string]int // per public key: value -> index
	groups                  // the codes
	cells  []int64          // group code * stride + offset
	people int64            // persons that were added, for the overflow proof
	scratch
}

// groups names the group codes. With public keys only, the codes are fixed; else
// they are interned as they appear, and their order means nothing.
type groups struct {
	codes  map[string]int32 // by canonical key, private only
	names  [][]string       // private only
	words  []uint64         // hash of the canonical key: the group's part in every choice
	buffer []byte
}

// NewTotals makes empty totals and draws the 128-bit salt of the hashes that
// choose a person's groups, rows and positions. Errors: those of Spec.Check;
// ErrNoise if the system has no randomness.
func NewTotals(s Spec) (*Totals, error) {
	c, err := compile(s)
	if err != nil {
		return nil, err
	}
	var salt [16]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return nil, ErrNoise
	}
	return seal(newState(c, salt)), nil
}

// NewTotalsWith is NewTotals with a salt that can be had again, so that the same
// rows give the same totals: that of one request only, from a random secret and
// never from data. A salt of zeros is refused with ErrSpec.
func NewTotalsWith(s Spec, salt [16]byte) (*Totals, error) {
	c, err := compile(s)
	if err != nil {
		return nil, err
	}
	if salt == [16]byte{} {
		return nil, fmt.Errorf("%w: no salt", ErrSpec)
	}
	return seal(newState(c, salt)), nil
}

func seal(s *state) *Totals { return &Totals{open: func() *state { return s }} }

func (t *Totals) state() (*state, error) {
	if t == nil || t.open == nil {
		return nil, fmt.Errorf("%w: made without NewTotals", ErrMismatch)
	}
	s := t.open()
	if s.spent.Load() {
		return nil, ErrReleased
	}
	return s, nil
}

func newState(c *compiled, salt [16]byte) *state {
	s := &state{c: c, salt: salt, key: siphash.NewKey(salt), scratch: newScratch(c)}
	s.who.salt = s.key
	s.values = make([]map[string]int, len(c.spec.Keys))
	for i, k := range c.spec.Keys {
		s.values[i] = make(map[string]int, len(k.Values))
		for j, v := range k.Values {
			s.values[i][v] = j
		}
	}
	if c.radix == nil {
		s.codes = map[string]int32{}
		return s
	}
	s.cells = make([]int64, c.groups*c.stride)
	s.words = make([]uint64, c.groups)
	s.mark = make([]mark, c.groups)
	for g := range s.words {
		s.words[g] = siphash.Bytes(s.key, s.canonical(c.keysOf(g)))
	}
	return s
}

// DeclarePublic says that the data are public: a synthetic population, nobody
// is in it. Only such totals can be examined by dp/proof. It must come first,
// before any Fork and any row: ErrMismatch where it does not.
func (t *Totals) DeclarePublic() error {
	s, err := t.state()
	if err != nil {
		return err
	}
	if s.people > 0 || s.forked {
		return ErrMismatch
	}
	s.public = true
	return nil
}

// keysOf decodes the code of a group with public keys.
func (c *compiled) keysOf(g int) []string {
	keys := make([]string, len(c.radix))
	for i := len(keys) - 1; i >= 0; i-- {
		keys[i] = c.spec.Keys[i].Values[g%c.radix[i]]
		g /= c.radix[i]
	}
	return keys
}

// canonical is the group key as bytes, each value after its length. It is valid
// until the next call.
func (g *groups) canonical(keys []string) []byte {
	g.buffer = g.buffer[:0]
	for _, k := range keys {
		g.buffer = binary.LittleEndian.AppendUint64(g.buffer, uint64(len(k)))
		g.buffer = append(g.buffer, k...)
	}
	return g.buffer
}

// Spec is the question the totals are for.
func (t *Totals) Spec() Spec {
	if t == nil || t.open == nil {
		return Spec{}
	}
	return t.open().c.spec.clone()
}

// Fork makes empty totals with the same question and salt, for another worker.
// Join brings them back.
func (t *Totals) Fork() (*Totals, error) {
	s, err := t.state()
	if err != nil {
		return nil, err
	}
	s.forked = true
	fork := newState(s.c, s.salt)
	fork.public, fork.forked = s.public, true
	return seal(fork), nil
}

// Join adds the totals of a Fork, which is spent by it. No person may be in
// both. ErrMismatch if o is no fork of t or of what t is a fork of; ErrPeople.
func (t *Totals) Join(o *Totals) error {
	s, err := t.state()
	if err != nil {
		return err
	}
	from, err := o.state()
	if err != nil {
		return err
	}
	if s == from || s.c != from.c || s.salt != from.salt || s.public != from.public {
		return ErrMismatch
	}
	if from.people > s.c.spec.MaxPeople-s.people {
		return ErrPeople
	}
	if !from.spent.CompareAndSwap(false, true) {
		return ErrReleased
	}
	s.people += from.people
	n := s.c.stride
	for g := 0; g*n < len(from.cells); g++ {
		to := g
		if s.c.radix == nil {
			code, err := s.intern(from.names[g])
			if err != nil {
				return err
			}
			to = int(code)
		}
		add(s.cells[to*n:(to+1)*n], from.cells[g*n:(g+1)*n])
	}
	from.cells, from.scratch = nil, scratch{}
	return nil
}

func add(to, from []int64) {
	for i, x := range from {
		to[i] += x
	}
}

// Group is the code of a group key, one value per Spec.Keys. A value outside a
// public domain gives -1: rows of no group. Private values are interned.
// ErrBatch if the number of values is wrong.
func (t *Totals) Group(keys []string) (int32, error) {
	s, err := t.state()
	if err != nil {
		return 0, err
	}
	if len(keys) != len(s.c.spec.Keys) {
		return 0, fmt.Errorf("%w: a group key needs %d values", ErrBatch, len(s.c.spec.Keys))
	}
	code := 0
	for i, k := range s.c.spec.Keys {
		if k.Private {
			continue
		}
		j, ok := s.values[i][keys[i]]
		if !ok {
			return -1, nil
		}
		code = code*len(k.Values) + j
	}
	if s.c.radix != nil {
		return int32(code), nil
	}
	return s.intern(keys)
}

// intern gives a private group a code and its cells.
func (s *state) intern(keys []string) (int32, error) {
	canonical := s.canonical(keys)
	if code, ok := s.codes[string(canonical)]; ok {
		return code, nil
	}
	if len(s.names) >= math.MaxInt32 {
		return 0, fmt.Errorf("%w: private groups", ErrTooManyCells)
	}
	code := int32(len(s.names))
	s.codes[string(canonical)] = code
	s.words = append(s.words, siphash.Bytes(s.key, canonical))
	s.names = append(s.names, append([]string(nil), keys...))
	s.mark = append(s.mark, mark{})
	s.cells = append(s.cells, make([]int64, s.c.stride)...)
	return code, nil
}

// nameOf is the group key of a code.
func (s *state) nameOf(g int) []string {
	if s.c.radix != nil {
		return s.c.keysOf(g)
	}
	return s.names[g]
}
