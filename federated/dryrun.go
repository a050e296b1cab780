package federated

import (
	"fmt"
	"strings"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// DryRun is exactly what would leave a node in an attempt, computed from its own data
// at the open round's model, with nothing sent, charged or kept. Values is what the
// secure sum would take: it is for the operator's own eyes.
type DryRun struct {
	Round    int
	Blocks   []DryBlock
	Values   []int64 // with this node's share of noise, drawn for this run alone
	Unit     float64 // of Values
	Messages []DryMessage
	Rho      Rho // that the attempt would be charged with
}

// DryBlock is a run of Values that is clipped and noised as one.
type DryBlock struct {
	Name     string
	From, To int
	Sigma    float64 // standard deviation of the noise in the sum of all nodes, real units
}

// DryMessage is a message or part, by what it holds and its length in bytes.
type DryMessage struct {
	Name, Holds string
	Bytes       int
}

// DryRun computes what the next attempt would send. ErrStopped for a job that is over.
func (n *Node) DryRun() (*DryRun, error) {
	if n.data == nil {
		return nil, fmt.Errorf("%w: there is nothing to send", ErrStopped)
	}
	values, err := n.noisy()
	if err != nil {
		return nil, err
	}
	cost, err := n.plan.RoundCost(n.round)
	if err != nil {
		return nil, err
	}
	d := &DryRun{Round: n.round, Values: values, Rho: Rho(cost.Rho), Messages: n.messages()}
	d.Blocks, d.Unit, err = blocksOf(n.plan, n.round)
	return d, err
}

// messages lists everything that leaves in an attempt.
func (n *Node) messages() []DryMessage {
	s, chunks := n.shape(), n.params.Chunks(n.plan.Cells())
	head := len(secagg.Message{}.Append(nil))
	var out []DryMessage
	for i, holds := range []string{
		"a nonce, two fresh public keys, the number of leaves and the root of the ledger",
		"the digest of the key share, and one half of a key exchange for each later node",
		"the key share and a random number",
		"digests of the ciphertexts",
		"digest of what was sent",
		"the transcript's root and digests of the share",
		"keys of the sealed share, wrapped for each node, and its digests",
		"digests of the sum and of the next model",
	} {
		f := secagg.PhaseHello + secagg.Phase(i)
		out = append(out, DryMessage{f.String(), holds, head + s.BodyBytes(f, n.self)})
	}
	part := len(secagg.Part{}.Append(nil))
	return append(out,
		DryMessage{"ciphertexts", "the values below, padded and encrypted for the sum of all nodes", 2 * chunks * (part + s.PartBytes(secagg.C0))},
		DryMessage{"share", "a decryption share of the sum, sealed to the nodes", chunks * (part + s.PartBytes(secagg.Sealed))})
}

// String is the dry run for people; values are left out.
func (d *DryRun) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Round %d: %d values in units of %.3g, charged rho %.6g\n", d.Round+1, len(d.Values), d.Unit, float64(d.Rho)/1e12)
	for _, x := range d.Blocks {
		fmt.Fprintf(&b, "  %-10s values %d to %d, noise in the sum +- %.4g\n", x.Name, x.From, x.To-1, x.Sigma)
	}
	for _, m := range d.Messages {
		fmt.Fprintf(&b, "  %-11s %8d bytes: %s\n", m.Name, m.Bytes, m.Holds)
	}
	return b.String()
}
