package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// deciders are approvals that remember what was sent.
type deciders struct {
	sent []ledger.Approve
	err  error
}

func (d *deciders) Proposals(principal string) (ProposalList, error) {
	if principal != "steward-s" {
		return ProposalList{}, &policy.Refusal{Rule: policy.RuleRole, Detail: principal + " may not see proposals"}
	}
	return ProposalList{Population: "city", Proposals: []Proposal{{Subject: "template", Name: "t@1.0.0", Digest: "d", Leaf: []byte("leaf"),
		Approved: []ApprovalEntry{{Person: "Ada", Until: time.Unix(1, 0).UTC()}}}}}, nil
}

func (d *deciders) Approve(_ context.Context, _ string, a ledger.Approve) (int64, error) {
	if d.err != nil {
		return -1, d.err
	}
	d.sent = append(d.sent, a)
	return 7, nil
}

// Statements travel unchanged; proposals are for those whom they concern.
func TestApprovals(t *testing.T) {
	tokens := openTokens(t, filepath.Join(t.TempDir(), "tokens.yaml"))
	add := func(principal string) string {
		token, err := tokens.Add(principal, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	steward, insurer := add("steward-s"), add("insurer-a")
	d := &deciders{}
	s, _ := server(t, func(o *Options) { o.Tokens, o.Approvals = tokens, d })
	url := listen(t, s) + "/"
	c := client(t, url, steward)
	list, err := c.Proposals(t.Context())
	if want, _ := d.Proposals("steward-s"); err != nil || list.Population != "city" || !reflect.DeepEqual(list.Proposals[0].Leaf, want.Proposals[0].Leaf) {
		t.Fatalf("%+v %v", list, err)
	}
	made := time.Unix(1795000000, 0).UTC()
	a := ledger.Approve{Subject: "template", Digest: strings.Repeat("ab", 32), Name: "t@1.0.0", Approver: "Ada", Revoked: true, Made: made,
		Expires: made.Add(time.Hour), Signature: "c2ln"}
	leaf, err := c.Approve(t.Context(), a)
	if err != nil || leaf != 7 || !reflect.DeepEqual(d.sent, []ledger.Approve{a}) {
		t.Fatalf("%d %v: %+v", leaf, err, d.sent)
	}
	d.err = fmt.Errorf("%w: Ada is no approver", ledger.ErrApproval)
	_, err = c.Approve(t.Context(), a)
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusForbidden || p.Rule != "approval" || p.Detail != "Ada is no approver" {
		t.Errorf("refused: %+v", err)
	}
	if _, err := client(t, url, insurer).Proposals(t.Context()); !errors.As(err, &p) || p.Rule != policy.RuleRole {
		t.Errorf("proposals for an insurer: %v", err)
	}
	w := do(s.Handler(), "POST", "/v1/approvals", `{"subject":"template","extra":1}`, "Authorization: Bearer "+steward)
	problem(t, w, "validation", 422)
}

// Without approvals there is nothing to be asked.
func TestNoApprovals(t *testing.T) {
	s, _ := server(t)
	problem(t, do(s.Handler(), "GET", "/v1/proposals", ""), "no-such-route", 404)
}
