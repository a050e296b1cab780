package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Approvals is what two people decide together, in a supervised domain.
type Approvals interface {
	// Proposals are the things that wait for approvals or rest on them. The error is a
	// *policy.Refusal for a principal whom they do not concern.
	Proposals(principal string) (ProposalList, error)
	// Approve logs a signed statement. Whose it is its signature says; the principal is
	// who sends it.
	Approve(ctx context.Context, principal string, a ledger.Approve) (leaf int64, err error)
}

// Proposal is a thing that approvals are of.
type Proposal struct {
	Subject  string          `json:"subject" enum:"grant,template,snapshot,resume,key,delete,audit,job,optouts"`
	Name     string          `json:"name" doc:"What it is, in words."`
	Detail   string          `json:"detail" doc:"What to look at: of a policy its file."`
	Leaf     []byte          `json:"leaf,omitempty" doc:"The leaf that the log will bear, at place 0: what the digest is of. None for a template; of a training job its card; of opt-outs, which the log says nothing of, the text that is approved; of a look at noise the digest is the root in it."`
	Digest   string          `json:"digest" doc:"SHA-256 that an approval binds."`
	By       []string        `json:"by" doc:"The principals who ask for it; their approvals do not count."`
	Approved []ApprovalEntry `json:"approved" doc:"Approvals that hold now."`
	Barred   []string        `json:"barred,omitempty" doc:"The people whose approvals do not count: they asked for it, or it gives them something."`
	Replaces string          `json:"replaces,omitempty" doc:"Of a policy that waits: the digest of the one in force, which is listed too."`
	Since    *Since          `json:"since,omitempty" doc:"Of the policy that the log has in force: the leaf that put it there. One that waits names that leaf too, as what it replaces."`
	InForce  bool            `json:"in_force" doc:"It has the approvals it needs and is used."`
}

// Since is the leaf that put a policy in force.
type Since struct {
	Leaf int64     `json:"leaf" doc:"Its place in the log."`
	Time time.Time `json:"time"`
}

// ApprovalEntry is an approval that holds.
type ApprovalEntry struct {
	Person string    `json:"person"`
	Until  time.Time `json:"until"`
}

// Statement is an approval or its revocation as it is sent. The signature is Ed25519
// over the nine lines that ledger.Approve.Statement gives.
type Statement struct {
	Subject   string    `json:"subject" maxLength:"20"`
	Digest    string    `json:"digest" pattern:"^[0-9a-f]{64}$"`
	Name      string    `json:"name" minLength:"1" maxLength:"500"`
	Approver  string    `json:"approver" minLength:"1" maxLength:"64" doc:"The person."`
	Revoked   bool      `json:"revoked"`
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	Signature string    `json:"signature" minLength:"1" maxLength:"200"`
}

// ProposalList is the body of GET /v1/proposals.
type ProposalList struct {
	Population string     `json:"population" doc:"What every statement names."`
	Proposals  []Proposal `json:"proposals"`
	Notes      []string   `json:"notes,omitempty" doc:"What is wrong with files of the domain that were to hold a proposal. They are passed over."`
}

const approvalsPath = "/v1/approvals"

type proposalsOutput struct{ Body ProposalList }

type approveOutput struct {
	Body struct {
		Leaf int64 `json:"leaf" doc:"Its APPROVE leaf in the log; -1 for opt-outs, whose approvals are kept beside the list."`
	}
}

func (s *Server) routeApprovals() {
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "list-proposals", Method: http.MethodGet, Path: "/v1/proposals", Tags: []string{"approvals"},
		Summary: "What waits for the approvals of two people, and what rests on them",
	}), func(ctx context.Context, _ *struct{}) (*proposalsOutput, error) {
		list, err := s.Approvals.Proposals(caller(ctx))
		if err != nil {
			return nil, s.fail(err)
		}
		return &proposalsOutput{list}, nil
	})
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "approve", Method: http.MethodPost, Path: approvalsPath, Tags: []string{"approvals"},
		Summary: "Approve something, or take an approval back, by a signed statement", DefaultStatus: http.StatusCreated,
	}), func(ctx context.Context, in *struct{ Body Statement }) (*approveOutput, error) {
		b := in.Body
		leaf, err := s.Approvals.Approve(ctx, caller(ctx), ledger.Approve{
			Subject: b.Subject, Digest: b.Digest, Name: b.Name, Approver: b.Approver, Revoked: b.Revoked,
			Made: b.Made.UTC(), Expires: b.Expires.UTC(), Signature: b.Signature,
		})
		if err != nil {
			return nil, s.fail(err)
		}
		out := &approveOutput{}
		out.Body.Leaf = leaf
		return out, nil
	})
}

// Proposals asks what waits for approvals.
func (c *Client) Proposals(ctx context.Context) (ProposalList, error) {
	var out ProposalList
	return out, c.call(ctx, http.MethodGet, "/v1/proposals", nil, nil, &out)
}

// Approve sends a signed statement and gives its leaf.
func (c *Client) Approve(ctx context.Context, a ledger.Approve) (int64, error) {
	in := Statement{a.Subject, a.Digest, a.Name, a.Approver, a.Revoked, a.Made, a.Expires, a.Signature}
	var out struct {
		Leaf int64 `json:"leaf"`
	}
	err := c.call(ctx, http.MethodPost, approvalsPath, nil, in, &out)
	return out.Leaf, err
}
