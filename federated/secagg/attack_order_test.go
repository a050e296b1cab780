package secagg

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// A second differing message is evidence that anyone can check, in every phase,
// also when the phase has passed.
func TestAttackEvidence(t *testing.T) {
	for f := PhaseHello; f <= PhaseConfirm; f++ {
		for _, late := range []bool{false, true} {
			c := newCluster(t, tinyG(t), 3, 9).until(f)
			c.collect(f)
			if late {
				c.deliver(f)
			} else {
				m, err := c.relay.Message(f, 2)
				c.ok(err)
				c.ok(c.nodes[0].Receive(m))
			}
			m, err := c.relay.Message(f, 2)
			c.ok(err)
			body := slices.Clone(m.Body)
			body[len(body)-1] ^= 1
			err = c.nodes[0].Receive(c.forge(2, f, m.Context, body))
			var e *Evidence
			if !errors.As(err, &e) || !errors.Is(err, ErrEvidence) {
				t.Fatalf("%v, late %v: %v", f, late, err)
			}
			c.ok(e.Verify(c.roster))
			if same := (&Evidence{e.First, e.First}); same.Verify(c.roster) == nil {
				t.Fatal("one message is evidence")
			}
			e.Second.Payload[0] ^= 1
			mustBe(t, e.Verify(c.roster), ErrSignature)
			gone(t, c.nodes[0])
			_, err = c.relay.Message(f, 2)
			c.ok(err)
			mustBe(t, c.relay.Put(c.forge(2, f, m.Context, body)), ErrEvidence)
		}
	}
}

// Messages of another round, attempt or job do not fit, whatever the phase.
func TestAttackReplay(t *testing.T) {
	old := newCluster(t, tinyG(t), 3, 9).until(PhaseShare)
	for _, change := range []func(*Open){
		func(o *Open) { o.Attempt++ }, func(o *Open) { o.Round++; o.Attempt++ },
		func(o *Open) { o.Job = hash("another job") }, func(o *Open) { o.Model = hash("another model"); o.Attempt++ },
	} {
		c := &cluster{t: t, p: old.p, coord: old.coord, keys: old.keys, roster: old.roster, values: old.values, what: old.what}
		change(&c.what)
		c.begin()
		for f := PhaseHello; f <= PhaseConfirm; f++ {
			c.collect(f)
			m, err := old.relay.Message(f, 1)
			c.ok(err)
			mustBe(t, c.nodes[0].Receive(m), ErrContext)
			mustBe(t, c.relay.Put(m), ErrContext)
			c.deliver(f)
		}
		q, err := old.relay.Part(C1, 1, 0)
		c.ok(err)
		mustBe(t, c.nodes[0].ReceivePart(q), ErrCommitment)
	}
	// The same attempt number opens once.
	open, err := old.relay.Message(PhaseOpen, Coordinator)
	old.ok(err)
	o := old.options(0)
	o.Highest = old.what.Attempt
	_, err = Begin(o, open)
	mustBe(t, err, ErrOpen)
}

// A node begins only what it expects: its own job, model, round, length and
// roster, from the coordinator of the card.
func TestAttackOpen(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	try := func(what Open, params, roster Hash, sender int, want error) {
		t.Helper()
		m, err := sign(c.coord, PhaseOpen, what.openContext(), sender, what.body(params, roster))
		c.ok(err)
		_, err = Begin(c.options(0), m)
		mustBe(t, err, want)
	}
	id, roster := c.p.ID(), c.roster.Digest()
	try(c.what, id, roster, Coordinator, nil)
	for _, change := range []func(*Open){
		func(o *Open) { o.Job[0] ^= 1 }, func(o *Open) { o.Model[0] ^= 1 }, func(o *Open) { o.Round++ },
		func(o *Open) { o.Length++ }, func(o *Open) { o.Attempt = 0 },
	} {
		w := c.what
		change(&w)
		try(w, id, roster, Coordinator, ErrOpen)
	}
	try(c.what, hash("other primes"), roster, Coordinator, ErrOpen)
	try(c.what, id, hash("other nodes"), Coordinator, ErrOpen)
	try(c.what, id, roster, 1, ErrContext)
	m, err := sign(c.keys[1], PhaseOpen, c.what.openContext(), Coordinator, c.what.body(id, roster))
	c.ok(err)
	_, err = Begin(c.options(0), m)
	mustBe(t, err, ErrSignature)
}

