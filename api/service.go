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
	// History lists what a principal was charged for, newest first, or of everybody for
	// whom may read the log.
	History(principal string) []queries.Asked
}

// Principals knows who is in the policy; *policy.Policy is one.
type Principals interface {
	// Organisation is a principal's organisation, "" for one not in the policy.
	Organisation(principal string) string
	// ByCertificate is the principal to whom the key of a client certificate is
	// pinned, "" for nobody. See KeyName.
	ByCertificate(key string) string
}

var (
	_ Service    = (*queries.Runner)(nil)
	_ Principals = (*policy.Policy)(nil)
	_ TokenStore = (*Tokens)(nil)
	_ TokenStore = Bearers(nil)
)

// TokenStore tells whose bearer token a caller shows; *Tokens is one.
type TokenStore interface {
	// Principal is the owner of a token, or ErrToken. Any other error means
	// that it cannot be told now.
	Principal(ctx context.Context, token string) (string, error)
}

// Bearers takes the tokens of several stores; of a token that two of them take, the
// first's word counts.
type Bearers []TokenStore

// Principal asks the stores in their order.
func (b Bearers) Principal(ctx context.Context, token string) (string, error) {
	for _, store := range b {
		who, err := store.Principal(ctx, token)
		if !errors.Is(err, ErrToken) {
			return who, err
		}
	}
	return "", ErrToken
}

// SignIn is how a browser's user shows who he is: the authorisation code flow of
// OpenID Connect.
type SignIn interface {
	// Begin gives the address to send the browser to, and what Finish needs.
	Begin(ctx context.Context) (address string, a Attempt, err error)
	// Finish redeems the code that the browser came back with and gives the
	// principal, or ErrToken. Any other error means that it cannot be told now. still
	// says later whether the account is still that principal's.
	Finish(ctx context.Context, code string, a Attempt) (principal string, still func() bool, err error)
}

// Attempt is one sign-in under way; all three are secret random texts.
type Attempt struct{ State, Nonce, Verifier string }

// ErrToken means that a token, certificate or session is unknown, malformed or
// expired; which of them is told to nobody.
var ErrToken = errors.New("credential not accepted")
