package federated

import (
	"encoding/json"
	"slices"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Done says whether all rounds are closed.
func (n *Node) Done() bool { return n.done }

// Model is the fit of a finished regression, nil before.
func (n *Node) Model() *glm.Fit { return n.fit }

// State is the model as it stands: of a finished job the final one.
func (n *Node) State() glm.Coefficients { return slices.Clone(n.beta) }

// Stopped is why the job stopped here, "" while it goes on.
func (n *Node) Stopped() string { return n.stop }

// Round is the round being made, from 0.
func (n *Node) Round() int { return n.round }

// NodeStatus is how far a job is at a node, for people.
type NodeStatus struct {
	Job      secagg.Hash
	Approved int // owners whose approvals this node has verified
	Round    int // from 0; the number of rounds when all are closed
	Rounds   int
	Attempt  uint64 // the highest seen
	Phase    secagg.Phase
	Shares   int // issued and charged
	Done     bool
	Stopped  string
	Waits    string // for what, before it begins an attempt
}

// Status says how far the job is.
func (n *Node) Status() NodeStatus {
	s := NodeStatus{
		Job: n.job, Approved: len(n.approved), Round: n.round, Rounds: n.plan.Rounds(), Attempt: n.journal.Highest(),
		Shares: len(n.journal.Issued()), Done: n.done, Stopped: n.stop, Waits: n.waits,
	}
	switch {
	case n.try != nil && n.try.attempt != nil:
		s.Phase = n.try.attempt.Phase()
	case n.try != nil:
		s.Phase = secagg.PhaseShare
	}
	return s
}

// Issued are the attempts for which this node made a share, and charged.
func (n *Node) Issued() []uint64 { return n.journal.Issued() }

// model is what a node keeps of a finished job.
type model struct {
	Job          string   `json:"job"`
	Attempts     []uint64 `json:"attempts"`     // that closed the rounds
	Names        []string `json:"names"`        // none for a network
	Coefficients []int64  `json:"coefficients"` // units of 2^-40
	Fit          *glm.Fit `json:"fit"`          // null for a network
}

func (m model) bytes() ([]byte, error) { return json.MarshalIndent(m, "", " ") }
