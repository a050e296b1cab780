package queries

import (
	"context"
	"encoding/json"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// ReceiptType is the payload type of a receipt's signed statement.
const ReceiptType = "application/vnd.qunxiang.receipt.v1+json"

// Statement is what a receipt signs: which bytes were released, as which leaf
// of which log, and that they were paid for before.
type Statement struct {
	Release        string   `json:"release"` // request id
	Digest         string   `json:"digest"`  // SHA-256 of the released bytes
	Population     string   `json:"population"`
	ChargeLeaf     int64    `json:"charge_leaf"`
	ReleaseLeaf    int64    `json:"release_leaf"`
	Template       string   `json:"template"`
	Catalogue      string   `json:"catalogue"`
	TemplateDigest string   `json:"template_digest"`
	Snapshot       string   `json:"snapshot"`
	OptOutEpoch    int64    `json:"opt_out_epoch"`
	Rho            string   `json:"rho"`   // decimal, units of 1e-12
	Delta          string   `json:"delta"` // decimal, units of 1e-21
	Scopes         []string `json:"scopes"`
	Mode           string   `json:"mode"` // "evaluation" where no approvals were needed
}

// Receipt is one file a client keeps: the signed statement (DSSE), and the
// proof that the RELEASE leaf is in the log under a signed checkpoint.
type Receipt struct {
	Envelope dsse.Envelope `json:"envelope"`
	Leaf     []byte        `json:"leaf"` // the RELEASE leaf's bytes
	Proof    ledger.Proof  `json:"proof"`
}

// Receipt gives the receipt of a release, as JSON, to whoever may have the
// release itself.
func (r *Runner) Receipt(ctx context.Context, principal, id string) ([]byte, error) {
	rec, err := r.handed(ctx, principal, id)
	if err != nil {
		return nil, err
	}
	s := Statement{
		Release: rec.ID, Digest: rec.Digest, Population: r.rules().Population,
		ChargeLeaf: rec.Index, ReleaseLeaf: rec.Release,
		Template: rec.Template, Catalogue: rec.Catalogue, TemplateDigest: rec.TemplateDigest,
		Snapshot: rec.Snapshot, OptOutEpoch: rec.Epoch,
		Rho: decimal(rec.Cost.Rho), Delta: decimal(rec.Cost.Delta), Scopes: rec.Scopes, Mode: r.rules().Mode,
	}
	payload, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(r.Sign)
	if err != nil {
		return nil, err
	}
	envelope, err := signer.SignPayload(ctx, ReceiptType, payload)
	if err != nil {
		return nil, err
	}
	_, leaf, err := r.Ledger.Leaf(rec.Release)
	if err != nil {
		return nil, err
	}
	proof, err := r.Ledger.Proof(rec.Release)
	if err != nil {
		return nil, err
	}
	out, err := json.MarshalIndent(Receipt{*envelope, leaf, proof}, "", "  ")
	return append(out, '\n'), err
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
