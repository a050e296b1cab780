package api

import (
	"errors"
	"slices"
	"strings"
)

// TokenInfo is a token as the file has it, without the token.
type TokenInfo struct {
	Principal string `json:"principal"`
	Digest    string `json:"digest"`            // 64 hex digits of its SHA-256
	Created   string `json:"created"`           // RFC 3339
	Expires   string `json:"expires,omitempty"` // RFC 3339; "" for never
	Expired   bool   `json:"expired"`
}

// errNoSuchToken refuses a name that is of no token.
var errNoSuchToken = errors.New("there is no such token")

// List gives all tokens, in the order of the file.
func (t *Tokens) List() ([]TokenInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(); err != nil {
		return nil, err
	}
	out := []TokenInfo{}
	for _, e := range t.known {
		out = append(out, TokenInfo{e.Principal, strings.TrimPrefix(e.Digest, digestPrefix), e.Created, e.Expires, e.expired(t.now())})
	}
	return out, nil
}

// Revoke takes out the tokens that are meant, and says how many they were; an error for
// none. They count no more from the next request on.
func (t *Tokens) Revoke(meant func(TokenInfo) bool) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lock, err := lockTokens(t.path)
	if err != nil {
		return 0, err
	}
	defer lock.release()
	t.seen = nil // whatever the file says now counts
	if err := t.refresh(); err != nil {
		return 0, err
	}
	left := slices.DeleteFunc(slices.Clone(t.known), func(e tokenEntry) bool {
		return meant(TokenInfo{e.Principal, strings.TrimPrefix(e.Digest, digestPrefix), e.Created, e.Expires, e.expired(t.now())})
	})
	gone := len(t.known) - len(left)
	if gone == 0 {
		return 0, errNoSuchToken
	}
	return gone, lock.replace(left)
}
