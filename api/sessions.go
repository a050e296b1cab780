package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A session ends when it has not been used for sessionIdle, or is sessionLife old.
const (
	sessionIdle = 30 * time.Minute
	sessionLife = 8 * time.Hour
	// A principal has at most maxSessions; a new one ends the oldest.
	maxSessions = 16
	// signInLife is how long a sign-in may take, and maxSignIns how many may be under
	// way at once; a new one ends the oldest.
	signInLife = 10 * time.Minute
	maxSignIns = 1000
)

// Names of cookies. The prefix makes browsers refuse one that was set without TLS or
// by another host; on plain HTTP, for this machine only, it cannot be had.
const (
	sessionCookie = "qunxiang-session"
	signInCookie  = "qunxiang-sign-in"
	hostPrefix    = "__Host-"
)

// session is a browser whose user has shown who he is.
type session struct {
	id        [32]byte // SHA-256 of the cookie's value, which is kept nowhere
	principal string
	still     func() bool // the credential that began it is still accepted
	made      time.Time
	used      time.Time
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.made) >= sessionLife || now.Sub(s.used) >= sessionIdle
}

// signIn is a sign-in under way at a provider.
type signIn struct {
	id      [32]byte
	attempt Attempt
	to      string // path to go to afterwards
	made    time.Time
}

// sessions are kept in memory only: a restart ends them all.
type sessions struct {
	now func() time.Time

	mu      sync.Mutex
	open    []*session // oldest first
	signIns []*signIn  // oldest first
}

// newSecret is the value of a cookie and what it is known by here.
func newSecret() (value string, id [32]byte) {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	value = base64.RawURLEncoding.EncodeToString(b[:])
	return value, sha256.Sum256([]byte(value))
}

// begin makes a session and gives its cookie's value.
func (s *sessions) begin(principal string, still func() bool) string {
	value, id := newSecret()
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	own := 0
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i].principal != principal {
			continue
		}
		if own++; own >= maxSessions {
			s.open = slices.Delete(s.open, i, i+1)
		}
	}
	s.open = append(s.open, &session{id: id, principal: principal, still: still, made: now, used: now})
	return value
}

func (s *sessions) sweep(now time.Time) {
	s.open = slices.DeleteFunc(s.open, func(x *session) bool { return x.over(now) })
	s.signIns = slices.DeleteFunc(s.signIns, func(x *signIn) bool { return now.Sub(x.made) >= signInLife })
}

// principal is whose session a request shows, "" where it is not accepted; shown
// says that there is one. It is used by it.
func (s *sessions) principal(r *http.Request) (name string, shown bool) {
	return s.find(r, true)
}

// look is principal for a request that goes on, which does not keep its session.
func (s *sessions) look(r *http.Request) (name string, shown bool) {
	return s.find(r, false)
}

func (s *sessions) find(r *http.Request, use bool) (name string, shown bool) {
	value := cookie(r, sessionCookie)
	if value == "" {
		return "", false
	}
	id, now := sha256.Sum256([]byte(value)), s.now()
	s.mu.Lock()
	i := slices.IndexFunc(s.open, func(x *session) bool { return x.id == id })
	if i < 0 || s.open[i].over(now) {
		s.mu.Unlock()
		return "", true
	}
	x := s.open[i]
	if use {
		x.used = now
	}
	s.mu.Unlock()
	if !x.still() { // may read a file: not under the lock
		s.end(r)
		return "", true
	}
	return x.principal, true
}

// end ends the session that a request shows.
func (s *sessions) end(r *http.Request) {
	id := sha256.Sum256([]byte(cookie(r, sessionCookie)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(x *session) bool { return x.id == id })
}

// keep remembers a sign-in under way and gives its cookie's value.
func (s *sessions) keep(a Attempt, to string) string {
	value, id := newSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(s.now())
	if len(s.signIns) >= maxSignIns {
		s.signIns = slices.Delete(s.signIns, 0, 1)
	}
	s.signIns = append(s.signIns, &signIn{id: id, attempt: a, to: to, made: s.now()})
	return value
}

// take gives the sign-in that a request belongs to, once.
func (s *sessions) take(r *http.Request) *signIn {
	id := sha256.Sum256([]byte(cookie(r, signInCookie)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(s.now())
	i := slices.IndexFunc(s.signIns, func(x *signIn) bool { return x.id == id })
	if i < 0 {
		return nil
	}
	found := s.signIns[i]
	s.signIns = slices.Delete(s.signIns, i, i+1)
	return found
}

// cookie is the value of a cookie of this server, "" where there is none or several.
func cookie(r *http.Request, name string) string {
	if r.TLS != nil {
		name = hostPrefix + name
	}
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// setCookie gives a browser a cookie that no script reads and no other site's
// request carries, but for a link to here; "" takes it away.
func setCookie(w http.ResponseWriter, r *http.Request, name, value string) {
	putCookie(w, r, name, value, http.SameSiteLaxMode)
}

// putCookie is setCookie with a word on links from other sites.
func putCookie(w http.ResponseWriter, r *http.Request, name, value string, site http.SameSite) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: site}
	if r.TLS != nil {
		c.Name, c.Secure = hostPrefix+name, true
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
