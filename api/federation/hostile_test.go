package federation

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// hostile is a client whose coordinator answers as it likes.
func hostile(t testing.TB, answer http.HandlerFunc, timeout time.Duration) *Client {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices only then that a client has gone
		answer(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	s.StartTLS()
	t.Cleanup(s.Close)
	c, err := NewClient(ClientOptions{
		URL: s.URL, CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), Key: newKey(t), Timeout: timeout,
	})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// calls are everything a node asks of a coordinator.
func calls(c *Client, e *Enrolment) map[string]func() error {
	tr := c.Transport(secagg.Hash{1})
	return map[string]func() error{
		"poll":  func() error { _, _, err := tr.Poll(ctx, federated.Place{}); return err },
		"fetch": func() error { _, err := tr.Fetch(ctx, federated.Place{}); return err },
		"card":  func() error { _, err := c.Card(ctx, secagg.Hash{1}); return err },
		"jobs":  func() error { _, err := c.Jobs(ctx); return err },
		"enrol": func() error { _, err := c.Enrol(ctx, e); return err },
		"state": func() error { _, err := c.EnrolmentState(ctx, e); return err },
	}
}

// Endless, slow, cut and refused answers are errors, within time and memory.
func TestAttackAnswers(t *testing.T) {
	w := newWorld(t)
	e := w.enrolment(0)
	endless := func(status int, media, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", media)
			w.WriteHeader(status)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(text, 1000)); err != nil {
					return
				}
			}
		}
	}
	for name, x := range map[string]struct {
		answer  http.HandlerFunc
		timeout time.Duration
		but     string // a call that it does not harm
	}{
		"endless zeros":   {endless(200, mediaBinary, "\x00\x00\x00\x00"), 20 * time.Second, ""},
		"endless JSON":    {endless(200, mediaJSON, `{"jobs":[`), 20 * time.Second, ""},
		"endless problem": {endless(500, "application/problem+json", `{"title":"x",`), 20 * time.Second, ""},
		"slow": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "q")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, 300 * time.Millisecond, ""},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 300 * time.Millisecond, ""},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(sampleFeed()[:100])
		}, 20 * time.Second, ""},
		"a long length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.FormatInt(1<<50, 10))
		}, 20 * time.Second, ""},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, 20 * time.Second, ""},
		"a redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusSeeOther)
		}, 20 * time.Second, ""},
		"empty":      {func(http.ResponseWriter, *http.Request) {}, 20 * time.Second, "fetch"},
		"no content": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 20 * time.Second, "fetch"},
		"long headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, 20 * time.Second, ""},
	} {
		c := hostile(t, x.answer, x.timeout)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for call, f := range calls(c, e) {
			start := time.Now()
			err := f()
			if took := time.Since(start); (err == nil) != (x.but == call) || took > 10*time.Second {
				t.Errorf("%s, %s: %v after %v", name, call, err, took)
			}
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 128<<20 {
			t.Errorf("%s: %d MB were allocated", name, grown>>20)
		}
	}
}

// A redirect is not followed: what is signed for one coordinator goes to no other.
func TestAttackRedirect(t *testing.T) {
	var seen atomic.Int64
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	t.Cleanup(other.Close) // its certificate is the same as the hostile one's
	for _, status := range []int{http.StatusMovedPermanently, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		c := hostile(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+r.URL.Path, status) }, 20*time.Second)
		tr := c.Transport(secagg.Hash{1})
		if _, err := tr.Fetch(ctx, federated.Place{}); err == nil || seen.Load() != 0 {
			t.Errorf("%d: %v, followed %d times", status, err, seen.Load())
		}
		if err := tr.Post(ctx, federated.Posting{}); err == nil || seen.Load() != 0 {
			t.Errorf("%d: %v, followed %d times", status, err, seen.Load())
		}
	}
}

// A list that is small on the way must not be large in memory.
func TestAttackLists(t *testing.T) {
	for name, text := range map[string]string{
		"many entries": `{"jobs":[` + strings.Repeat("{},", 600_000) + `{}]}`,
		"deep":         `{"jobs":[` + strings.Repeat("[", 1_000_000),
		"other":        `{"nodes":[]}`,
		"more":         `{"jobs":[],"jobs":[]}`,
		"no list":      `{"jobs":{}}`,
		"cut":          `{"jobs":[{}`,
	} {
		c := hostile(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }, 20*time.Second)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := c.Jobs(ctx)
		mustBe(t, err, ErrAnswer)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 48<<20 {
			t.Errorf("%s: %d MB were allocated", name, grown>>20)
		}
	}
}

// 2,000 garbled answers over the wire itself: errors or bounded items, never a panic.
func TestAttackGarbledAnswers(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	good := sampleFeed()
	var now []byte
	c := hostile(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(now) }, 20*time.Second)
	tr := c.Transport(secagg.Hash{1})
	for range 2000 {
		now = garble(random, good)
		items, _, err := tr.Poll(ctx, federated.Place{})
		if err != nil && !errors.Is(err, ErrAnswer) || len(items) > federated.PollItems {
			t.Fatalf("%d items, %v", len(items), err)
		}
	}
}

