package federation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// JobStatus is how far a job is, for people. Nodes are named as on the card.
type JobStatus struct {
	Job      string   `json:"job"`  // the card's digest in hex
	Name     string   `json:"name"` // the card's job
	Nodes    []string `json:"nodes"`
	Approved int      `json:"approved"` // nodes whose owners approved
	Ready    int      `json:"ready"`    // nodes whose data keep the contract
	// Unapproved and Unready are the nodes that the job waits for before it begins.
	Unapproved []string `json:"unapproved"`
	Unready    []string `json:"unready"`
	// Waits is what nodes say that they wait for, such as the limits of their operators.
	Waits map[string]string `json:"waits,omitempty"`
	// Seen is the minute in which a node was last heard from, since the coordinator was
	// started.
	Seen    map[string]time.Time `json:"seen,omitempty"`
	Round   int                  `json:"round"` // from 0; the number of rounds when all are done
	Rounds  int                  `json:"rounds"`
	Attempt uint64               `json:"attempt"`
	Phase   string               `json:"phase"`
	Missing []string             `json:"missing"` // nodes that the phase waits for
	Burnt   int                  `json:"burnt"`   // attempts that were charged and gave no sum
	Done    bool                 `json:"done"`
	Ended   string               `json:"ended,omitempty"` // why it stopped without a model
}

// Digest is the job's digest. ErrAnswer if it is none.
func (s JobStatus) Digest() (secagg.Hash, error) { return parseJob(s.Job) }

// Jobs are the jobs whose card names this node's key; for an administrator all.
func (c *Client) Jobs(ctx context.Context) ([]JobStatus, error) {
	return list[JobStatus](ctx, c, "jobs")
}

// Status is how far a job is, for its members and the administrator. Nobody needs to
// believe it.
func (c *Client) Status(ctx context.Context, job secagg.Hash) (JobStatus, error) {
	var out JobStatus
	return out, c.callJSON(ctx, http.MethodGet, "jobs/"+job.String(), nil, maxCard, &out)
}

// Card is a job's card. ErrAnswer unless it has the digest that is asked for.
func (c *Client) Card(ctx context.Context, job secagg.Hash) (*federated.Card, error) {
	b, err := c.call(ctx, http.MethodGet, "jobs/"+job.String()+"/card", nil, "", maxCard)
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(b) != job {
		return nil, fmt.Errorf("%w: the card has another digest", ErrAnswer)
	}
	card, err := federated.ReadCard(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return card, nil
}

// Transport carries a node's side of a job. Its Post gives the errors that
// federated.Direct gives where a posting will never be taken, and others where it may be
// later.
func (c *Client) Transport(job secagg.Hash) federated.Transport {
	return transport{c, "jobs/" + job.String() + "/"}
}

type transport struct {
	c    *Client
	path string
}

// Post sends one posting.
func (t transport) Post(ctx context.Context, p federated.Posting) error {
	_, err := t.c.call(ctx, http.MethodPost, t.path+"postings", appendPosting(nil, p), mediaBinary, maxProblem)
	var problem *api.Problem
	if errors.As(err, &problem) && problem.Name() == "too-large" {
		// No right posting is: it will not be taken however often it is sent.
		return fmt.Errorf("%w: %w", federated.ErrWire, problem)
	}
	return err
}

// Poll reads the feed. ErrAnswer for what is no feed.
func (t transport) Poll(ctx context.Context, from federated.Place) ([]federated.Item, federated.Place, error) {
	b, err := t.c.call(ctx, http.MethodGet, fmt.Sprintf("%sfeed?epoch=%d&at=%d", t.path, from.Epoch, from.At), nil, "", maxFeed)
	if err != nil {
		return nil, from, err
	}
	items, next, err := parseFeed(b)
	if err != nil {
		return nil, from, err
	}
	return items, next, nil
}

// Fetch reads one item. ErrAnswer for one that is longer than any can be.
func (t transport) Fetch(ctx context.Context, at federated.Place) ([]byte, error) {
	return t.c.call(ctx, http.MethodGet, fmt.Sprintf("%sitems/%d/%d", t.path, at.Epoch, at.At), nil, "", maxItem)
}
