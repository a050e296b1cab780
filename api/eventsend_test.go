package api

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// leaving is callersKnown until what let somebody in no longer does.
type leaving struct {
	known
	token, person atomic.Bool // gone
}

func (l *leaving) Principal(ctx context.Context, token string) (string, error) {
	if l.token.Load() {
		return "", ErrToken
	}
	return l.known.Principal(ctx, token)
}

func (l *leaving) Organisation(principal string) string {
	if l.person.Load() {
		return ""
	}
	return l.known.Organisation(principal)
}

// A stream ends with what let its reader in: at the next heartbeat, or instead of the next
// event. The last state is not told then.
func TestStreamEndsWithItsCredential(t *testing.T) {
	for name, gone := range map[string]func(*leaving){
		"a token that is revoked":           func(l *leaving) { l.token.Store(true) },
		"a principal who leaves the policy": func(l *leaving) { l.person.Store(true) },
	} {
		for _, beat := range []time.Duration{5 * time.Millisecond, time.Hour} {
			l := &leaving{known: callersKnown}
			s, f := server(t, func(o *Options) { o.Heartbeat, o.Policy, o.Tokens = beat, l, l })
			r := f.add("insurer-a")
			res := open(t, listen(t, s), r.ID)
			eventually(t, func() bool { s.streams.mu.Lock(); defer s.streams.mu.Unlock(); return len(s.streams.open) == 1 })
			gone(l)
			if beat == time.Hour {
				f.end(r, queries.Released)
			}
			late := bounded(t, s)
			text := strings.ReplaceAll(readAll(t, res.Body), ": waiting\n\n", "")
			if want := "retry: 2000\n\n" + event(r, "running"); text != want {
				t.Errorf("%s, heartbeat %s: got %q", name, beat, text)
			}
			late()
		}
	}
}

// bounded closes a server whose stream does not end in three seconds, and says so.
func bounded(t *testing.T, s *Server) func() {
	end := time.AfterFunc(3*time.Second, s.Close)
	return func() {
		t.Helper()
		if !end.Stop() {
			t.Error("the stream did not end by itself")
		}
	}
}

// A stream does not keep its session, and ends with it.
func TestStreamEndsWithItsSession(t *testing.T) {
	var now atomic.Int64
	now.Store(noon.Unix())
	s, f := server(t, func(o *Options) {
		o.Heartbeat, o.Now = 5*time.Millisecond, func() time.Time { return time.Unix(now.Load(), 0) }
	})
	r := f.add("insurer-a")
	cookie := s.sessions.begin("insurer-a", func() bool { return true })
	q, err := http.NewRequest("GET", listen(t, s)+"/v1/queries/"+r.ID+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	res, err := http.DefaultClient.Do(q)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(err, res)
	}
	defer res.Body.Close()
	for range 2 { // used by the first request alone, however many beats there are
		now.Add(int64(sessionIdle.Seconds())/2 + 1)
		time.Sleep(50 * time.Millisecond)
	}
	defer bounded(t, s)()
	if text := readAll(t, res.Body); !strings.HasSuffix(text, ": waiting\n\n") || strings.Contains(text, "released") {
		t.Errorf("got %q", text)
	}
}
