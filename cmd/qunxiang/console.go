package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/certify"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// console makes the domain's pages for people.
func (d *domain) console(h *api.Host) (http.Handler, error) {
	certificates, err := certify.Recorded(templates.FS)
	if err != nil {
		return nil, err
	}
	return console.New(h, console.Options{
		Service: d.runner, Catalog: d.catalog, Certificates: certificates, Policy: d.policy, Past: d.state.Past, Repeats: d.state.Repeats, Deletion: d.state.Deletion, Charged: d.state.Charged, Trace: d.state.Trace, Handed: d.state.Handed,
		Quota: func(grant string) (spent, held float64) {
			return dp.Cost{Rho: d.state.Quota(grant)}.RhoFloat(), dp.Cost{Rho: d.state.HeldQuota(grant, time.Now())}.RhoFloat()
		},
		Basis: d.state.Basis, Abandoned: d.state.Abandoned, Rounds: d.state.Rounds, Running: d.state.Running, SupervisedSince: d.state.SupervisedSince,
		Published: servedLog{d}, Approvals: d, TemplateBefore: d.state.TemplateBefore, Reservations: d.state.Reservations, Snapshots: d.state.Registered,
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
	if errors.Is(err, audit.ErrUnusable) {
		return &console.LogReport{Findings: []console.Finding{{Leaf: -1, Code: string(audit.LogUnusable), Text: "the log cannot be examined"}}}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &console.LogReport{
		OK: r.OK(), Leaves: r.Leaves, Signed: r.Signed, Root: r.Root, Charges: r.Charges, Released: r.Releases,
		Abandoned: r.Abandoned, Open: r.Open, Repeats: r.Replays, Refused: r.Denied,
	}
	for _, name := range r.Witnesses {
		out.Witnesses = append(out.Witnesses, console.Vouched{Name: name, Pinned: !slices.Contains(r.Unpinned, name)})
	}
	if s := r.Supervision; s != nil {
		out.Supervision = &console.Supervision{Since: s.Since, Before: s.Before, Approved: s.Approved}
		for _, a := range s.Approvers {
			out.Supervision.Approvers = append(out.Supervision.Approvers, console.Vouched{Name: a.Person, Pinned: a.Pinned})
		}
	}
	for _, a := range d.state.Approvals(time.Now()) {
		if a.Holds && a.Index < r.Leaves {
			out.Approvals = append(out.Approvals, console.Approval{Subject: a.Subject, Name: a.Name, Approver: a.Approver, Leaf: a.Index})
		}
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, console.Finding{Leaf: f.Leaf, Code: string(f.Code), Text: f.Text})
	}
	return out, nil
}
