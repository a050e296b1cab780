package lanes

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/emmansun/gmsm/sm3"
	"pgregory.net/rapid"
)

func sums(t rapid.TB, b *Batch) [][sm3.Size]byte {
	got, seen := make([][sm3.Size]byte, b.Len()), make([]bool, b.Len())
	b.Sums(func(n int, sum [sm3.Size]byte) {
		if seen[n] {
			t.Fatalf("message %d twice", n)
		}
		seen[n], got[n] = true, sum
	})
	for n := range seen {
		if !seen[n] {
			t.Fatalf("message %d is missing", n)
		}
	}
	if b.Len() > 0 {
		t.Fatal("the batch is not empty afterwards")
	}
	return got
}

// The examples of GB/T 32905-2016, appendix A.
func TestStandard(t *testing.T) {
	var b Batch
	b.Add([]byte("ab"), []byte("c"))
	b.Add(nil, bytes.Repeat([]byte("abcd"), 16))
	got := sums(t, &b)
	for i, want := range []string{"66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0", "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"} {
		if hex.EncodeToString(got[i][:]) != want {
			t.Errorf("example %d: %x", i+1, got[i])
		}
	}
}

// Every length around the blocks' edges, in every lane, beside messages of other lengths.
func TestEveryLength(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 400)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	var b Batch
	var want [][sm3.Size]byte
	for range 9 { // a prime to the eight lanes
		for n := range text {
			b.Add(text[:n/2], text[n/2:n])
			want = append(want, sm3.Sum(text[:n]))
		}
	}
	for i, got := range sums(t, &b) {
		if got != want[i] {
			t.Fatalf("message %d: %x, want %x", i, got, want[i])
		}
	}
}

// Whatever is hashed beside what, in either way, it comes to what the library says.
func TestLikeTheLibrary(t *testing.T) {
	var b Batch // used again and again
	rapid.Check(t, func(t *rapid.T) {
		b.messages, b.buf = b.messages[:0], b.buf[:0]
		list := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 700), 0, 40).Draw(t, "messages")
		for _, m := range list {
			b.Add(m[:len(m)/3], m[len(m)/3:])
		}
		alone := map[int][sm3.Size]byte{}
		b.alone(func(n int, sum [sm3.Size]byte) { alone[n] = sum })
		for i, got := range sums(t, &b) {
			if want := sm3.Sum(list[i]); got != want || alone[i] != want {
				t.Fatalf("message %d of %d: %x, alone %x, want %x", i, len(list), got, alone[i], want)
			}
		}
	})
}

// BenchmarkLanes sets eight messages beside one another against one after another.
func BenchmarkLanes(b *testing.B) {
	text := make([]byte, 596)
	for _, way := range []struct {
		name string
		sums func(*Batch, func(int, [sm3.Size]byte))
	}{{"beside", (*Batch).Sums}, {"alone", (*Batch).alone}} {
		b.Run(fmt.Sprint(way.name), func(b *testing.B) {
			b.SetBytes(int64(256 * len(text)))
			var batch Batch
			for b.Loop() {
				batch.messages, batch.buf = batch.messages[:0], batch.buf[:0]
				for range 256 {
					batch.Add(text, nil)
				}
				way.sums(&batch, func(int, [sm3.Size]byte) {})
			}
		})
	}
}
