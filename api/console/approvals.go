package console

import (
	"slices"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
)

// approvalsView is what people decide together.
type approvalsView struct {
	Waiting, InForce []api.Proposal
	Notes            []string
}

// seesApprovals says whether the visitor has the page of approvals.
func (v *view) seesApprovals() bool { return v.c.Approvals != nil && v.may(policy.SeeProposals) }

// listApprovals tells what waits for approvals from what has them.
func (v *view) listApprovals() (*approvalsView, error) {
	list, err := v.c.Approvals.Proposals(v.Who.Principal)
	if err != nil {
		return nil, err
	}
	out := &approvalsView{Notes: list.Notes}
	for _, p := range list.Proposals {
		if p.InForce {
			out.InForce = append(out.InForce, p)
		} else {
			out.Waiting = append(out.Waiting, p)
		}
	}
	return out, nil
}

// approvals shows what waits for approvals, to everybody who may look at it: regulators
// and approvers as well as stewards.
func (c *console) approvals(v *view) error {
	if !v.seesApprovals() {
		return errNotFound
	}
	list, err := v.listApprovals()
	if err != nil {
		return err
	}
	return v.show("approvals", v.say("nav approvals"), list)
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
