package glm

import (
	"math"
	"testing"
	"time"

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
			hi, lo := squares(v, 1)
			bound = max(1, min(maxClip, int64(math.Sqrt(float64(hi)*0x1p64+float64(lo)))+rapid.Int64Range(-2, 2).Draw(t, "off")))
		}
		before := append([]int64(nil), v...)
		fits := within(v, 1, bound)
		clip(v, bound)
		if !within(v, 1, bound) {
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
	}{{0.74, 3}, {-0.74, -3}, {0.8, 3}, {0.125, 0}, {0.375, 2}, {-0.99, -4}, {1e300, maxPart}, {-1e300, -maxPart},
		{math.Inf(1), maxPart}, {math.Inf(-1), -maxPart}, {math.NaN(), 0}} {
		if got := nearest(c.x, 4, maxPart); got != c.want {
			t.Errorf("nearest(%g, 4) = %d, want %d", c.x, got, c.want)
		}
	}
}

// Whatever is put in, clip comes to an end, and what comes out fits: lengths of which
// the square needs more than 128 bits included.
func TestClipEnds(t *testing.T) {
	for _, n := range []int{1, 2, 4, 5, 8001} {
		for _, x := range []int64{math.MinInt64, math.MaxInt64, 1 << 62, -(1 << 56)} {
			v := make([]int64, n)
			for i := range v {
				v[i] = x
			}
			done := make(chan bool)
			go func() { clip(v, 1000); close(done) }()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Fatalf("%d times %d is still being clipped", n, x)
			}
			for _, y := range v {
				if y > 1000 || y < -1000 {
					t.Fatalf("%d times %d became %d", n, x, y)
				}
			}
			if !within(v, 1, 1000) {
				t.Errorf("%d times %d is too long", n, x)
			}
		}
	}
}

// A person whose numbers are infinite or none at all moves the sums by no more than
// anybody, whatever the card let through.
func TestNoNumberSlipsByTheClip(t *testing.T) {
	for _, y := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64} {
		for _, rectified := range []bool{false, true} {
			s := smallNetwork(Linear, 8, 8)
			s.Rectified = rectified
			n := network(t, s)
			d, err := n.NewData([]Row{goodRow()})
			if err != nil {
				t.Fatal(err)
			}
			d.y[0] = y
			sums, err := n.Encode(d, 0, n.Start())
			if err != nil || !within(sums.values, 1, gradientClip) {
				t.Errorf("%g: the network's sum is %v, %v", y, sums.values, err)
			}
		}
		for _, f := range families {
			p := plan(t, small(f))
			d, err := p.NewData([]Row{goodRowOf(f)})
			if err != nil {
				t.Fatal(err)
			}
			d.y[0] = y
			last := p.Rounds() - 1
			sums, err := p.Encode(d, last, p.Start())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range p.rounds[last] {
				if !within(sums.values[b.From:b.To], 1, b.Clip) {
					t.Errorf("%s, %g: the %s is %v", f, y, b.Name, sums.values[b.From:b.To])
				}
			}
		}
	}
}

func goodRowOf(f Family) Row {
	r := goodRow()
	if f == Logistic {
		r.Response = 1
	}
	return r
}