// Another card than the one asked for is not taken, however good it is.
func TestAttackOtherCard(t *testing.T) {
	w := newWorld(t)
	text, err := w.card.JSON()
	must(t, err)
	job, err := w.card.Digest()
	must(t, err)
	for name, body := range map[string]string{
		"the card": string(text), "spaces": string(text) + "\n", "other": strings.Replace(string(text), "6000", "6001", 1), "none": "",
	} {
		c := hostile(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }, 20*time.Second)
		card, err := c.Card(ctx, job)
		if (name == "the card") != (err == nil && card != nil) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.Card(ctx, secagg.Hash{1}); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s for another job: %v", name, err)
		}
	}
}

// A hostile coordinator's certificate: for another name or key, or of another authority.
func TestAttackCertificates(t *testing.T) {
	w := newWorld(t)
	e, other := w.enrolment(0), w.enrolment(1)
	twin := *w.parties[0]
	twin.tls = newTLSKey(t)
	again, err := NewEnrolment(EnrolmentOptions{Name: twin.name, Organisation: twin.organisation, Key: twin.key, Owner: publicOf(twin.owner), TLS: twin.tls})
	must(t, err)
	namesake, err := NewEnrolment(EnrolmentOptions{Name: "node-9", Organisation: "x", Key: newKey(t), Owner: publicOf(newKey(t)), TLS: w.parties[0].tls})
	must(t, err)
	foreign, err := OpenAuthority(AuthorityOptions{Dir: t.TempDir(), Hosts: []string{"x"}})
	must(t, err)
	approve := func(a *Authority, e *Enrolment) string {
		s, err := a.Enrol(e)
		must(t, err)
		s, err = a.Approve(s.ID, e.Fingerprint())
		must(t, err)
		return s.Certificate
	}
	good, _ := w.authority.Enrol(e)
	for name, x := range map[string]struct {
		change func(*EnrolmentState)
		ok     bool
	}{
		"good":             {func(s *EnrolmentState) { s.Certificate = approve(w.authority, e) }, true},
		"pending":          {func(*EnrolmentState) {}, true},
		"another's":        {func(s *EnrolmentState) { s.Certificate = approve(w.authority, other) }, false},
		"another name":     {func(s *EnrolmentState) { s.Certificate = approve(w.authority, namesake) }, false},
		"another key":      {func(s *EnrolmentState) { s.Certificate = approve(w.authority, again) }, false},
		"other authority":  {func(s *EnrolmentState) { s.Certificate = approve(foreign, e) }, false},
		"authority itself": {func(s *EnrolmentState) { s.Certificate = string(w.authority.Certificate()) }, false},
		"server's": {func(s *EnrolmentState) {
			s.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.authority.server.Leaf.Raw}))
		}, false},
		"no PEM":      {func(s *EnrolmentState) { s.Certificate = "x" }, false},
		"another id":  {func(s *EnrolmentState) { s.ID = other.ID() }, false},
		"fingerprint": {func(s *EnrolmentState) { s.Fingerprint = other.Fingerprint() }, false},
	} {
		s := good
		x.change(&s)
		c := hostile(t, func(w http.ResponseWriter, _ *http.Request) { _ = reply(w, 200, s) }, 20*time.Second)
		c.roots = w.client(nil).roots
		if _, err := c.EnrolmentState(ctx, e); (err == nil) != x.ok || err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A node is not stopped, and nothing of it is lost, by a coordinator that answers
// rubbish: it says so and tries again.
func TestNodeOutlivesRubbish(t *testing.T) {
	w := newWorld(t)
	t.Cleanup(w.closeLedgers)
	random := rand.New(rand.NewPCG(5, 6))
	feed := appendFeed(nil, []federated.Item{
		{Sort: federated.SortNotice, Body: []byte("{}")}, {Sort: federated.SortMessage, Attempt: 1, Body: make([]byte, 200)}, {Sort: federated.SortPart},
	}, federated.Place{Epoch: 5, At: 3})
	c := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if random.IntN(2) == 0 {
			w.WriteHeader(400 + random.IntN(200))
		}
		_, _ = w.Write(garble(random, feed))
	}, 20*time.Second)
	job, err := w.card.Digest()
	must(t, err)
	n := w.open(0, c.Transport(job))
	defer func() { must(t, n.Close()) }()
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err = n.Run(short, time.Millisecond)
	// Garbling can make an end of an item; a coordinator may end a job at any time.
	if !errors.Is(err, context.DeadlineExceeded) && n.Stopped() != "the coordinator ended the job: other" && n.Stopped() != "other" {
		t.Errorf("%v, stopped %q", err, n.Stopped())
	}
	if n.Status().Attempt != 0 || n.Done() {
		t.Errorf("%+v", n.Status())
	}
}
