package federation

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
)

// Each route takes so much and no more.
func TestBodiesAreBounded(t *testing.T) {
	w := newWorld(t)
	job := w.job()
	c, _ := w.host.Job(job)
	postings := root + "jobs/" + job.String() + "/postings"
	most := postingHead + c.MaxPosting()
	admin := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+adminToken) }
	filled := func(n int) []byte { return append([]byte{postingVersion, 9}, make([]byte, n-2)...) }
	for name, x := range map[string]struct {
		raw
		problem string
	}{
		"posting":            {raw{method: "POST", path: postings, media: mediaBinary, key: w.parties[0].key, body: filled(most)}, "item-malformed"},
		"posting, longer":    {raw{method: "POST", path: postings, media: mediaBinary, key: w.parties[0].key, body: filled(most + 1)}, "too-large"},
		"posting, empty":     {raw{method: "POST", path: postings, media: mediaBinary, key: w.parties[0].key}, "item-malformed"},
		"posting, version":   {raw{method: "POST", path: postings, media: mediaBinary, key: w.parties[0].key, body: make([]byte, 64)}, "item-malformed"},
		"posting, as JSON":   {raw{method: "POST", path: postings, media: mediaJSON, key: w.parties[0].key, body: filled(64)}, "media-type"},
		"card":               {raw{method: "POST", path: root + "jobs", media: mediaJSON, body: bytes.Repeat([]byte(" "), maxCard+1), change: admin}, "too-large"},
		"enrolment":          {raw{method: "POST", path: root + "enrolments", media: mediaJSON, body: bytes.Repeat([]byte(" "), maxEnrolment+1)}, "too-large"},
		"approval":           {raw{method: "POST", path: root + "enrolments/x/approval", media: mediaJSON, body: bytes.Repeat([]byte(" "), maxEnrolment+1), change: admin}, "too-large"},
		"approval, unknown":  {raw{method: "POST", path: root + "enrolments/x/approval", media: mediaJSON, body: []byte(`{"fingerprint":"a","b":1}`), change: admin}, "validation"},
		"approval, repeated": {raw{method: "POST", path: root + "enrolments/x/approval", media: mediaJSON, body: []byte(`{"fingerprint":"a","fingerprint":"b"}`), change: admin}, "malformed"},
	} {
		if status, problem := w.send(x.raw); problem != x.problem {
			t.Errorf("%s: %d %q, want %q", name, status, problem, x.problem)
		}
	}
}

// begun sends the head of a request that states a body of a length, and the first bytes of
// it, and then nothing; it gives what is answered and how long that took.
func (w *world) begun(r *http.Request, length int64, first string) (*http.Response, time.Duration) {
	w.t.Helper()
	conn := w.dial()
	must(w.t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	start := time.Now()
	_, err := io.WriteString(conn, header(r, length)+first)
	must(w.t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), r)
	must(w.t, err)
	b, err := io.ReadAll(res.Body)
	must(w.t, err)
	must(w.t, res.Body.Close())
	res.Body = io.NopCloser(bytes.NewReader(b))
	return res, time.Since(start)
}

// Nothing of a body is waited for before the sender is known, and from a member not for
// ever.
func TestSlowBodies(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.times = times{posting: 300 * time.Millisecond, small: 200 * time.Millisecond, refused: 50 * time.Millisecond}
	})
	path := root + "jobs/" + w.job().String() + "/postings"
	for name, x := range map[string]struct {
		path, media string
		key         bool
		problem     string
		wait        time.Duration
	}{
		"stranger":  {path, mediaBinary, false, "not-a-member", 0},
		"member":    {path, mediaBinary, true, "malformed", 300 * time.Millisecond},
		"enrolment": {root + "enrolments", mediaJSON, false, "malformed", 200 * time.Millisecond},
	} {
		r, err := http.NewRequest("POST", "https://"+w.addr+x.path, nil)
		must(t, err)
		r.Header.Set("Content-Type", x.media)
		key := newKey(t)
		if x.key {
			key = w.parties[0].key
		}
		must(t, sign(r, nil, key, time.Now()))
		res, took := w.begun(r, 1000, "ab")
		if got := api.ReadProblem(res, maxProblem).Name(); got != x.problem || took < x.wait || took > x.wait+5*time.Second {
			t.Errorf("%s: %q after %v", name, got, took)
		}
	}
}

// A node that holds its places open waits for itself; the others are served.
func TestOneNodeDoesNotCrowdOutOthers(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.adjust = func(o *HandlerOptions) { o.MaxOpen = 2 }
		w.times = times{posting: 2 * time.Second, small: time.Second, refused: time.Second}
	})
	job := w.job()
	var group sync.WaitGroup
	for range 2 {
		r, err := http.NewRequest("POST", "https://"+w.addr+root+"jobs/"+job.String()+"/postings", nil)
		must(t, err)
		r.Header.Set("Content-Type", mediaBinary)
		must(t, sign(r, nil, w.parties[0].key, time.Now()))
		group.Go(func() { w.begun(r, 1000, "") })
	}
	busy := func() bool {
		w.handler.gate.mu.Lock()
		defer w.handler.gate.mu.Unlock()
		v := w.handler.gate.nodes[federated.KeyOf(publicOf(w.parties[0].key))]
		return v != nil && v.open == 2
	}
	for !busy() {
		time.Sleep(time.Millisecond)
	}
	_, err := w.node(0).Status(ctx, job)
	mustBe(t, err, api.ErrTooFast)
	_, err = w.node(1).Status(ctx, job)
	must(t, err)
	group.Wait()
	_, err = w.node(0).Status(ctx, job)
	must(t, err)
}

// What a handler or client needs is asked for.
func TestOptions(t *testing.T) {
	w := newWorld(t)
	for name, o := range map[string]HandlerOptions{
		"no host":      {},
		"short token":  {Host: w.host, AdminToken: "short"},
		"no authority": {Host: w.host, RequireCertificate: true},
	} {
		_, err := NewHandler(o)
		if err == nil {
			t.Error(name)
		}
		mustBe(t, err, ErrOptions)
	}
	ca := w.authority.Certificate()
	for name, o := range map[string]ClientOptions{
		"plain http": {URL: "http://127.0.0.1:1", CA: ca},
		"a path":     {URL: "https://127.0.0.1:1/x", CA: ca},
		"a user":     {URL: "https://a:b@127.0.0.1:1", CA: ca},
		"no CA":      {URL: "https://127.0.0.1:1"},
		"bad CA":     {URL: "https://127.0.0.1:1", CA: []byte("x")},
		"P-256":      {URL: "https://127.0.0.1:1", CA: ca, Key: newTLSKey(t)},
	} {
		if _, err := NewClient(o); err == nil {
			t.Error(name)
		} else {
			mustBe(t, err, ErrOptions)
		}
	}
	// Without a token nobody is the administrator, with an empty one either.
	h, err := NewHandler(HandlerOptions{Host: w.host})
	must(t, err)
	for _, v := range []string{"Bearer ", "Bearer", ""} {
		r, err := http.NewRequest("GET", "/", strings.NewReader(""))
		must(t, err)
		r.Header.Set("Authorization", v)
		if h.administrator(r) {
			t.Errorf("%q is the administrator", v)
		}
	}
}
