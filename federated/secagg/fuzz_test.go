package secagg

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// specimens are all honest wire bytes of one attempt.
func specimens(t testing.TB, c *cluster) (messages, parts [][]byte) {
	t.Helper()
	for f := PhaseHello; f <= PhaseResult; f++ {
		m, err := c.relay.Message(f, 1)
		c.ok(err)
		messages = append(messages, m.Append(nil))
	}
	for k := C0; k <= Opened; k++ {
		p, err := c.Part(k, 1, 0)
		c.ok(err)
		parts = append(parts, p.Append(nil))
	}
	return messages, parts
}

// mutate cuts, pads, flips, splices or overwrites bytes with extreme numbers.
func mutate(r *rand.Rand, b, other []byte) []byte {
	b = slices.Clone(b)
	for range 1 + r.IntN(3) {
		switch r.IntN(6) {
		case 0:
			b = b[:r.IntN(len(b)+1)]
		case 1:
			b = append(b, make([]byte, r.IntN(4096))...)
		case 2:
			if len(b) > 0 {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
		case 3:
			if len(b) > 8 {
				binary.BigEndian.PutUint64(b[r.IntN(len(b)-8):], ^uint64(0)>>r.IntN(64))
			}
		case 4:
			n := min(r.IntN(len(other)+1), len(b))
			copy(b, other[:n])
		case 5:
			if len(b) > 0 {
				b[0] = byte(r.IntN(16)) // another phase or kind
			}
		}
	}
	return b
}

// 100,000 mutated messages and parts, straight to nodes in every phase: no panic,
// no change of state but by valid bytes, and no memory beyond the fixed lengths.
func TestAttackFuzzedWire(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9).until(PhaseShare).cross()
	c.finish()
	messages, parts := specimens(t, c)
	shape := c.relay.board.shape
	r := rand.New(rand.NewPCG(1, 2))
	var before, after runtime.MemStats
	total := 0
	runtime.ReadMemStats(&before)
	for f := PhaseHello; f <= PhaseShare; f++ {
		live := newCluster(t, p, 3, 9).until(f)
		a := live.nodes[0]
		for i := range 100_000 / 7 {
			b := mutate(r, messages[r.IntN(len(messages))], messages[r.IntN(len(messages))])
			total += len(b)
			if m, err := shape.ParseMessage(b); err == nil || i%50 == 0 {
				if a.Receive(m) == nil || live.relay.Put(m) == nil || c.ends[0].Receive(m) == nil && m.Node == 0 && !ours(c, m) {
					t.Fatal("a mutated message is taken")
				}
			}
			b = mutate(r, parts[r.IntN(len(parts))], parts[r.IntN(len(parts))])
			total += len(b)
			if q, err := shape.ParsePart(b); err == nil || i%50 == 0 {
				if a.ReceivePart(q) == nil || live.relay.PutPart(q) == nil {
					t.Fatal("a mutated part is taken")
				}
				_ = c.ends[0].ReceivePart(q) // may be the honest one
			}
		}
		if a.Err() != nil || a.Phase() != f {
			t.Fatalf("mutated bytes changed the attempt: %v, %v", a.Phase(), a.Err())
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(8*total)+64<<20 {
		t.Errorf("%d bytes allocated for %d bytes of input", used, total)
	}
}

// ours: the bytes happen to be a message of the finished attempt.
func ours(c *cluster, m Message) bool {
	x, err := c.relay.Message(m.Phase, m.Node)
	return err == nil && x.Payload == m.Payload
}

// Bytes of the wrong length cost no allocation at all.
func TestOversizedCostsNothing(t *testing.T) {
	for _, p := range realSets(t) {
		s := Shape{p, 20, p.Capacity()}
		big := make([]byte, 1<<20)
		x := p.ring.NewPoly()
		for f := range 16 {
			big[0] = byte(f)
			if n := testing.AllocsPerRun(5, func() {
				if _, err := s.ParseMessage(big); err == nil {
					t.Fatal("a megabyte parses")
				}
				if _, err := s.ParsePart(big); err == nil {
					t.Fatal("a megabyte parses")
				}
				if p.readPoly(big, x) == nil {
					t.Fatal("a megabyte parses")
				}
			}); n > 30 { // of error texts
				t.Fatalf("%v allocations", n)
			}
		}
	}
}

// FuzzWire: whatever parses is a view of its input and has one encoding.
func FuzzWire(f *testing.F) {
	p := tinyG(f)
	c := newCluster(f, p, 3, 9).until(PhaseShare).cross()
	c.finish()
	messages, parts := specimens(f, c)
	for _, b := range append(messages, parts...) {
		f.Add(b)
	}
	shape := c.relay.board.shape
	x := p.ring.NewPoly()
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := shape.ParseMessage(b); err == nil && !slices.Equal(m.Append(nil), b) {
			t.Fatal("a message has two encodings")
		}
		if q, err := shape.ParsePart(b); err == nil && !slices.Equal(q.Append(nil), b) {
			t.Fatal("a part has two encodings")
		}
		if p.readPoly(b, x) == nil && !slices.Equal(p.appendPoly(nil, x), b) {
			t.Fatal("a ring element has two encodings")
		}
		if _, err := Resume(c.options(0), b); err == nil {
			t.Fatal("a record from nowhere")
		}
	})
}
