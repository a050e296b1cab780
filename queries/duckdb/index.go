package duckdb

import "encoding/binary"

// personIndex numbers the people of one range from 0 in the order in which
// they first appear. It is a hash table with open addressing over psn_keys,
// which are uniform already; rows of one person mostly come together, so the
// last answer is tried first.
type personIndex struct {
	slots []uint32    // number + 1; 0 is free
	pairs [][2]uint64 // by number: low and high half of psn_key
	keys  [][16]byte  // by number: psn_key, big-endian, as dp is given it
	last  uint32      // number of the last answer
}

// reset forgets the people and keeps the memory.
func (x *personIndex) reset() {
	clear(x.slots)
	x.pairs, x.keys, x.last = x.pairs[:0], x.keys[:0], 0
}

// number finds or gives the number of a psn_key.
func (x *personIndex) number(low, high uint64) uint32 {
	key := [2]uint64{low, high}
	if int(x.last) < len(x.pairs) && x.pairs[x.last] == key {
		return x.last
	}
	if 2*len(x.pairs) >= len(x.slots) {
		x.grow()
	}
	mask := uint64(len(x.slots) - 1)
	for i := mix(key) & mask; ; i = (i + 1) & mask {
		switch n := x.slots[i]; {
		case n == 0:
			x.last = uint32(len(x.pairs))
			x.slots[i] = x.last + 1
			x.pairs = append(x.pairs, key)
			var b [16]byte
			binary.BigEndian.PutUint64(b[:8], high)
			binary.BigEndian.PutUint64(b[8:], low)
			x.keys = append(x.keys, b)
			return x.last
		case x.pairs[n-1] == key:
			x.last = n - 1
			return x.last
		}
	}
}

func (x *personIndex) grow() {
	x.slots = make([]uint32, max(1024, 2*len(x.slots)))
	mask := uint64(len(x.slots) - 1)
	for n, key := range x.pairs {
		i := mix(key) & mask
		for x.slots[i] != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = uint32(n) + 1
	}
}

// mix spreads keys that are not uniform, as hand-made ones in tests are.
func mix(key [2]uint64) uint64 {
	h := (key[0] ^ key[1]*0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93
	return h ^ h>>32
}
