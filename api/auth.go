package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/qunxiang/qunxiang/api/door"
)

// Marks of operations, in their metadata.
const (
	public    = "public"    // needs no token
	streaming = "streaming" // has no time limit
)

type callerKey struct{}

// caller is the principal that authenticate found.
func caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

// authenticate finds out whose token the request shows. Operations need one
// unless they are marked public. A token that is unknown, expired or of a
// principal who has left the policy gets the same answer as none.
func (s *Server) authenticate(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata[public] == true {
		next(ctx)
		return
	}
	c := humaecho.Unwrap(ctx)
	principal, err := s.Tokens.Principal(bearer(c.Request()))
	switch {
	case errors.Is(err, ErrToken), err == nil && s.Policy.Organisation(principal) == "":
		s.refuse(c, unauthenticated.problem())
		return
	case err != nil:
		s.Log.Error("tokens cannot be read", "error", err) // names the file, never a token
		s.refuse(c, unavailable.problem())
		return
	}
	door.Known(ctx.Context())
	c.Set(principalKey, principal)
	next(huma.WithValue(ctx, callerKey{}, principal))
}

// bearer is the token of the one Authorization header (RFC 6750), or "".
func bearer(r *http.Request) string {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// limited gives every operation that does not stream its time limit.
func (s *Server) limited(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata[streaming] == true {
		next(ctx)
		return
	}
	bounded, cancel := context.WithTimeout(ctx.Context(), s.Timeout)
	defer cancel()
	next(huma.WithContext(ctx, bounded))
}
