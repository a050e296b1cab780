package queries

import (
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// rests looks at what a predicate says that its charge rested on. Mode, k, policy and
// approvals are in neither leaf of a receipt: they are the server's word, which only the
// whole log proves or refutes. What is refused here is a word that cannot be true: what was
// not in the log at the charge; approvals where nobody approves; supervision without two
// people for each of what needs them.
func (p Predicate) rests(charge *ledger.Charge) error {
	if p.PolicyLeaf < 0 || p.PolicyLeaf >= p.ChargeLeaf {
		return failing(ReceiptApprovals, "the statement rests on a policy that was not in the log at its charge")
	}
	leaves, digests, people := map[int64]bool{}, map[string]string{}, map[string]map[string]bool{}
	for _, a := range p.Approvals {
		if a.Leaf <= 0 || a.Leaf >= p.ChargeLeaf || leaves[a.Leaf] {
			return failing(ReceiptApprovals, "the statement rests on approvals that were not in the log at its charge, or on one twice")
		}
		if people[a.Subject] == nil {
			digests[a.Subject], people[a.Subject] = a.Digest, map[string]bool{}
		}
		if digests[a.Subject] != a.Digest || a.Subject == ledger.SubjectTemplate && a.Digest != p.TemplateDigest {
			return failing(ReceiptApprovals, "the statement rests on approvals of another %s", a.Subject)
		}
		leaves[a.Leaf], people[a.Subject][a.Who] = true, a.Who != ""
	}
	switch {
	case p.Mode == policy.ModeEvaluation && len(p.Approvals) == 0:
		return nil
	case p.Mode != policy.ModeSupervised:
		return failing(ReceiptApprovals, "the statement's mode is %q, with %d approvals", p.Mode, len(p.Approvals))
	}
	for _, subject := range p.approvable(charge) {
		if len(people[subject]) < 2 {
			return failing(ReceiptApprovals, "the statement says supervised, and names fewer than two people who approved the %s", subject)
		}
	}
	return nil
}

// approvable are the subjects of which a charge in a supervised domain needs approvals;
// charge is nil where it is not shown.
func (p Predicate) approvable(charge *ledger.Charge) []string {
	all := []string{ledger.SubjectGrant, ledger.SubjectTemplate, ledger.SubjectSnapshot}
	if p.Catalogue == ledger.Training && (charge == nil || charge.Rules > 0) { // before there were rules nobody approved a job
		all = append(all, ledger.SubjectJob)
	}
	return all
}
