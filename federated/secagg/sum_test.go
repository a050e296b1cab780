package secagg

import (
	"errors"
	"slices"
	"testing"
)

// Every node gets the exact sum of full-range values, at the roster's sizes; no
// value of any chunk is wrong.
func TestSumIsExact(t *testing.T) {
	for _, p := range both(t) {
		for _, n := range []int{3, 20, 100} {
			length := 2*p.Capacity() + 5
			if n == 100 {
				if testing.Short() || p.digits > 1 {
					continue
				}
				length = 9
			}
			c := newCluster(t, p, n, length).until(PhaseShare).cross()
			for _, i := range []int{0, n / 2, n - 1} {
				got, err := c.combine(i)
				c.ok(err)
				if !slices.Equal(got, c.want()) {
					t.Fatalf("%s, %d nodes: node %d has another sum", p.Name(), n, i)
				}
			}
		}
	}
}

// The real sets are exact too, in every number of their vectors.
func TestSumIsExactInTheRealSets(t *testing.T) {
	g, err := GLM()
	if err != nil {
		t.Fatal(err)
	}
	v, err := Vector()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		p         *Params
		n, length int
		long      bool
	}{{g, 3, 8132, false}, {g, 20, 8132, false}, {v, 3, 200_000, false}, {g, 100, 8132, true}, {v, 20, 120_000, true}, {v, 3, 1_000_000, true}} {
		if x.long && testing.Short() {
			continue
		}
		c := newCluster(t, x.p, x.n, x.length).until(PhaseShare).cross()
		got, err := c.combine(0)
		c.ok(err)
		if !slices.Equal(got, c.want()) {
			t.Fatalf("set %s, %d nodes: another sum", x.p.Name(), x.n)
		}
	}
}

// Values beyond the range are refused, and the attempt goes on.
func TestInputRange(t *testing.T) {
	for _, p := range both(t) {
		c := newCluster(t, p, 3, 4).until(PhaseCTCom)
		a := c.nodes[0]
		good := c.values[0]
		for _, v := range []int64{p.MaxAbs(3) + 1, -p.MaxAbs(3) - 1, 1<<63 - 1, -1 << 63} {
			mustBe(t, a.Input([]int64{0, v, 0, 0}), ErrRange)
		}
		mustBe(t, a.Input(good[:3]), ErrRange)
		c.collect(PhaseCTCom)
		mustBe(t, a.Input(good), ErrOrder)
	}
}

// A phase's message is the same bytes however often it is asked for.
func TestMessagesAreStable(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	for f := PhaseHello; f <= PhaseConfirm; f++ {
		c.collect(f)
		for i, a := range c.nodes {
			m, err := a.Message()
			c.ok(err)
			stored, err := c.store.Get(messageName(f, i))
			c.ok(err)
			if !slices.Equal(m.Append(nil), stored) {
				t.Fatalf("%v of node %d changed", f, i)
			}
			c.ok(c.relay.Put(m)) // resends are welcome
		}
		c.deliver(f)
		for i := range c.nodes {
			if f < PhaseConfirm {
				c.ok(c.deliverTo(i, f)) // and so are repeats
			}
		}
	}
	if _, err := c.nodes[0].Message(); !errors.Is(err, ErrOrder) {
		t.Fatal(err)
	}
}
