package main

import (
	"context"
	"net/http"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
)

// console makes the domain's pages for people.
func (d *domain) console(h *api.Host) (http.Handler, error) {
	return console.New(h, console.Options{
		Service: d.runner, Catalog: d.catalog, Policy: d.policy, Register: d.runner, Requests: d.state.Requests,
		Published: servedLog{d}, Approvals: d, Reservations: d.state.Reservations, Snapshots: d.state.Registered,
		Training: newTrainings(d, d.coordinator), Inside: insideFacts{d}, CheckReceipt: d.checkReceipt, CheckLog: d.checkLog,
	})
}

// checkReceipt holds a receipt against the domain's public keys, with the check that
// audit receipt runs on copies of them elsewhere.
func (d *domain) checkReceipt(receipt, release []byte) (*queries.Statement, error) {
	files := receiptFiles{logKey: d.path(logKeyFile)}
	for _, use := range keyUses {
		for _, suffix := range []string{".pub", "-before.pub"} {
			path := d.path(use.name + suffix)
			if use.use != "receipt" || !exists(path) {
				continue
			}
			if use.algorithm == "sm2" {
				files.sm2 = append(files.sm2, path)
			} else {
				files.key = append(files.key, path)
			}
		}
	}
	check, err := files.read()
	if err != nil {
		return nil, err
	}
	keys, err := d.clientKeys()
	if err != nil {
		return nil, err
	}
	if check.Trust, err = witness.ParseTrust([]byte(keys.Policy)); err != nil { // the witnesses and the second key too
		return nil, err
	}
	check.Release = release
	return queries.VerifyReceipt(receipt, *check)
}

// checkLog runs the auditor's verifier on the domain's own log, as audit verify --domain
// does.
func (d *domain) checkLog(ctx context.Context) (*console.LogReport, error) {
	o, done, err := (&examined{dir: d.dir}).open(ctx)
	if err != nil {
		return nil, err
	}
	defer done.Close()
	r, err := audit.Verify(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &console.LogReport{
		OK: r.OK(), Leaves: r.Leaves, Signed: r.Signed, Root: r.Root, Charges: r.Charges, Released: r.Releases,
		Abandoned: r.Abandoned, Open: r.Open, Repeats: r.Replays, Refused: r.Denied,
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, console.Finding{Leaf: f.Leaf, Code: string(f.Code), Text: f.Text})
	}
	return out, nil
}
