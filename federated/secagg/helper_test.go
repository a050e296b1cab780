package secagg

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"
)

// tinyG and tinyV are the sets' shapes on a ring too small to be secure: the
// protocol's rules do not depend on the degree, and tests are quick.
func tinyG(t testing.TB) *Params {
	return made(t, set{
		name: "tiny G", logN: 5, primes: []uint64{prime0, prime1, prime2},
		logT: 62, digits: 1, width: 62, flood: 104,
	})
}

func tinyV(t testing.TB) *Params {
	return made(t, set{
		name: "tiny V", logN: 5, primes: []uint64{prime0, prime1, prime2, prime3, prime4, prime5},
		logT: 252, digits: 7, width: 36, flood: 92,
	})
}

func made(t testing.TB, s set) *Params {
	t.Helper()
	p, err := newParams(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func both(t testing.TB) []*Params { return []*Params{tinyG(t), tinyV(t)} }

// jobHash names the job of the tests.
func jobHash() Hash { return hash("test job") }

// cluster is a coordinator and nodes in memory.
type cluster struct {
	t      testing.TB
	p      *Params
	roster Roster
	coord  ed25519.PrivateKey
	keys   []ed25519.PrivateKey
	relay  *Relay
	store  Memory
	what   Open
	nodes  []*Attempt
	ends   []*Combination
	values [][]int64
	opened Memory // shares opened by node 0
}

func key(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// newCluster opens attempt 1 with n nodes and vectors of the given length.
func newCluster(t testing.TB, p *Params, n, length int) *cluster {
	t.Helper()
	c := &cluster{t: t, p: p, coord: key(t), what: Open{Job: jobHash(), Model: hash("model"), Round: 1, Attempt: 1, Length: uint32(length)}}
	c.roster.Coordinator = public(c.coord)
	for i := range n {
		c.keys = append(c.keys, key(t))
		c.roster.Nodes = append(c.roster.Nodes, Node{fmt.Sprint("node ", i), fmt.Sprint("organisation ", i), public(c.keys[i])})
		c.values = append(c.values, fullRange(t, p, n, length))
	}
	c.begin()
	return c
}

func (c *cluster) options(i int) Options {
	return Options{Params: c.p, Roster: c.roster, Self: i, Key: c.keys[i], Expect: c.what, Highest: c.what.Attempt - 1, Ledger: Mark{7, hash("ledger", place(i, 0))}}
}

// begin opens the attempt c.what.
func (c *cluster) begin() {
	c.t.Helper()
	c.store, c.opened = Memory{}, Memory{}
	var err error
	if c.relay, err = NewRelay(c.p, c.roster, c.coord, c.what, c.store); err != nil {
		c.t.Fatal(err)
	}
	open, err := c.relay.Message(PhaseOpen, Coordinator)
	if err != nil {
		c.t.Fatal(err)
	}
	c.nodes, c.ends = nil, make([]*Combination, len(c.keys))
	for i := range c.keys {
		a, err := Begin(c.options(i), open)
		if err != nil {
			c.t.Fatal(err)
		}
		c.nodes = append(c.nodes, a)
	}
}

// collect has every node send its message of a phase.
func (c *cluster) collect(f Phase) {
	c.t.Helper()
	for i, a := range c.nodes {
		if f == PhaseCTCom {
			c.ok(a.Input(c.values[i]))
		}
		m, err := a.Message()
		c.ok(err)
		if m.Phase != f {
			c.t.Fatalf("node %d is in %v, not %v", i, m.Phase, f)
		}
		c.ok(c.relay.Put(m))
		for k := range c.chunks() {
			if f == PhaseCT {
				for kind := C0; kind <= C1; kind++ {
					p, err := a.Part(kind, k)
					c.ok(err)
					c.ok(c.relay.PutPart(p))
				}
			}
		}
	}
}

// deliver hands a phase's messages, and c1s, to every node.
func (c *cluster) deliver(f Phase) {
	c.t.Helper()
	for i := range c.nodes {
		c.ok(c.deliverTo(i, f))
	}
}

func (c *cluster) deliverTo(i int, f Phase) error {
	c.t.Helper()
	for j := range c.nodes {
		m, err := c.relay.Message(f, j)
		c.ok(err)
		m.Body = slices.Clone(m.Body)
		if err := c.nodes[i].Receive(m); err != nil {
			return err
		}
		clear(m.Body) // a transport may use its buffer again
		for k := range c.chunks() {
			if f == PhaseCT && j != i {
				p, err := c.relay.Part(C1, j, k)
				c.ok(err)
				p.Body = slices.Clone(p.Body)
				if err := c.nodes[i].ReceivePart(p); err != nil {
					return err
				}
				clear(p.Body)
			}
		}
	}
	return nil
}

// until runs the phases before f honestly.
func (c *cluster) until(f Phase) *cluster {
	c.t.Helper()
	for g := PhaseHello; g < f && g <= PhaseConfirm; g++ {
		c.collect(g)
		c.deliver(g)
	}
	return c
}

// cross takes every node over the barrier and puts the shares on the relay.
func (c *cluster) cross() *cluster {
	c.t.Helper()
	for i := range c.nodes {
		var rec []byte
		e, err := c.nodes[i].Cross(func(b []byte) error { rec = b; return nil })
		c.ok(err)
		clear(rec) // and so may a journal
		c.ends[i] = e
		c.ok(c.relay.Put(e.Share()))
		for k := range c.chunks() {
			p, err := e.Part(k)
			c.ok(err)
			c.ok(c.relay.PutPart(p))
		}
	}
	return c
}

// combine gives node i everything after the barrier.
func (c *cluster) combine(i int) ([]int64, error) {
	c.t.Helper()
	e := c.ends[i]
	for j := range c.nodes {
		m, err := c.relay.Message(PhaseShare, j)
		c.ok(err)
		m.Body = slices.Clone(m.Body)
		if err := e.Receive(m); err != nil {
			return nil, err
		}
		clear(m.Body)
		for k := range c.chunks() {
			for _, kind := range []Kind{C0, Sealed} {
				p, err := c.relay.Part(kind, j, k)
				c.ok(err)
				if err := e.ReceivePart(p); err != nil {
					return nil, err
				}
			}
		}
	}
	return e.Sum()
}

// export has node 0 open all shares for the transcript.
func (c *cluster) export() {
	c.t.Helper()
	for j := range c.nodes {
		for k := range c.chunks() {
			p, err := c.relay.Part(Sealed, j, k)
			c.ok(err)
			p, err = c.ends[0].OpenShare(p)
			c.ok(err)
			c.ok(c.opened.Put(partName(Opened, j, k), p.Append(nil)))
		}
	}
}

// finish makes all results agree.
func (c *cluster) finish() {
	c.t.Helper()
	for i := range c.nodes {
		_, err := c.combine(i)
		c.ok(err)
		m, err := c.ends[i].Result(hash("next"))
		c.ok(err)
		c.ok(c.relay.Put(m))
	}
	c.export()
	for i := range c.nodes {
		for j := range c.nodes {
			m, err := c.relay.Message(PhaseResult, j)
			c.ok(err)
			c.ok(c.ends[i].Receive(m))
		}
		if !c.ends[i].Agreed() {
			c.t.Fatalf("node %d does not agree", i)
		}
	}
}

// Message and Part make the cluster a Transcript.
func (c *cluster) Message(f Phase, node int) (Message, error) { return c.relay.Message(f, node) }

func (c *cluster) Part(k Kind, node, chunk int) (Part, error) {
	if k != Opened {
		return c.relay.Part(k, node, chunk)
	}
	b, err := c.opened.Get(partName(k, node, chunk))
	if err != nil {
		return Part{}, err
	}
	return c.relay.board.shape.ParsePart(b)
}

func (c *cluster) chunks() int { return c.p.Chunks(int(c.what.Length)) }

func (c *cluster) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// want is the true sum.
func (c *cluster) want() []int64 {
	sum := make([]int64, c.what.Length)
	for _, v := range c.values {
		for i := range sum {
			sum[i] += v[i]
		}
	}
	return sum
}

// fullRange draws values uniformly from the whole range, with both ends in them.
func fullRange(t testing.TB, p *Params, nodes, length int) []int64 {
	t.Helper()
	limit := p.MaxAbs(nodes)
	v := make([]int64, length)
	for i := range v {
		x, err := rand.Int(rand.Reader, big.NewInt(2*limit+1))
		if err != nil {
			t.Fatal(err)
		}
		v[i] = x.Int64() - limit
	}
	v[0], v[length-1] = limit, -limit
	return v
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}
