package api

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how many requests are taken: PerSecond on average, Burst at once. The
// zero Rate takes all.
type Rate struct {
	PerSecond float64
	Burst     int
}

// strangerRate is how often one address may show credentials that are not accepted.
// Guessing a token is hopeless; what it costs this server is bounded.
var strangerRate = Rate{PerSecond: 5, Burst: 50}

// limits keeps a token bucket for each name. Names that have not been heard of for
// long enough to have a full bucket again are forgotten.
type limits struct {
	rate Rate
	now  func() time.Time

	mu    sync.Mutex
	known map[string]*rate.Limiter
}

// maxNames is how many names are kept; beyond it those with full buckets go, and
// where all are in use strangers share one.
const maxNames = 10_000

func newLimits(r Rate, now func() time.Time) *limits {
	return &limits{rate: r, now: now, known: map[string]*rate.Limiter{}}
}

// allow takes one request off a name's bucket, if there is one in it.
func (l *limits) allow(name string) bool {
	if l.rate == (Rate{}) {
		return true
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.known[name]
	if bucket == nil && len(l.known) >= maxNames {
		l.forget(now)
	}
	if bucket == nil && len(l.known) >= maxNames {
		name = "" // nobody's name
		bucket = l.known[name]
	}
	if bucket == nil {
		bucket = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		l.known[name] = bucket
	}
	return bucket.AllowN(now, 1)
}

func (l *limits) forget(now time.Time) {
	for name, bucket := range l.known {
		if bucket.TokensAt(now) >= float64(l.rate.Burst) {
			delete(l.known, name)
		}
	}
}

// peer is where a request comes from: an IPv4 address, or the /64 of an IPv6
// address, of which one host has as many as it likes.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	bits := 64
	if a = a.Unmap(); a.Is4() {
		bits = 32
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
