package secagg

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
)

// Node is a member of a job: its name, who controls it, and its signing key, as
// on the job card.
type Node struct {
	Name, Organisation string
	Key                ed25519.PublicKey
}

// Roster is the fixed list of a job's nodes, in the order of the job card, and
// the coordinator's signing key. Each node takes it from the card it approved,
// never from the coordinator.
type Roster struct {
	Coordinator ed25519.PublicKey
	Nodes       []Node
}

// Check refuses rosters of fewer than MinOrganisations, with more than MaxNodes
// nodes, or with a name or key twice. Names that differ in case, width, spaces or what
// cannot be seen are the same.
func (r Roster) Check() error {
	if len(r.Nodes) > MaxNodes {
		return fmt.Errorf("%w: %d nodes", ErrOptions, len(r.Nodes))
	}
	orgs, twice := map[string]bool{}, map[string]bool{"k" + string(r.Coordinator): true}
	for i, n := range r.Nodes {
		name, org := seen(n.Name), seen(n.Organisation)
		if len(n.Key) != ed25519.PublicKeySize || name == "" || org == "" {
			return fmt.Errorf("%w: node %d has no name, organisation or key", ErrOptions, i)
		}
		if twice["k"+string(n.Key)] || twice["n"+name] {
			return fmt.Errorf("%w: the name or key of node %d is there twice", ErrOptions, i)
		}
		twice["k"+string(n.Key)], twice["n"+name] = true, true
		orgs[org] = true
	}
	if len(orgs) < MinOrganisations {
		return fmt.Errorf("%w: %d organisations", ErrOptions, len(orgs))
	}
	if len(r.Coordinator) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: no coordinator key", ErrOptions)
	}
	return nil
}

// Largest is the organisation with the most nodes, and how many they are: it knows
// what all of them know, without colluding with anybody. Names are compared as in Check.
func (r Roster) Largest() (organisation string, nodes int) {
	count := map[string]int{}
	for _, n := range r.Nodes {
		org := seen(n.Organisation)
		if count[org]++; count[org] > nodes {
			organisation, nodes = n.Organisation, count[org]
		}
	}
	return organisation, nodes
}

// Digest identifies the roster; it is part of every context.
func (r Roster) Digest() Hash {
	parts := [][]byte{r.Coordinator}
	for _, n := range r.Nodes {
		parts = append(parts, []byte(n.Name), []byte(n.Organisation), n.Key)
	}
	return hash("roster", parts...)
}

// Open is what an attempt is about. Job is the digest of the job card, Model the
// digest of the model the round starts from, Length the vector's.
type Open struct {
	Job, Model Hash
	Round      uint32
	Attempt    uint64 // counted over the whole job, never used twice
	Length     uint32
}

const openBytes = 4*32 + 4 + 8 + 4

// body is the payload of OPEN: it also names parameters and roster.
func (o Open) body(params, roster Hash) []byte {
	b := append([]byte{}, o.Job[:]...)
	b = append(b, params[:]...)
	b = append(b, roster[:]...)
	b = append(b, o.Model[:]...)
	b = binary.BigEndian.AppendUint32(b, o.Round)
	b = binary.BigEndian.AppendUint64(b, o.Attempt)
	return binary.BigEndian.AppendUint32(b, o.Length)
}

// openContext is the context of an OPEN itself: one per job and attempt.
func (o Open) openContext() Hash {
	return hash("open", o.Job[:], binary.BigEndian.AppendUint64(nil, o.Attempt))
}

// Context0 is the context of HELLO: everything of OPEN.
func (o Open) Context0(params, roster Hash) Hash {
	return hash("context 0", o.body(params, roster))
}

// contextOf is the context of all later phases: every HELLO, in roster order.
func contextOf(ctx0 Hash, hellos []Hash) Hash { return hashAll("context", ctx0, hellos) }

// ParseOpen reads OPEN's payload: what the attempt is about, and the digests of
// parameters and roster.
func ParseOpen(m Message) (o Open, params, roster Hash, err error) {
	if m.Phase != PhaseOpen || len(m.Body) != openBytes {
		return o, params, roster, fmt.Errorf("%w: not an OPEN", ErrWire)
	}
	b := m.Body
	copy(o.Job[:], b)
	copy(params[:], b[32:])
	copy(roster[:], b[64:])
	copy(o.Model[:], b[96:])
	o.Round = binary.BigEndian.Uint32(b[128:])
	o.Attempt = binary.BigEndian.Uint64(b[132:])
	o.Length = binary.BigEndian.Uint32(b[140:])
	return o, params, roster, nil
}
