package audit

import "hash/maphash"

// name stands for a text that is only ever compared: 128 bits of a hash that is
// seeded anew in every examination, so that nobody can make two texts agree.
// Among a million texts two do with a chance below 1e-26.
type name [2]uint64

type namer struct {
	seeds [2]maphash.Seed
	buf   []byte
}

func newNamer() namer {
	return namer{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

func (n *namer) of(parts ...[]byte) name {
	b := parts[0]
	if len(parts) > 1 {
		n.buf = append(append(append(n.buf[:0], parts[0]...), 0), parts[1]...)
		b = n.buf
	}
	return name{maphash.Bytes(n.seeds[0], b), maphash.Bytes(n.seeds[1], b)}
}

// nameSet is a set of names: a table with linear probing, which needs no hash of its own
// and which the garbage collector does not look into. Names are random, so that nobody
// can have them meet.
type nameSet struct {
	slots []name // a power of two of them; the zero name is a free one
	n     int
	zero  bool // the zero name is in the set
}

// first puts a name into the set and says whether it is new there.
func (s *nameSet) first(x name) bool {
	if x == (name{}) {
		was := s.zero
		s.zero = true
		return !was
	}
	if 4*s.n >= 3*len(s.slots) {
		s.grow(max(1024, 2*len(s.slots)))
	}
	at := s.find(x)
	if s.slots[at] == x {
		return false
	}
	s.slots[at] = x
	s.n++
	return true
}

// find is where a name is, or where it would be.
func (s *nameSet) find(x name) uint64 {
	mask := uint64(len(s.slots) - 1)
	at := x[0] & mask
	for s.slots[at] != x && s.slots[at] != (name{}) {
		at = (at + 1) & mask
	}
	return at
}

// grow makes so many slots, a power of two.
func (s *nameSet) grow(slots int) {
	old := s.slots
	s.slots = make([]name, slots)
	for _, x := range old {
		if x != (name{}) {
			s.slots[s.find(x)] = x
		}
	}
}

// expect makes room for so many names.
func (s *nameSet) expect(n int) {
	slots := 1024
	for 3*slots < 4*n {
		slots *= 2
	}
	if slots > len(s.slots) {
		s.grow(slots)
	}
}
