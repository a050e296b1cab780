package console

import (
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// stewardView is what a data steward watches.
type stewardView struct {
	Supervised       bool
	Waiting, InForce []api.Proposal
	Notes            []string
	Snapshots        []ledger.Snapshot
	Grants           []policy.Grant
	Budgets          []budgetLine
	Policy           *policy.Policy
	Refusals         []refusal
	Inside           bool // the pages about the data are here
	Command          string
}

// steward shows approvals, grants, snapshots, budgets and refusals. Facts about the data,
// such as the quality of a load, are on the page that is inside only.
func (c *console) steward(v *view) error {
	if !v.is(policy.Steward) {
		return errNotFound
	}
	data := stewardView{Policy: v.rules, Supervised: v.rules.Mode == policy.ModeSupervised, Grants: v.rules.Grants, Budgets: v.budgetLines(), Command: c.Command}
	var err error
	if data.Refusals, err = v.refusals(); err != nil {
		return err
	}
	data.Inside = v.seesData()
	if c.Snapshots != nil {
		data.Snapshots = c.Snapshots()
	}
	if c.Approvals != nil {
		list, err := c.Approvals.Proposals(v.Who.Principal)
		if err != nil {
			return err
		}
		data.Notes = list.Notes
		for _, p := range list.Proposals {
			if p.InForce {
				data.InForce = append(data.InForce, p)
			} else {
				data.Waiting = append(data.Waiting, p)
			}
		}
	}
	return v.show("steward", v.say("nav steward"), data)
}

// proposalView is one thing that waits for approvals, beside what it takes the place of.
type proposalView struct {
	api.Proposal
	Diff    []diffLine
	Command string
}

// proposal shows one thing that approvals are of, with what it changes.
func (c *console) proposal(v *view) error {
	if c.Approvals == nil || !v.may(policy.SeeProposals) {
		return errNotFound
	}
	list, err := c.Approvals.Proposals(v.Who.Principal)
	if err != nil {
		return err
	}
	subject, digest := v.r.PathValue("subject"), v.r.PathValue("digest")
	for _, p := range list.Proposals {
		if p.Subject != subject || p.Digest != digest {
			continue
		}
		before := ""
		for _, old := range list.Proposals {
			if p.Replaces != "" && old.Digest == p.Replaces {
				before = old.Detail
			}
		}
		data := proposalView{Proposal: p, Command: c.Command}
		if before != "" {
			data.Diff = diff(strings.Split(before, "\n"), strings.Split(p.Detail, "\n"))
		}
		return v.show("proposal", p.Name, data)
	}
	return errNotFound
}

// diffLine is a line of a text that stays (""), goes ("-") or comes ("+").
type diffLine struct{ Sign, Text string }

// mostLines is up to how many lines two texts are matched with each other; of longer
// ones all of the one goes and all of the other comes.
const mostLines = 2000

// diff compares two texts line by line and leaves no line out.
func diff(a, b []string) (out []diffLine) {
	var after []diffLine
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		out, a, b = append(out, diffLine{"", a[0]}), a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		after, a, b = append(after, diffLine{"", a[len(a)-1]}), a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) <= mostLines && len(b) <= mostLines {
		out = append(out, matched(a, b)...)
	} else {
		for _, text := range a {
			out = append(out, diffLine{"-", text})
		}
		for _, text := range b {
			out = append(out, diffLine{"+", text})
		}
	}
	slices.Reverse(after)
	return append(out, after...)
}

// matched compares two texts by their longest common subsequence.
func matched(a, b []string) []diffLine {
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []diffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, diffLine{"", a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, diffLine{"-", a[i]})
			i++
		default:
			out = append(out, diffLine{"+", b[j]})
			j++
		}
	}
	return out
}
