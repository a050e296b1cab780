package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

func approveShowCommand() *cobra.Command {
	var w where
	var pinned string
	c := &cobra.Command{
		Use: "show WHAT...", Short: "Show what an approval would be of, and sign nothing", Args: cobra.MinimumNArgs(1),
		Long: `Show the things that WHAT names, as approve sign shows them before it asks: a kind, a
template's id@version, or the first twenty digits of a digest. Of a policy that waits it
says which one it takes the place of, since when that is in force, and what it changes in it;
that is proven by the published log, whose checkpoint must be signed as --policy says
where that is given.`,
		Example: "  qunxiang approve show grant --domain D --as steward-a",
		RunE: func(c *cobra.Command, args []string) error {
			a, err := w.approvals(c.Context(), reading)
			if err != nil {
				return withCode(err)
			}
			defer a.Close()
			list, err := a.Proposals(c.Context())
			if err != nil {
				return withCode(err)
			}
			chosen, err := choose(list.Proposals, args, false)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			for _, p := range chosen {
				if err := checkProposal(p); err != nil {
					return &exitError{exitInvalid, fmt.Errorf("%s %s: %w", p.Subject, printable(p.Name), err)}
				}
				in, err := placeOf(a.Published(c.Context()), list, p, pinned)
				if err == nil {
					err = present(c.OutOrStdout(), p, list, in)
				}
				if err == nil && in.unproven {
					fmt.Fprintln(c.OutOrStdout(), in.how)
				}
				if err != nil {
					return &exitError{exitInvalid, err}
				}
			}
			return nil
		},
	}
	w.flags(c)
	c.Flags().StringVar(&pinned, "policy", "", "file with the pinned keys of the log: its checkpoint must be signed by one")
	return c
}

// present prints what is about to be signed: a template from the copy in this program, a
// policy whole and then what it changes in the one in force.
func present(out io.Writer, p api.Proposal, list api.ProposalList, in inPlace) error {
	fmt.Fprintf(out, "%s %s\nof population %s, digest %s\n", p.Subject, printable(p.Name), printable(list.Population), p.Digest)
	fmt.Fprintf(out, "asked for by %s\n", printable(dash(p.By)))
	if p.Subject == ledger.SubjectTemplate {
		catalog, err := queries.LoadCatalog(templates.FS)
		if err != nil {
			return err
		}
		t, err := eitherTemplate(catalog, p.Name)
		if err != nil {
			return err
		}
		if t.Features != nil {
			return showFeatures(out, t, catalog, false)
		}
		printTemplate(out, t, catalog)
		return nil
	}
	switch {
	case in.old != nil:
		fmt.Fprintf(out, "takes the place of %s, in force since %s: approvals of it serve for this change alone\n", printable(in.old.Name), sinceWhen(in.old.Since))
	case p.Subject == ledger.SubjectGrant && p.Since != nil:
		fmt.Fprintf(out, "in the log as the policy in force since %s\n", sinceWhen(p.Since))
	}
	if in.how != "" {
		fmt.Fprintln(out, in.how)
	}
	showDetail(out, p)
	if in.old != nil {
		showChanges(out, p, *in.old)
	}
	return nil
}

// showDetail prints what there is to look at. A policy and a job's card are held against
// what is signed. Of all else the name says what the leaf does, and what else the server
// says is one line of its own words: it could be taken for what is signed.
func showDetail(out io.Writer, p api.Proposal) {
	switch p.Subject {
	case ledger.SubjectGrant, ledger.SubjectJob:
		fmt.Fprintln(out, p.Detail)
	case ledger.SubjectSnapshot:
		fmt.Fprintf(out, "the server says of it, which nothing here proves: %s\n", printable(p.Detail))
	}
}

// sinceWhen says since when a policy is in force.
func sinceWhen(s *api.Since) string {
	return fmt.Sprintf("%s (leaf %d)", s.Time.UTC().Format("2006-01-02 15:04 UTC"), s.Leaf)
}

// inPlaceOf says which policy one that waits would replace, "" for all else.
func inPlaceOf(p api.Proposal, list []api.Proposal) string {
	i := slices.IndexFunc(list, func(o api.Proposal) bool { return p.Replaces != "" && o.Digest == p.Replaces && o.Since != nil })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf(", in place of %s in force since %s", list[i].Name, sinceWhen(list[i].Since))
}

// replaced is the policy in force that one which waits takes the place of, as the server has
// it: its text is held against the digest of the leaf that is shown with it, and its place
// in the log against the one that is to be signed. It is nil for what is no policy, and for
// one that is said to be in force itself.
func replaced(p api.Proposal, list []api.Proposal) (*api.Proposal, error) {
	if p.Subject != ledger.SubjectGrant {
		return nil, nil
	}
	body, err := ledger.DecodeContent(p.Leaf)
	if err != nil {
		return nil, err
	}
	g, isPolicy := body.(*ledger.Grant)
	switch {
	case !isPolicy:
		return nil, errors.New("it is no policy; nothing was signed")
	case p.Since != nil && (p.Replaces != "" || p.Since.Leaf <= g.Replaces):
		return nil, errors.New("it is said to be in force and to wait; nothing was signed")
	case p.Since != nil:
		return nil, nil
	}
	i := slices.IndexFunc(list, func(o api.Proposal) bool {
		return o.Subject == p.Subject && o.Since != nil && o.Since.Leaf == g.Replaces && g.Replaces >= 0
	})
	if i < 0 || list[i].Digest != p.Replaces {
		return nil, fmt.Errorf("it takes the place of leaf %d, and no policy is shown as in force since that leaf, or another one as replaced; nothing was signed", g.Replaces)
	}
	if err := checkProposal(list[i]); err != nil {
		return nil, fmt.Errorf("the policy in force: %w", err)
	}
	return &list[i], nil
}

// showChanges prints what a policy changes in the one whose place it takes.
func showChanges(out io.Writer, p, old api.Proposal) {
	fmt.Fprintf(out, "\nWhat it changes in the policy in force (%s, put forward by %s):\n", printable(old.Name), printable(dash(old.By)))
	changed := false
	for _, line := range changes(strings.Split(old.Detail, "\n"), strings.Split(p.Detail, "\n")) {
		fmt.Fprintln(out, line)
		changed = true
	}
	if !changed {
		fmt.Fprintln(out, "nothing")
	}
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
