package witness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a witness behind HTTP; between may change or drop what passes.
type peer struct {
	o       Options
	w       *Witness
	server  *httptest.Server
	between atomic.Pointer[func(next http.Handler, rw http.ResponseWriter, r *http.Request)]
	asked   atomic.Int64
}

func newPeer(t testing.TB, name string, l *edKey) *peer {
	t.Helper()
	p := &peer{o: begin(t, name, l, nil)}
	p.w = open(t, p.o)
	p.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if f := p.between.Load(); f != nil {
			(*f)(p.w.Handler(), rw, r)
			return
		}
		p.w.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *peer) client(t testing.TB) *Client {
	t.Helper()
	c, err := NewClient(ClientOptions{URL: p.server.URL + "/", Key: p.o.Cosigner.VerifierKey(), Timeout: 5 * time.Second})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

func (p *peer) set(f func(next http.Handler, rw http.ResponseWriter, r *http.Request)) {
	p.between.Store(&f)
}

// away answers nothing usable.
func away(_ http.Handler, rw http.ResponseWriter, _ *http.Request) {
	rw.WriteHeader(http.StatusServiceUnavailable)
}

// quorumOf asks the peers, any need of which suffice.
func quorumOf(t testing.TB, key *edKey, need int, peers ...*peer) (*Quorum, *said) {
	t.Helper()
	s := &said{}
	o := QuorumOptions{Quorum: need, Keys: []string{key.text}, Origin: key.Name(), Timeout: 3 * time.Second,
		Say: func(name string, err error) { fmt.Fprintf(s, "%s: %v\n", name, err) }}
	for _, p := range peers {
		o.Witnesses = append(o.Witnesses, p.client(t))
	}
	q, err := NewQuorum(o)
	must(t, err)
	t.Cleanup(q.Close)
	return q, s
}

func threePeers(t testing.TB, key *edKey) []*peer {
	return []*peer{newPeer(t, "a", key), newPeer(t, "b", key), newPeer(t, "c", key)}
}

func TestQuorum(t *testing.T) {
	key := newEdKey(t, origin, "log")
	peers := threePeers(t, key)
	q, told := quorumOf(t, key, 2, peers...)
	l := newTree(t, key)
	var signed []byte
	for i := range 5 {
		peers[2].between.Store(nil)
		if i%2 == 1 {
			peers[2].set(away)
		}
		l.grow(t, 3, "")
		b, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
		must(t, err)
		if found, err := q.policy.Check(b, time.Now()); err != nil || len(found) != 2 {
			t.Fatal(found, err)
		}
		if n, err := note.Open(b, note.VerifierList(key)); err != nil || len(n.UnverifiedSigs) != 2 {
			t.Fatal("the log's own signature:", err)
		}
		signed = b
	}
	q.Close() // those that were not waited for have answered
	if !strings.Contains(told.String(), "c: ") || strings.Contains(told.String(), "a: ") {
		t.Errorf("told: %s", told)
	}

	// the others away: not silent, and named
	q, told = quorumOf(t, key, 2, peers...)
	peers[0].set(away)
	peers[2].server.CloseClientConnections()
	peers[2].server.Close()
	_, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
	var short *QuorumError
	if !errors.As(err, &short) || short.Have != 1 || !errors.Is(err, ErrAnswer) || !strings.HasSuffix(err.Error(), "1 of the 2 needed, without a, c") {
		t.Fatal(err)
	}
	if !strings.Contains(told.String(), "c: ") || !strings.Contains(told.String(), "a: ") {
		t.Errorf("told: %s", told)
	}

	// back again: what was cosigned is cosigned anew, and once on the note
	peers[0].between.Store(nil)
	b, err := q.Cosign(ctx, signed, l.prove)
	must(t, err)
	n, err := note.Open(b, note.VerifierList(key))
	must(t, err)
	if len(n.UnverifiedSigs) != 2 {
		t.Errorf("%d cosignatures of two witnesses:\n%s", len(n.UnverifiedSigs), b)
	}
}

// A witness that is asked anew names its size, and is asked once more from there. An
// answer that was lost after the state was kept is asked for again in the same way.
func TestNamedSize(t *testing.T) {
	key := newEdKey(t, origin, "log")
	p := newPeer(t, "a", key)
	l := newTree(t, key).grow(t, 5, "")
	q, _ := quorumOf(t, key, 1, p)
	_, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
	must(t, err)
	again, _ := quorumOf(t, key, 1, p)
	before := p.asked.Load()
	_, err = again.Cosign(ctx, l.grow(t, 3, "").checkpoint(t), l.prove)
	must(t, err)
	if n := p.asked.Load() - before; n != 2 {
		t.Errorf("asked %d times", n)
	}
	p.set(func(next http.Handler, _ http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(httptest.NewRecorder(), r) // kept, and then the process dies
		panic(http.ErrAbortHandler)
	})
	if _, err = again.Cosign(ctx, l.grow(t, 3, "").checkpoint(t), l.prove); !errors.Is(err, ErrQuorum) {
		t.Fatal(err)
	}
	p.between.Store(nil)
	_, err = again.Cosign(ctx, l.checkpoint(t), l.prove)
	must(t, err)

	// one that names another size each time is not asked for ever
	var n atomic.Int64
	p.set(func(_ http.Handler, rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", n.Add(1))
	})
	if _, err = again.Cosign(ctx, l.checkpoint(t), l.prove); !errors.Is(err, ErrConflict) || n.Load() != 2 {
		t.Errorf("asked %d times: %v", n.Load(), err)
	}
}

// What is no cosignature of this checkpoint, by this witness and of now, is no answer.
func TestBadAnswers(t *testing.T) {
	key := newEdKey(t, origin, "log")
	p := newPeer(t, "a", key)
	c := p.client(t)
	l := newTree(t, key).grow(t, 5, "")
	b := l.checkpoint(t)
	text, _, err := splitNote(b)
	must(t, err)
	line := func(name, of, text string, when time.Time) string {
		own, err := NewCosigner(name, seed(of), at(when))
		must(t, err)
		sig, err := own.Sign([]byte(text))
		must(t, err)
		return signatureLine(name, own.KeyHash(), sig)
	}
	now := time.Now()
	good := line("a", "a", text, now)
	other := l.fork(t, 4).grow(t, 1, "x").checkpoint(t)
	otherText, _, _ := splitNote(other)
	for what, tt := range map[string]struct {
		status int
		kind   string
		body   string
		want   error
	}{
		"good":                             {200, "", good, nil},
		"good, beside a stranger's":        {200, "", line("s", "s", text, now) + good, nil},
		"nothing":                          {200, "", "", ErrAnswer},
		"no line":                          {200, "", "ok\n", ErrAnswer},
		"a line that does not end":         {200, "", good[:len(good)-1], ErrAnswer},
		"a stranger's":                     {200, "", line("s", "s", text, now), ErrAnswer},
		"a stranger's in its name":         {200, "", line("a", "s", text, now), ErrAnswer},
		"of another checkpoint":            {200, "", line("a", "a", otherText, now), ErrAnswer},
		"another checkpoint and its own":   {200, "", otherText + "\n" + line("a", "a", otherText, now), ErrAnswer},
		"of an hour ago":                   {200, "", line("a", "a", text, now.Add(-time.Hour)), ErrAnswer},
		"of the future":                    {200, "", line("a", "a", text, now.Add(time.Hour)), ErrAnswer},
		"without end":                      {200, "", strings.Repeat(good, MaxRequest/len(good)+2), ErrAnswer},
		"204":                              {204, "", "", ErrAnswer},
		"a redirect":                       {307, "", "", ErrAnswer},
		"busy":                             {503, "", "", ErrAnswer},
		"409 without a size":               {409, "text/plain", "5\n", ErrFork},
		"409 with a size":                  {409, "text/x.tlog.size", "5\n", ErrConflict},
		"409 with a size without its end":  {409, "text/x.tlog.size", "5", ErrAnswer},
		"409 with a size with a zero":      {409, "text/x.tlog.size", "05\n", ErrAnswer},
		"409 with a negative size":         {409, "text/x.tlog.size", "-5\n", ErrAnswer},
		"409 with a size past all numbers": {409, "text/x.tlog.size", "99999999999999999999\n", ErrAnswer},
		"400":                              {400, "", "", ErrMalformed},
		"403":                              {403, "", "", ErrSignature},
		"404":                              {404, "", "", ErrUnknownLog},
		"422":                              {422, "", "", ErrProof},
		"500":                              {500, "", "", ErrState},
	} {
		p.set(func(_ http.Handler, rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", tt.kind)
			rw.Header().Set("Location", "/elsewhere")
			rw.WriteHeader(tt.status)
			_, _ = rw.Write([]byte(tt.body))
		})
		got, err := c.Add(ctx, 0, nil, b)
		if !errors.Is(err, tt.want) || tt.want == nil && !cosignedBy(p.o.Cosigner.Verifier(), b, got) || tt.want != nil && got != nil {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	// an old cosignature on the checkpoint that is sent does not stand for the answer
	p.set(func(_ http.Handler, rw http.ResponseWriter, _ *http.Request) {})
	if _, err := c.Add(ctx, 0, nil, append(slices.Clone(b), good...)); !errors.Is(err, ErrAnswer) {
		t.Error("its own request for an answer:", err)
	}
	for _, address := range []string{"", "x", "ftp://host/", "https:///x", "https://u:p@host/", "https://host/?q"} {
		if _, err := NewClient(ClientOptions{URL: address, Key: c.Key()}); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// A witness that is slow holds nothing up: the quorum is met without it, it is asked for
// the newest checkpoint only, and no more than one request is under way.
func TestSlowWitness(t *testing.T) {
	key := newEdKey(t, origin, "log")
	peers := threePeers(t, key)
	l := newTree(t, key)
	open, under := make(chan struct{}), atomic.Int64{}
	peers[2].set(func(next http.Handler, rw http.ResponseWriter, r *http.Request) {
		if under.Add(1) > 1 {
			t.Error("two requests at once")
		}
		<-open
		under.Add(-1)
		next.ServeHTTP(rw, r)
	})
	q, told := quorumOf(t, key, 2, peers...)
	q.o.Timeout = 20 * time.Second
	for range 20 {
		l.grow(t, 1, "")
		_, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
		must(t, err)
	}
	if n := peers[2].asked.Load(); n > 1 {
		t.Errorf("asked %d times", n)
	}
	peers[2].between.Store(nil)
	close(open)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if states, _ := States(peers[2].o.Dir, peers[2].o.Cosigner.Verifier()); states[0].Size == 20 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it never caught up:", told)
		}
	}
}

// Nothing is given while the quorum is away, and no later than the timeout is said so;
// the caller's context ends it earlier.
func TestTimeout(t *testing.T) {
	key := newEdKey(t, origin, "log")
	p := newPeer(t, "a", key)
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	p.set(func(_ http.Handler, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	l := newTree(t, key).grow(t, 1, "")
	q, _ := quorumOf(t, key, 1, p)
	q.o.Timeout = 100 * time.Millisecond
	if _, err := q.Cosign(ctx, l.checkpoint(t), l.prove); !errors.Is(err, ErrQuorum) {
		t.Error(err)
	}
	q, _ = quorumOf(t, key, 1, p)
	q.o.Timeout = time.Minute
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := q.Cosign(soon, l.checkpoint(t), l.prove); !errors.Is(err, ErrQuorum) {
		t.Error(err)
	}
}

func TestCosignWhatIsNotOurs(t *testing.T) {
	key := newEdKey(t, origin, "log")
	p := newPeer(t, "a", key)
	q, _ := quorumOf(t, key, 1, p)
	for what, b := range map[string][]byte{
		"nothing": nil, "another key": newTree(t, newEdKey(t, origin, "stranger")).grow(t, 1, "").checkpoint(t),
		"another origin": newTree(t, newEdKey(t, "elsewhere", "log")).grow(t, 1, "").checkpoint(t),
	} {
		if _, err := q.Cosign(ctx, b, nil); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := p.asked.Load(); n != 0 {
		t.Error("asked", n)
	}
	c := p.client(t)
	for what, o := range map[string]QuorumOptions{
		"one witness twice": {Witnesses: []*Client{c, p.client(t)}, Quorum: 2, Keys: []string{key.text}, Origin: origin},
		"no key":            {Witnesses: []*Client{c}, Quorum: 1, Origin: origin},
		"no origin":         {Witnesses: []*Client{c}, Quorum: 1, Keys: []string{key.text}},
		"a bad key":         {Witnesses: []*Client{c}, Quorum: 1, Keys: []string{"x"}, Origin: origin},
	} {
		if _, err := NewQuorum(o); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Many checkpoints at once: each waits for its turn, and all are cosigned or skipped.
func TestCosignAtOnce(t *testing.T) {
	key := newEdKey(t, origin, "log")
	q, _ := quorumOf(t, key, 2, threePeers(t, key)...)
	l := newTree(t, key).grow(t, 3, "")
	b := l.checkpoint(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := q.Cosign(ctx, b, l.prove); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// Where not all of the policy's witnesses can be asked, as many must tell as before: those
// who were left out may be the ones who know.
func TestQuorumOfThePolicy(t *testing.T) {
	key := newEdKey(t, origin, "log")
	peers := threePeers(t, key)
	l := newTree(t, key)
	l.grow(t, 3, "")
	q, _ := quorumOf(t, key, 2, peers...)
	_, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
	must(t, err)
	o := QuorumOptions{Quorum: 2, Of: 3, Keys: []string{key.text}, Origin: key.Name(), Timeout: 3 * time.Second}
	for _, p := range peers[1:] {
		o.Witnesses = append(o.Witnesses, p.client(t))
	}
	some, err := NewQuorum(o)
	must(t, err)
	t.Cleanup(some.Close)
	_, err = some.Newest(ctx)
	must(t, err)
	peers[2].set(away)
	var short *QuorumError
	if _, err := some.Newest(ctx); !errors.As(err, &short) || short.Quorum != 2 || short.Have != 1 {
		t.Errorf("one of three has told: %v", err)
	}
	if _, err := q.Newest(ctx); err != nil {
		t.Errorf("two of three have told: %v", err)
	}
	o.Of = 1
	if _, err := NewQuorum(o); !errors.Is(err, ErrKey) {
		t.Errorf("two of one: %v", err)
	}
}
