package secagg

import (
	"errors"
	"slices"
	"testing"
)

// A node that crashed after the barrier goes on from its record: the same bytes,
// and the same sum.
func TestCrashAfterBarrier(t *testing.T) {
	for _, p := range both(t) {
		c := newCluster(t, p, 3, p.Capacity()+1).until(PhaseShare)
		var rec []byte
		for i := range c.nodes {
			e, err := c.nodes[i].Cross(func(b []byte) error {
				if i == 1 {
					rec = slices.Clone(b)
				}
				return nil
			})
			c.ok(err)
			c.ends[i] = e
		}
		back, err := Resume(Options{Params: p, Roster: c.roster, Self: 1, Key: c.keys[1]}, rec)
		c.ok(err)
		if !slices.Equal(back.Share().Append(nil), c.ends[1].Share().Append(nil)) || back.Root() != c.ends[1].Root() || back.Open() != c.what {
			t.Fatal("another share, root or attempt")
		}
		c.ends[1] = back
		for _, e := range c.ends {
			c.ok(c.relay.Put(e.Share()))
			for k := range c.chunks() {
				q, err := e.Part(k)
				c.ok(err)
				c.ok(c.relay.PutPart(q))
				c.ok(c.relay.PutPart(q)) // resent
			}
		}
		got, err := c.combine(1)
		c.ok(err)
		if !slices.Equal(got, c.want()) {
			t.Fatal("another sum after the crash")
		}
		c.finish()
		sent := 0
		for _, b := range c.store {
			sent += len(b)
		}
		if up, _ := c.relay.board.shape.Traffic(); sent != 3*up {
			t.Fatalf("%d bytes stored of 3 nodes, %d promised of each", sent, up)
		}
	}
}

// A record that is cut, garbled or of another node is refused.
func TestRecordIsChecked(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseShare)
	var rec []byte
	_, err := c.nodes[0].Cross(func(b []byte) error { rec = slices.Clone(b); return nil })
	c.ok(err)
	for i := 0; i < len(rec); i += 7 {
		bad := slices.Clone(rec)
		bad[i] ^= 0x10
		if _, err := Resume(c.options(0), bad); err == nil {
			t.Fatalf("a record with byte %d changed resumes", i)
		}
		if _, err := Resume(c.options(0), rec[:i]); err == nil {
			t.Fatalf("%d bytes of a record resume", i)
		}
	}
	_, err = Resume(c.options(1), rec)
	mustBe(t, err, ErrWire)
	o := c.options(0)
	o.Key = c.keys[1]
	_, err = Resume(o, rec)
	mustBe(t, err, ErrOptions)
	o = c.options(0)
	o.Params = tinyV(t)
	_, err = Resume(o, rec)
	mustBe(t, err, ErrWire)
	o = c.options(0)
	o.Roster.Nodes = slices.Clone(o.Roster.Nodes)
	o.Roster.Nodes[2].Name = "another"
	_, err = Resume(o, rec)
	mustBe(t, err, ErrWire)
}

// A coordinator that crashes serves the same bytes on; one that restarts with
// another store has forgotten, and cannot make up, anything.
func TestCrashOfCoordinator(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	for f := PhaseHello; f <= PhaseConfirm; f++ {
		c.collect(f)
		before, err := c.relay.Message(PhaseOpen, Coordinator)
		c.ok(err)
		c.relay, err = NewRelay(c.p, c.roster, c.coord, c.what, c.store)
		c.ok(err)
		after, err := c.relay.Message(PhaseOpen, Coordinator)
		c.ok(err)
		if !slices.Equal(before.Append(nil), after.Append(nil)) {
			t.Fatal("another OPEN")
		}
		c.deliver(f)
	}
	c.cross()
	c.finish()
	empty, err := NewRelay(c.p, c.roster, c.coord, c.what, Memory{})
	c.ok(err)
	_, err = empty.Message(PhaseHello, 0)
	mustBe(t, err, ErrMissing)
	_, err = empty.Part(C1, 0, 0)
	mustBe(t, err, ErrMissing)
}

// A store that fails shows in the relay's errors.
func TestCrashOfStore(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	c.relay.store = broken{}
	m, err := c.nodes[0].Message()
	c.ok(err)
	mustBe(t, c.relay.Put(m), errBroken)
	_, err = NewRelay(c.p, c.roster, c.coord, c.what, broken{})
	mustBe(t, err, errBroken)
}

type broken struct{}

var errBroken = errors.New("broken store")

func (broken) Put(string, []byte) error   { return errBroken }
func (broken) Get(string) ([]byte, error) { return nil, errBroken }

// Results that differ stop the job at every node.
func TestResultsMustAgree(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseShare).cross()
	for i := range 2 {
		_, err := c.ends[i].Result(hash("next"))
		mustBe(t, err, ErrMissing)
		_, err = c.combine(i)
		c.ok(err)
	}
	m, err := c.ends[1].Result(hash("a poisoned model"))
	c.ok(err)
	mustBe(t, c.ends[0].Receive(m), ErrOrder)
	_, err = c.ends[0].Result(hash("next"))
	c.ok(err)
	_, err = c.ends[0].Result(hash("a change of mind"))
	mustBe(t, err, ErrOrder)
	mustBe(t, c.ends[0].Receive(m), ErrResult)
	if c.ends[0].Agreed() {
		t.Fatal("different results agree")
	}
}