// A coordinator cannot add nodes of its own making: the roster is the card's, it
// is in every context, and places beyond it do not exist.
func TestAttackPaddedRoster(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9)
	padded := c.roster
	ghost := key(t)
	padded.Nodes = append(slices.Clone(c.roster.Nodes), Node{"node 3", "organisation 3", public(ghost)})
	m, err := sign(c.coord, PhaseOpen, c.what.openContext(), Coordinator, c.what.body(p.ID(), padded.Digest()))
	c.ok(err)
	_, err = Begin(c.options(0), m)
	mustBe(t, err, ErrOpen)
	c.collect(PhaseHello)
	h, _, _, err := ephemeral(Mark{})
	c.ok(err)
	m, err = sign(ghost, PhaseHello, c.nodes[0].ctx0, 3, h.body())
	c.ok(err)
	mustBe(t, c.nodes[0].Receive(m), ErrRoster)
	// Nor in the place of a node that is there.
	m, err = sign(ghost, PhaseHello, c.nodes[0].ctx0, 1, h.body())
	c.ok(err)
	mustBe(t, c.nodes[0].Receive(m), ErrSignature)
	for _, r := range []func(*Roster){
		func(r *Roster) { r.Nodes = r.Nodes[:2] },
		func(r *Roster) { r.Nodes[2].Organisation = r.Nodes[1].Organisation },
		func(r *Roster) { r.Nodes[2].Key = r.Nodes[1].Key },
		func(r *Roster) { r.Nodes[2].Name = r.Nodes[1].Name },
		func(r *Roster) { r.Nodes[2].Key = r.Coordinator },
		func(r *Roster) { r.Nodes[2].Key = nil },
		func(r *Roster) { r.Coordinator = nil },
		func(r *Roster) {
			for i := 3; i <= MaxNodes; i++ {
				r.Nodes = append(r.Nodes, Node{fmt.Sprint("node ", i), "organisation", public(key(t))})
			}
		},
	} {
		bad := c.roster
		bad.Nodes = slices.Clone(c.roster.Nodes)
		r(&bad)
		mustBe(t, bad.Check(), ErrOptions)
	}
}

// A coordinator that opens one attempt in two ways leaves evidence.
func TestAttackTwoOpenings(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	a, err := c.relay.Message(PhaseOpen, Coordinator)
	c.ok(err)
	other := c.what
	other.Model = hash("another model")
	r, err := NewRelay(c.p, c.roster, c.coord, other, Memory{})
	c.ok(err)
	b, err := r.Message(PhaseOpen, Coordinator)
	c.ok(err)
	c.ok((&Evidence{a.Statement, b.Statement}).Verify(c.roster))
	_, err = Begin(c.options(0), b)
	mustBe(t, err, ErrOpen)
}

// A peer whose ledger went back or forked since it was last seen was restored
// from a backup, or shows two faces.
func TestAttackRolledBackLedger(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	c.collect(PhaseHello)
	open, err := c.relay.Message(PhaseOpen, Coordinator)
	c.ok(err)
	for seen, want := range map[Mark]error{
		{}: nil, {7, hash("ledger", place(1, 0))}: nil, {6, hash("x")}: nil,
		{8, hash("x")}: ErrRollback, {7, hash("a fork")}: ErrRollback,
	} {
		o := c.options(0)
		o.Seen = []Mark{{}, seen, {}}
		a, err := Begin(o, open)
		c.ok(err)
		m, err := c.relay.Message(PhaseHello, 1)
		c.ok(err)
		mustBe(t, a.Receive(m), want)
		if want != nil {
			gone(t, a)
		}
	}
}

// An ABORT ends everybody's attempt before the barrier, and only a true one does.
func TestAttackAbort(t *testing.T) {
	for f := PhaseHello; f <= PhaseShare; f++ {
		c := newCluster(t, tinyG(t), 3, 9).until(f)
		m, err := c.nodes[1].Abort(9)
		c.ok(err)
		gone(t, c.nodes[1])
		fake := m
		fake.Node = 2
		mustBe(t, c.nodes[0].Receive(fake), ErrSignature)
		mustBe(t, c.nodes[0].Receive(m), ErrAborted)
		gone(t, c.nodes[0])
		c.ok(c.relay.Put(m))
		_, err = c.relay.Message(PhaseAbort, 1)
		c.ok(err)
		_, err = c.nodes[0].Abort(9)
		mustBe(t, err, ErrClosed)
	}
}

// Nothing is taken out of order.
func TestAttackOutOfOrder(t *testing.T) {
	done := newCluster(t, tinyG(t), 3, 9).until(PhaseShare)
	for f := PhaseHello; f <= PhaseConfirm; f++ {
		c := newCluster(t, tinyG(t), 3, 9).until(f)
		for g := f + 1; g <= PhaseConfirm; g++ {
			m, err := done.relay.Message(g, 1)
			c.ok(err)
			mustBe(t, c.nodes[0].Receive(m), ErrOrder)
			mustBe(t, c.relay.Put(m), ErrOrder)
		}
		for _, g := range []Phase{PhaseOpen, PhaseShare, PhaseResult, 77} {
			m := c.forge(1, g, c.nodes[0].ctx, nil)
			mustBe(t, c.nodes[0].Receive(m), ErrOrder)
		}
		if f == PhaseCTCom { // own commitment first
			m := c.forge(1, f, c.nodes[0].ctx, make([]byte, 64))
			mustBe(t, c.nodes[0].Receive(m), ErrOrder)
		}
		if c.nodes[0].Err() != nil {
			t.Fatal("a message out of order ended the attempt")
		}
	}
}
