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

// leafNames are those of a leaf that are ever looked up: of its request id, of its principal
// and idempotency digest, where it has one, and of its released file.
type leafNames struct{ id, asked, digest name }

func (n *namer) leaf(l *leaf) (names leafNames) {
	switch l.kind {
	case "CHARGE", "REPLAY":
		names.id = n.of(l.id)
		if len(l.idempotency) > 0 {
			names.asked = n.of(l.principal, l.idempotency)
		}
	case "RELEASE":
		names.id, names.digest = n.of(l.id), n.of(l.digest)
	}
	return names
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

// near reads where a name belongs. Tables are larger than a processor's caches: who reads
// for many names beforehand waits for memory once and not for each.
func (s *nameSet) near(x name) uint64 {
	if len(s.slots) == 0 {
		return 0
	}
	return s.slots[x[0]&uint64(len(s.slots)-1)][0]
}

// near reads where the names of leaves belong.
func (b *books) near(leaves []leaf) (read uint64) {
	for i := range leaves {
		l := &leaves[i]
		switch l.kind {
		case "CHARGE", "REPLAY":
			read ^= b.ids.near(l.names.id) ^ b.asked.near(l.names.asked)
		case "RELEASE":
			read ^= b.digests.near(l.names.digest)
		}
	}
	return read
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
