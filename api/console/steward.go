package console

import (
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// stewardView is what a data steward watches.
type stewardView struct {
	Supervised bool
	Approvals  *approvalsView
	Snapshots  []ledger.Snapshot
	Grants     []policy.Grant
	Budgets    []budgetLine
	Policy     *policy.Policy
	Command    string
	Refusals   []refusal
	Since      int64 // the first leaf that refusals were looked for in
	Inside     bool  // the pages about the data are here
}

// steward shows approvals, grants, snapshots, budgets and refusals. Facts about the data,
// such as the quality of a load, are on the page that is inside only.
func (c *console) steward(v *view) error {
	if !v.is(policy.Steward) {
		return errNotFound
	}
	data := stewardView{Policy: v.rules, Supervised: v.rules.Mode == policy.ModeSupervised, Grants: v.rules.Grants, Budgets: v.budgetLines(), Command: c.Command}
	var err error
	if data.Refusals, data.Since, err = v.refusals(); err != nil {
		return err
	}
	data.Inside = v.seesData()
	if c.Snapshots != nil {
		data.Snapshots = c.Snapshots()
	}
	if v.seesApprovals() {
		var err error
		if data.Approvals, err = v.listApprovals(); err != nil {
			return err
		}
	}
	return v.show("steward", v.say("nav steward"), data)
}
