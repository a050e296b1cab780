package glm

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// What comes out of clip is never longer than the bound, keeps its direction and
// loses no more than a unit a number; what fits is left alone.
func TestClip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := rapid.SampledFrom([]int64{3, 1000, 1 << 30, 1 << 46, 1 << 56}).Draw(t, "top")
		v := rapid.SliceOfN(rapid.Int64Range(-top, top), 1, 40).Draw(t, "v")
		bound := rapid.Int64Range(1, 1<<55).Draw(t, "bound")
		if rapid.Bool().Draw(t, "near") {
			hi, lo := squares(v)
			bound = max(1, min(maxClip, int64(math.Sqrt(float64(hi)*0x1p64+float64(lo)))+rapid.Int64Range(-2, 2).Draw(t, "off")))
		}
		before := append([]int64(nil), v...)
		fits := within(v, bound)
		clip(v, bound)
		if !within(v, bound) {
			t.Fatalf("%v clipped to %d is %v", before, bound, v)
		}
		length := 0.0
		for _, x := range before {
			length += float64(x) * float64(x)
		}
		ratio := float64(bound) / math.Sqrt(length)
		for i, x := range v {
			if fits && x != before[i] {
				t.Fatalf("%v fits %d and became %v", before, bound, v)
			}
			if want := float64(before[i]) * ratio; !fits && math.Abs(float64(x)-want) > 1+1e-9*math.Abs(want) {
				t.Fatalf("%v clipped to %d is %v", before, bound, v)
			}
		}
	})
}

func TestNearestRounds(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want int64
	}{{0.74, 3}, {-0.74, -3}, {0.8, 3}, {0.125, 0}, {0.375, 2}, {-0.99, -4}, {1e300, maxPart}, {-1e300, -maxPart}} {
		if got := nearest(c.x, 4, maxPart); got != c.want {
			t.Errorf("nearest(%g, 4) = %d, want %d", c.x, got, c.want)
		}
	}
}
