package secagg

import (
	"errors"
	"slices"
	"testing"
)

// tampered is a transcript with one message or part changed.
type tampered struct {
	Transcript
	message func(m *Message)
	part    func(p *Part)
}

func (x tampered) Message(f Phase, node int) (Message, error) {
	m, err := x.Transcript.Message(f, node)
	m.Body = slices.Clone(m.Body)
	if x.message != nil {
		x.message(&m)
	}
	return m, err
}

func (x tampered) Part(k Kind, node, chunk int) (Part, error) {
	p, err := x.Transcript.Part(k, node, chunk)
	p.Body = slices.Clone(p.Body)
	if x.part != nil {
		x.part(&p)
	}
	return p, err
}

// A clean transcript verifies from public keys alone; each kind of tampering has
// its own error, also when colluding nodes sign it.
func TestVerify(t *testing.T) {
	for _, p := range both(t) {
		length := p.Capacity() + 3
		c := newCluster(t, p, 4, length).until(PhaseShare).cross()
		c.finish()
		rep, err := Verify(p, c.roster, jobHash(), c)
		c.ok(err)
		if !slices.Equal(rep.Sum, c.want()) || rep.Root != c.ends[0].Root() || rep.Next != hash("next") ||
			rep.Open != c.what || rep.Ledgers[2] != (Mark{7, hash("ledger", place(2, 0))}) {
			t.Fatalf("%+v", rep)
		}
		_, err = Verify(p, c.roster, hash("another job"), c)
		mustBe(t, err, ErrOpen)
		other := c.roster
		other.Nodes = slices.Clone(other.Nodes)
		other.Nodes[0].Organisation = "another"
		_, err = Verify(p, other, jobHash(), c)
		mustBe(t, err, ErrOpen)
		c.tamper(t)
	}
}

func (c *cluster) tamper(t *testing.T) {
	t.Helper()
	resign := func(m *Message) {
		if m.Node < len(c.keys) {
			*m = c.forge(m.Node, m.Phase, m.Context, m.Body)
		}
	}
	check := func(what string, x tampered, want ...error) {
		t.Helper()
		x.Transcript = c
		_, err := Verify(c.p, c.roster, jobHash(), x)
		if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
			t.Errorf("%s, %s: %v, not %v", c.p.Name(), what, err, want)
		}
	}
	signed := map[Phase]error{
		PhaseHello: ErrContext, PhaseKeyCom: ErrCommitment, PhaseKeyOpen: ErrCommitment, PhaseCTCom: ErrCommitment,
		PhaseCT: ErrCommitment, PhaseConfirm: ErrRoot, PhaseResult: ErrResult,
	}
	for f := PhaseHello; f <= PhaseResult; f++ {
		at := func(change func(*Message)) tampered {
			return tampered{message: func(m *Message) {
				if m.Phase == f && m.Node == 2 {
					change(m)
				}
			}}
		}
		check("garbled "+f.String(), at(func(m *Message) { m.Body[1] ^= 1 }), ErrWire)
		check("cut "+f.String(), at(func(m *Message) { m.Body = m.Body[1:] }), ErrWire)
		check("unsigned "+f.String(), at(func(m *Message) { m.Sig[5] ^= 1 }), ErrSignature)
		check("another's "+f.String(), at(func(m *Message) { m.Node = 1 }), ErrOrder)
		if want := signed[f]; want != nil {
			check("signed wrong "+f.String(), at(func(m *Message) { m.Body[1] ^= 1; resign(m) }), want)
		}
	}
	for _, k := range []Kind{C0, C1, Opened} {
		want := map[Kind]error{C0: ErrCommitment, C1: ErrCommitment, Opened: ErrShare}[k]
		check("garbled part", tampered{part: func(p *Part) {
			if p.Kind == k && p.Node == 3 && p.Chunk == 1 {
				p.Body[9] ^= 2
			}
		}}, want)
		check("swapped part", tampered{part: func(p *Part) {
			if p.Kind == k && p.Node == 3 && p.Chunk == 1 {
				*p, _ = c.Part(k, 2, 1)
			}
		}}, want)
	}
	// All nodes together report another sum.
	check("another sum", tampered{message: func(m *Message) {
		if m.Phase == PhaseResult {
			m.Body[0] ^= 1
			resign(m)
		}
	}}, ErrResult)
	check("another model of one", tampered{message: func(m *Message) {
		if m.Phase == PhaseResult && m.Node == 1 {
			m.Body[40] ^= 1
			resign(m)
		}
	}}, ErrResult)
	check("confirmed another share", tampered{message: func(m *Message) {
		if m.Phase == PhaseConfirm && m.Node == 1 {
			m.Body[40] ^= 1
			resign(m)
		}
	}}, ErrShare)
	c.opened = Memory{}
	check("no shares", tampered{}, ErrMissing)
}
