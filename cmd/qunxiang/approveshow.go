package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// present prints what is about to be signed: a template from the copy in this program, a
// policy whole and then what it changes in the one in force.
func present(out io.Writer, p api.Proposal, list api.ProposalList) error {
	fmt.Fprintf(out, "%s %s\nof population %s, digest %s\n", p.Subject, printable(p.Name), printable(list.Population), p.Digest)
	fmt.Fprintf(out, "asked for by %s\n", printable(dash(p.By)))
	if p.Subject == ledger.SubjectTemplate {
		catalog, err := queries.LoadCatalog(templates.FS)
		if err != nil {
			return err
		}
		t, err := catalog.Find(p.Name)
		if err != nil {
			return err
		}
		printTemplate(out, t, catalog)
		return nil
	}
	fmt.Fprintln(out, p.Detail)
	if p.Replaces == "" {
		return nil
	}
	return showChanges(out, p, list.Proposals)
}

// showChanges prints what a policy changes in the one in force, as the server has it: its
// text is held against the digest of the leaf that is shown with it.
func showChanges(out io.Writer, p api.Proposal, list []api.Proposal) error {
	i := slices.IndexFunc(list, func(o api.Proposal) bool { return o.Subject == p.Subject && o.Digest == p.Replaces })
	if i < 0 {
		return fmt.Errorf("the policy in force, %s, is not shown; nothing was signed", p.Replaces)
	}
	old := list[i]
	if err := checkProposal(old); err != nil {
		return fmt.Errorf("the policy in force: %w", err)
	}
	fmt.Fprintf(out, "\nWhat it changes in the policy in force (%s, put forward by %s):\n", printable(old.Name), printable(dash(old.By)))
	changed := false
	for _, line := range changes(strings.Split(old.Detail, "\n"), strings.Split(p.Detail, "\n")) {
		fmt.Fprintln(out, line)
		changed = true
	}
	if !changed {
		fmt.Fprintln(out, "nothing")
	}
	return nil
}

// mostCells is how large a table of lines may be; a larger change is shown as a whole.
const mostCells = 4 << 20

// changes are the lines that go, after "-", and those that come, after "+", by a longest
// common subsequence of lines.
func changes(a, b []string) (out []string) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	// common[i][j] is how many lines of a[i:] and b[j:] can stay.
	common := make([][]int, len(a)+1)
	if len(a)*len(b) <= mostCells {
		for i := range common {
			common[i] = make([]int, len(b)+1)
		}
		for i := len(a) - 1; i >= 0; i-- {
			for j := len(b) - 1; j >= 0; j-- {
				if common[i][j] = max(common[i+1][j], common[i][j+1]); a[i] == b[j] {
					common[i][j] = common[i+1][j+1] + 1
				}
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) && common[0] != nil {
		switch {
		case a[i] == b[j]:
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out, i = append(out, "- "+a[i]), i+1
		default:
			out, j = append(out, "+ "+b[j]), j+1
		}
	}
	for ; i < len(a); i++ {
		out = append(out, "- "+a[i])
	}
	for ; j < len(b); j++ {
		out = append(out, "+ "+b[j])
	}
	return out
}

// state says where a thing stands, and how many of its approvals count.
func state(p api.Proposal) string {
	if p.InForce {
		return "in force"
	}
	n := 0
	for _, a := range p.Approved {
		if !slices.Contains(p.Barred, a.Person) {
			n++
		}
	}
	return fmt.Sprintf("waits, %d of 2", n)
}

// approvedBy names those who have approved, also those whose approvals do not count.
func approvedBy(p api.Proposal) string {
	var by []string
	for _, a := range p.Approved {
		text := a.Person + " until " + a.Until.UTC().Format("2006-01-02")
		if slices.Contains(p.Barred, a.Person) {
			text += " (does not count: asks for it or gains by it)"
		}
		by = append(by, text)
	}
	return dash(by)
}

// barred refuses to sign what would not count.
func (s *signing) barred(list []api.Proposal) error {
	for _, p := range list {
		if !s.revoke && slices.Contains(p.Barred, s.person) {
			return &exitError{exitRefused, fmt.Errorf("%s %s: the approval of %s does not count: %s asks for it or gains by it; nothing was signed", p.Subject, p.Name, s.person, s.person)}
		}
	}
	return nil
}
