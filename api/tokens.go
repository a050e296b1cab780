package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// tokenPrefix begins every token, so that one that strays is found by scanners.
const tokenPrefix = "qx_"

// Tokens are the bearer tokens of a domain, in one file that only its owner may
// read: for each, the SHA-256 of a 256-bit random token (which needs no salt
// and no slow hash), its principal and dates. A change of the file counts from
// the next request on. It is safe for concurrent use.
type Tokens struct {
	path string
	now  func() time.Time

	mu    sync.Mutex
	seen  os.FileInfo // of the file as read; nil: there was none
	known []tokenEntry
}

// OpenTokens reads the file at path; one that does not exist holds no tokens.
// A nil now is time.Now. A file that others may read, or with anything in it
// that is not understood, is an error.
func OpenTokens(path string, now func() time.Time) (*Tokens, error) {
	if now == nil {
		now = time.Now
	}
	t := &Tokens{path: path, now: now}
	return t, t.refresh()
}

// Principal is the owner of a token that is known and not expired, or
// [ErrToken]. A file that has become unreadable is another error: then no
// token counts, because a revocation may be in it.
func (t *Tokens) Principal(_ context.Context, token string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(); err != nil {
		return "", err
	}
	digest := tokenDigest(token)
	owner, found := "", false
	for _, e := range t.known { // all of them, whichever fits
		if subtle.ConstantTimeCompare([]byte(e.Digest), []byte(digest)) == 1 && !e.expired(t.now()) {
			owner, found = e.Principal, true
		}
	}
	if !found || !strings.HasPrefix(token, tokenPrefix) {
		return "", ErrToken
	}
	return owner, nil
}

// Add makes a token for a principal and returns it: it cannot be read again.
// It expires at the time given, never where that is zero.
func (t *Tokens) Add(principal string, expires time.Time) (token string, err error) {
	if principal == "" {
		return "", errors.New("a token needs a principal")
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails: crypto/rand ends the process instead
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	e := tokenEntry{Principal: principal, Digest: tokenDigest(token), Created: t.now().UTC().Format(time.RFC3339)}
	if !expires.IsZero() {
		e.Expires = expires.UTC().Format(time.RFC3339)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.append(e); err != nil {
		return "", err
	}
	return token, nil
}

func tokenDigest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return digestPrefix + hex.EncodeToString(sum[:])
}

// refresh reads the file if it is another than the one read last.
func (t *Tokens) refresh() error {
	info, err := os.Stat(t.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		t.seen, t.known = nil, nil
		return nil
	case err != nil:
		return fmt.Errorf("tokens: %w", err)
	}
	if t.seen != nil && os.SameFile(t.seen, info) && t.seen.ModTime().Equal(info.ModTime()) && t.seen.Size() == info.Size() {
		return nil
	}
	t.seen, t.known = nil, nil
	known, err := readTokens(t.path)
	if err != nil {
		return err
	}
	t.seen, t.known = info, known
	return nil
}

// append adds an entry to the file, which is replaced as a whole: a reader sees
// the old or the new one.
func (t *Tokens) append(e tokenEntry) error {
	lock, err := lockTokens(t.path)
	if err != nil {
		return err
	}
	defer lock.release()
	t.seen = nil // whatever the file says now counts
	if err := t.refresh(); err != nil {
		return err
	}
	return lock.replace(append(t.known, e))
}
