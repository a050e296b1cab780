package openid

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// fetcher is the way to the provider. A token that names an unknown key makes the
// library fetch the keys again; whoever sends many of them must not make this server
// pester the provider, so fetches are few.
type fetcher struct {
	next   http.RoundTripper
	few    *rate.Limiter
	failed atomic.Bool // the newest answer never came
}

func newFetcher(next http.RoundTripper) *fetcher {
	if next == nil {
		next = http.DefaultTransport
	}
	return &fetcher{next: next, few: rate.NewLimiter(rate.Every(time.Second), 10)}
}

var errOften = errors.New("openid: asked too often")

// RoundTrip fetches with GET when there has not been too much of that; other
// requests are sign-ins, of which each is somebody's own.
func (f *fetcher) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && !f.few.Allow() {
		return nil, errOften
	}
	res, err := f.next.RoundTrip(r)
	f.failed.Store(err != nil || res.StatusCode >= http.StatusInternalServerError)
	return res, err
}

// away says that the provider did not answer when it was last asked.
func (f *fetcher) away() bool { return f.failed.Load() }
