package queries

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// What a receipt's envelope and statement call themselves: in-toto attestation v1.
const (
	ReceiptType      = "application/vnd.in-toto+json" // of the payload
	StatementType    = "https://in-toto.io/Statement/v1"
	ReceiptPredicate = "https://github.com/qunxiang/qunxiang/receipt/v1"
)

// Mechanism is how releases are made private.
const Mechanism = "gaussian-zcdp"

// Statement is what a receipt signs: an in-toto statement on the released bytes.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"` // one
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

// Subject names the released bytes: the request's id with .json behind it, and under
// sha256 their digest in hex.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Predicate says of which log's leaves the release is, that it was paid for before, and
// what it rests on.
type Predicate struct {
	Release        string     `json:"release"` // request id
	Population     string     `json:"population"`
	ChargeLeaf     int64      `json:"charge_leaf"`
	ReleaseLeaf    int64      `json:"release_leaf"`
	Template       string     `json:"template"`
	Catalogue      string     `json:"catalogue"`
	TemplateDigest string     `json:"template_digest"`
	Snapshot       string     `json:"snapshot"`
	OptOutEpoch    int64      `json:"opt_out_epoch"`
	Purpose        string     `json:"purpose"` // of the request that was charged
	Mechanism      string     `json:"mechanism"`
	Rho            string     `json:"rho"`   // decimal, units of 1e-12
	Delta          string     `json:"delta"` // decimal, units of 1e-21
	Scopes         []string   `json:"scopes"`
	K              string     `json:"k"`      // the threshold in the policy's words; "" where the log does not say
	Mode           string     `json:"mode"`   // "evaluation" where no approvals were needed
	Policy         string     `json:"policy"` // digest of what was in force at the charge
	PolicyLeaf     int64      `json:"policy_leaf"`
	Approvals      []Approved `json:"approvals"` // that the charge rested on; none in evaluation
}

// Approved is an approval that held when a charge was made.
type Approved struct {
	Subject string `json:"subject"` // grant, template, snapshot or job
	Digest  string `json:"digest"`  // of what was approved
	Who     string `json:"who"`     // the person
	Leaf    int64  `json:"leaf"`    // the APPROVE leaf
}

// Receipt is one file a client keeps: the statement in a DSSE envelope, signed with
// Ed25519 and with SM2, and the proof that the RELEASE leaf and the CHARGE leaf before it
// are in the log under a cosigned checkpoint. Its JSON has one spelling.
type Receipt struct {
	Envelope   dsse.Envelope `json:"envelope"`
	Checkpoint string        `json:"checkpoint"` // signed note
	Charge     Logged        `json:"charge"`
	Release    Logged        `json:"release"`
}

// Logged is a leaf and its proof under the receipt's checkpoint.
type Logged struct {
	Index int64 `json:"index"`
	// Leaf is the leaf's bytes. Of a charge it is left out, and its hash there instead,
	// where somebody of another organisation asked: the leaf names them.
	Leaf   []byte      `json:"leaf,omitempty"`
	Hash   *tlog.Hash  `json:"leaf_hash,omitempty"`
	Hashes []tlog.Hash `json:"hashes"` // RFC 6962 section 2.1.1, base64
}

// Receipt gives the receipt of a release, as JSON, to whoever may have the release itself.
// Who may not know who was charged for it has the CHARGE leaf's hash and proof, and checks
// what was charged by the released bytes, which say it under the RELEASE leaf's digest.
func (r *Runner) Receipt(ctx context.Context, principal, id string) ([]byte, error) {
	if r.Sign == nil || r.SignSM2 == nil || r.Ledger == nil {
		return nil, fmt.Errorf("%w: it takes the log and both keys to sign one", ErrUnlogged)
	}
	rec, err := r.handed(ctx, principal, id)
	if err != nil {
		return nil, err
	}
	s, err := r.statement(rec)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	// The proofs first: a key that is retired meanwhile must not sign under what comes after.
	proofs, err := r.Ledger.Proofs(rec.Index, rec.Release)
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(r.Sign, r.SignSM2)
	if err != nil {
		return nil, err
	}
	envelope, err := signer.SignPayload(ctx, ReceiptType, payload)
	if err != nil {
		return nil, err
	}
	out := Receipt{Envelope: *envelope, Checkpoint: proofs[0].Checkpoint}
	for i, into := range []*Logged{&out.Charge, &out.Release} {
		_, leaf, err := r.Ledger.Leaf(proofs[i].Index)
		if err != nil {
			return nil, err
		}
		*into = Logged{Index: proofs[i].Index, Leaf: leaf, Hashes: proofs[i].Hashes}
	}
	if !r.mayKnow(principal, rec) {
		hash := tlog.RecordHash(out.Charge.Leaf)
		out.Charge.Leaf, out.Charge.Hash = nil, &hash
	}
	return out.encode()
}

// mayKnow says whether somebody may see who was charged for a release: their own
// organisation, and who may read the log.
func (r *Runner) mayKnow(principal string, rec ledger.Request) bool {
	return r.rules().Organisation(principal) == rec.Organisation || r.rules().May(principal, policy.ReadReleases) == nil
}

// encode gives the receipt in its one spelling.
func (r Receipt) encode() ([]byte, error) {
	out, err := json.MarshalIndent(r, "", "  ")
	return append(out, '\n'), err
}

func (r *Runner) statement(rec ledger.Request) (*Statement, error) {
	basis, err := r.State.Basis(rec.Index)
	if err != nil {
		return nil, err
	}
	p := Predicate{
		Release: rec.ID, Population: r.State.Population(), ChargeLeaf: rec.Index, ReleaseLeaf: rec.Release,
		Template: rec.Template, Catalogue: rec.Catalogue, TemplateDigest: rec.TemplateDigest,
		Snapshot: rec.Snapshot, OptOutEpoch: rec.Epoch, Purpose: rec.Purpose, Mechanism: Mechanism,
		Rho: decimal(rec.Cost.Rho), Delta: decimal(rec.Cost.Delta), Scopes: rec.Scopes,
		K: basis.K, Mode: basis.Mode, Policy: basis.Policy, PolicyLeaf: basis.Leaf, Approvals: []Approved{},
	}
	for _, a := range basis.Approvals {
		p.Approvals = append(p.Approvals, Approved{a.Subject, a.Digest, a.Approver, a.Index})
	}
	return &Statement{Type: StatementType, PredicateType: ReceiptPredicate, Predicate: p,
		Subject: []Subject{{rec.ID + ".json", map[string]string{"sha256": rec.Digest}}}}, nil
}

// Budgets lists what every scope that was ever charged has left. Scopes are the
// population's: all clients see the same figures.
func (r *Runner) Budgets() []ScopeShare {
	out := []ScopeShare{}
	for _, scope := range r.State.Scopes() {
		out = append(out, r.share(scope, dp.Cost{}))
	}
	return out
}
