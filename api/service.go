package api

import (
	"context"
	"errors"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries"
)

// Service answers requests; *queries.Runner is one. Ids of other principals
// must be as unknown to it as ids that were never given.
type Service interface {
	// Estimate prices a request. Nothing is charged.
	Estimate(ctx context.Context, principal string, r queries.Request) (*queries.Estimate, error)
	// Ask charges a request and starts it, or finds the stored release that
	// answers it. With an error nothing was charged.
	Ask(ctx context.Context, principal string, r queries.Request, idempotency string) (queries.Ticket, error)
	// Wait returns when the request is released or abandoned, or ctx ends.
	Wait(ctx context.Context, principal, id string) (queries.Ticket, error)
	// Status tells where a request stands.
	Status(principal, id string) (queries.Ticket, error)
	// Cancel ends the caller's interest in a running request. What it was charged
	// stays spent, and the answer still appears at its slot.
	Cancel(principal, id string) error
	// Answer gives the stored bytes of the release that answers a request.
	Answer(principal, id string) ([]byte, error)
	// Receipt gives the JSON of that release's receipt.
	Receipt(ctx context.Context, principal, id string) ([]byte, error)
	// Budgets lists what every scope of the population has left.
	Budgets() []queries.ScopeShare
}

// Principals knows who is in the policy; *policy.Policy is one.
type Principals interface {
	// Organisation is a principal's organisation, "" for one not in the policy.
	Organisation(principal string) string
}

var (
	_ Service    = (*queries.Runner)(nil)
	_ Principals = (*policy.Policy)(nil)
	_ TokenStore = (*Tokens)(nil)
)

// TokenStore tells whose token a caller shows; *Tokens is one.
type TokenStore interface {
	// Principal is the owner of a token, or ErrToken. Any other error means
	// that the tokens cannot be read.
	Principal(token string) (string, error)
}

// ErrToken means that a token is unknown, malformed or expired; which of them
// is told to nobody.
var ErrToken = errors.New("token not accepted")
