package witness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// post sends a body to add-checkpoint.
func post(h http.Handler, body []byte) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/add-checkpoint", bytes.NewReader(body)))
	return rec
}

// What C2SP tlog-witness says a witness MUST answer, with the witness at five leaves.
func TestEveryMustOfTheSpecification(t *testing.T) {
	key := newEdKey(t, origin, "log")
	o := begin(t, "w", key, at(dawn))
	later := newEdKey(t, origin, "the log's next key")
	o.Logs[0].Keys = append(o.Logs[0].Keys, later.text)
	w := open(t, o)
	h := w.Handler()
	l := newTree(t, key).grow(t, 5, "")
	if rec := post(h, l.request(t, 0).Format()); rec.Code != 200 {
		t.Fatal("from nothing:", rec.Code, rec.Body)
	}
	five := l.fork(t, 5)
	l.grow(t, 4, "")
	body := func(change func(*Request)) string {
		r := l.request(t, 5)
		change(&r)
		return string(r.Format())
	}
	good := body(func(*Request) {})
	signedBy := func(s ...note.Signer) func(*Request) {
		return func(r *Request) {
			text, _, _ := splitNote(r.Checkpoint)
			r.Checkpoint, _ = note.Sign(&note.Note{Text: text}, s...)
		}
	}
	text := func(s string) func(*Request) {
		return func(r *Request) { r.Checkpoint, _ = note.Sign(&note.Note{Text: s}, key) }
	}
	wrong := edKey{key.Verifier, later.key, ""} // in the name of a trusted key
	stranger := newEdKey(t, origin, "stranger")
	other := newTree(t, newEdKey(t, "elsewhere", "log")).grow(t, 9, "")
	root := l.root(t)
	zeros := strings.Repeat("A", 43) + "="
	forked := l.fork(t, 3).grow(t, 6, "x")
	for _, c := range []struct {
		what   string
		body   string
		status int
	}{
		{"unknown origin", string(other.request(t, 0).Format()), 404},
		{"unknown origin, wrong everything", "old 99\n\n" + string(other.checkpoint(t)), 404},
		{"no trusted signature", body(signedBy(stranger)), 403},
		{"no trusted signature, old above size", body(func(r *Request) { signedBy(stranger)(r); r.Old = 10 }), 403},
		{"a wrong signature of a trusted key", body(signedBy(&wrong)), 403},
		{"a wrong signature beside a good one", body(signedBy(&wrong, later)), 403},
		{"old above size", body(func(r *Request) { r.Old = 10 }), 400},
		{"another old size", body(func(r *Request) { r.Old = 4 }), 409},
		{"old size zero", body(func(r *Request) { r.Old, r.Proof = 0, nil }), 409},
		{"a smaller checkpoint", string(l.fork(t, 4).request(t, 4).Format()), 409},
		{"another old size, no proof", body(func(r *Request) { r.Old, r.Proof = 6, nil }), 409},
		{"no proof", body(func(r *Request) { r.Proof = nil }), 422},
		{"proof cut short", body(func(r *Request) { r.Proof = r.Proof[1:] }), 422},
		{"proof too long", body(func(r *Request) { r.Proof = append(r.Proof, root) }), 422},
		{"proof in another order", body(func(r *Request) { r.Proof[0], r.Proof[1] = r.Proof[1], r.Proof[0] }), 422},
		{"a fork that grew", string(forked.request(t, 5).Format()), 422},
		{"a proof where none is needed", body(func(r *Request) { *r = five.request(t, 5); r.Proof = []tlog.Hash{root} }), 422},
		{"same size, another root", string(l.fork(t, 4).grow(t, 1, "y").request(t, 5).Format()), 409},
		{"no old line", strings.TrimPrefix(good, "old 5\n"), 400},
		{"another first word", strings.Replace(good, "old 5", "new 5", 1), 400},
		{"leading zero", strings.Replace(good, "old 5", "old 05", 1), 400},
		{"plus sign", strings.Replace(good, "old 5", "old +5", 1), 400},
		{"negative", strings.Replace(good, "old 5", "old -5", 1), 400},
		{"no number", strings.Replace(good, "old 5", "old ", 1), 400},
		{"two spaces", strings.Replace(good, "old 5", "old  5", 1), 400},
		{"past 64 bits", strings.Replace(good, "old 5", "old 18446744073709551621", 1), 400},
		{"a carriage return", strings.Replace(good, "old 5\n", "old 5\r\n", 1), 400},
		{"a hash of 31 bytes", strings.Replace(good, "old 5\n", "old 5\n"+strings.Repeat("A", 40)+"AA==\n", 1), 400},
		{"a hash that is none", strings.Replace(good, "old 5\n", "old 5\n!"+zeros[1:]+"\n", 1), 400},
		{"a hash in another spelling", strings.Replace(good, "old 5\n", "old 5\n"+strings.Repeat("A", 42)+"B=\n", 1), 400},
		{"64 lines of proof", strings.Replace(good, "old 5\n", "old 5\n"+strings.Repeat(zeros+"\n", 64), 1), 400},
		{"63 lines of proof", "old 5\n" + strings.Repeat(zeros+"\n", 63) + "\n" + string(l.checkpoint(t)), 422},
		{"no empty line", strings.Replace(good, "\n\n", "\n", 1), 400},
		{"no checkpoint", "old 5\n\n", 400},
		{"nothing", "", 400},
		{"no signature", good[:strings.LastIndex(good, "\n\n")+1], 400},
		{"last line does not end", good[:len(good)-1], 400},
		{"a size with a leading zero", body(text(fmt.Sprintf("%s\n09\n%s\n", origin, root))), 400},
		{"a size past 2^62", body(text(fmt.Sprintf("%s\n%d\n%s\n", origin, int64(1<<62+5), root))), 400},
		{"a root of 31 bytes", body(text(origin + "\n9\n" + strings.Repeat("A", 42) + "\n")), 400},
		{"two lines", body(text(origin + "\n9\n")), 400},
		{"an empty line in the text", body(text(fmt.Sprintf("%s\n9\n%s\n\nmore\n", origin, root))), 400},
		{"no leaves and a root", body(text(fmt.Sprintf("%s\n0\n%s\n", origin, root))), 400},
		{"a byte that is no text", strings.Replace(good, "\n\n"+origin, "\n\n"+origin+"\xff", 1), 404},
		{"what it has, again", string(five.request(t, 5).Format()), 200},
		{"with a stranger's signature beside", body(signedBy(stranger, key)), 200},
	} {
		rec := post(h, []byte(c.body))
		if rec.Code != c.status {
			t.Errorf("%s: %d %q, want %d", c.what, rec.Code, rec.Body, c.status)
		}
		if c.status != 200 && strings.Contains(rec.Body.String(), "—") {
			t.Errorf("%s: refused and cosigned", c.what)
		}
		if sized := rec.Header().Get("Content-Type") == "text/x.tlog.size"; c.status == 409 && sized != (c.what != "same size, another root") || sized && rec.Body.String() != "5\n" {
			t.Errorf("%s: %q as %s", c.what, rec.Body, rec.Header().Get("Content-Type"))
		}
	}
	// the last one above took it to nine leaves; now by the log's other key
	r := l.grow(t, 1, "").request(t, 9)
	signedBy(later)(&r)
	rec := post(h, r.Format())
	if rec.Code != 200 || !cosignedBy(o.Cosigner.Verifier(), r.Checkpoint, rec.Body.Bytes()) {
		t.Error("by the log's other key:", rec.Code, rec.Body)
	}
	// extension lines are cosigned with the rest
	l.grow(t, 1, "")
	r = l.request(t, 10)
	text(Checkpoint{origin, 11, l.root(t)}.Text() + "an extension\n")(&r)
	if rec := post(h, r.Format()); rec.Code != 200 || !cosignedBy(o.Cosigner.Verifier(), r.Checkpoint, rec.Body.Bytes()) {
		t.Error("with an extension line:", rec.Code, rec.Body)
	}
}

func TestMethodsAndLimits(t *testing.T) {
	key := newEdKey(t, origin, "log")
	w := open(t, begin(t, "w", key, nil))
	h := w.Handler()
	for line, want := range map[string]int{
		"GET /add-checkpoint": 405, "PUT /add-checkpoint": 405, "POST /": 404, "POST /add-checkpoint/": 404, "GET /add-checkpoint/checkpoint": 404,
		"GET /" + OriginHash(origin) + "/checkpoint": 204, "GET /" + OriginHash("elsewhere") + "/checkpoint": 404, "POST /" + OriginHash(origin) + "/checkpoint": 405,
	} {
		method, path, _ := strings.Cut(line, " ")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
		if rec.Code != want {
			t.Errorf("%s: %d, want %d", line, rec.Code, want)
		}
	}
	if rec := post(h, make([]byte, MaxRequest+1)); rec.Code != http.StatusRequestEntityTooLarge {
		t.Error("a large body:", rec.Code)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/add-checkpoint", io.MultiReader(strings.NewReader("old 0\n"), broken{})))
	if rec.Code != 400 {
		t.Error("a body that breaks off:", rec.Code)
	}
	if s := w.Server(); s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.MaxHeaderBytes == 0 || s.IdleTimeout == 0 {
		t.Error("a server without bounds")
	}
}

// A client that does not get its request out is cut off, and holds nobody else up.
func TestSlowClient(t *testing.T) {
	key := newEdKey(t, origin, "log")
	w := open(t, begin(t, "w", key, nil))
	server := w.Server()
	server.ReadTimeout = 300 * time.Millisecond // in place of many seconds
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	slow, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer slow.Close()
	_, err = io.WriteString(slow, "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 1000\r\n\r\nold 0\n")
	must(t, err)
	c, err := NewClient(ClientOptions{URL: "http://" + l.Addr().String(), Key: w.own.VerifierKey()})
	must(t, err)
	defer c.Close()
	if _, err := c.Add(ctx, 0, nil, newTree(t, key).grow(t, 2, "").checkpoint(t)); err != nil {
		t.Error(err)
	}
	must(t, slow.SetReadDeadline(time.Now().Add(10*time.Second)))
	answer, err := io.ReadAll(slow)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("%q, %v", answer, err)
	}
	must(t, server.Close())
	<-done
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken off") }

// A log with two histories is refused, and both checkpoints are kept as proof: once for
// each, however often they come, and from whichever size they are said to come.
func TestTwoHistoriesAreKept(t *testing.T) {
	key := newEdKey(t, origin, "log")
	o, heard := hearing(begin(t, "w", key, at(dawn)))
	w := open(t, o)
	l := newTree(t, key).grow(t, 5, "")
	if _, err := w.Add(l.request(t, 0)); err != nil {
		t.Fatal(err)
	}
	other := l.fork(t, 2).grow(t, 3, "x")
	for range 3 {
		if _, err := w.Add(other.request(t, 5)); !errors.Is(err, ErrFork) {
			t.Fatal(err)
		}
	}
	third := l.fork(t, 2).grow(t, 3, "z")
	if _, err := w.Add(third.request(t, 2)); !errors.Is(err, ErrConflict) {
		t.Fatal(err)
	}
	states, err := States(o.Dir, o.Cosigner.Verifier())
	if err != nil || len(states) != 1 || len(states[0].Conflicts) != 2 {
		t.Fatal(states, err)
	}
	if n := strings.Count(heard.String(), "TWO HISTORIES"); n != 2 || !strings.Contains(heard.String(), states[0].Conflicts[0]) {
		t.Errorf("the operator was told %d times:\n%s", n, heard)
	}
	for _, folder := range states[0].Conflicts {
		var of []Checkpoint
		for _, name := range []string{"cosigned", "refused"} {
			b, err := os.ReadFile(filepath.Join(folder, name))
			must(t, err)
			n, err := note.Open(b, note.VerifierList(key))
			must(t, err)
			c, err := ParseCheckpoint(n.Text)
			must(t, err)
			of = append(of, c)
		}
		if of[0].Size != of[1].Size || of[0].Root == of[1].Root {
			t.Errorf("no proof: %v", of)
		}
	}
	if _, err := w.Add(l.grow(t, 1, "").request(t, 5)); err != nil {
		t.Error("the history that it cosigned goes on:", err)
	}
}

// A log that forks without end does not fill the disk.
func TestConflictsAreBounded(t *testing.T) {
	key := newEdKey(t, origin, "log")
	o, heard := hearing(begin(t, "w", key, at(dawn)))
	w := open(t, o)
	l := newTree(t, key).grow(t, 2, "")
	if _, err := w.Add(l.request(t, 0)); err != nil {
		t.Fatal(err)
	}
	all := filepath.Join(logFolder(o.Dir, origin), conflictFolder)
	for i := range maxConflicts {
		must(t, os.MkdirAll(filepath.Join(all, fmt.Sprint(i)), 0o700))
	}
	if _, err := w.Add(l.fork(t, 1).grow(t, 1, "x").request(t, 2)); !errors.Is(err, ErrFork) {
		t.Fatal(err)
	}
	if list, _ := os.ReadDir(all); len(list) != maxConflicts || !strings.Contains(heard.String(), "could not be kept") {
		t.Error(len(list), heard)
	}
}

// The newest checkpoint is given back with the log's signature and a cosignature as of
// now; what the log did not sign is not on it.
func TestNewest(t *testing.T) {
	key := newEdKey(t, origin, "log")
	now := dawn
	o := begin(t, "w", key, func() time.Time { return now })
	w := open(t, o)
	l := newTree(t, key).grow(t, 3, "")
	r := l.request(t, 0)
	r.Checkpoint = l.checkpoint(t, newEdKey(t, "stranger", "stranger"))
	if _, err := w.Add(r); err != nil {
		t.Fatal(err)
	}
	now = dawn.Add(time.Hour)
	b, err := w.Newest(OriginHash(origin))
	must(t, err)
	n, err := note.Open(b, note.VerifierList(key, o.Cosigner.Verifier()))
	must(t, err)
	if when, _ := o.Cosigner.Verifier().Time(n); len(n.Sigs) != 2 || len(n.UnverifiedSigs) != 0 || !when.Equal(now) {
		t.Errorf("%d and %d signatures, of %v", len(n.Sigs), len(n.UnverifiedSigs), when)
	}
	states, err := States(o.Dir, o.Cosigner.Verifier())
	must(t, err)
	if s := states[0]; s.Size != 3 || s.Root != l.root(t).String() || !s.Time.Equal(dawn) || s.Origin != origin {
		t.Errorf("%+v", s)
	}
	if _, err := w.Add(l.request(t, 3)); err != nil { // its time is kept now and then
		t.Fatal(err)
	}
	if states, _ = States(o.Dir, o.Cosigner.Verifier()); !states[0].Time.Equal(now) {
		t.Errorf("%+v", states[0])
	}
}

// A witness that knows the log's SM2 key as well keeps that signature, and with it the
// head of the SM3 chain; one that does not cosigns all the same and keeps none of it.
func TestBothOfTheLogsKeys(t *testing.T) {
	key := newEdKey(t, origin, "log")
	national := standardSigner(t)
	v, err := NewSM2Verifier(national.VerifierKey())
	must(t, err)
	l := newTree(t, key).grow(t, 3, "")
	for _, both := range []bool{true, false} {
		o := begin(t, "w", key, at(dawn))
		if both {
			o.Logs[0].Keys = append(o.Logs[0].Keys, national.VerifierKey())
		}
		w := open(t, o)
		if _, err := w.Add(Request{Checkpoint: l.checkpoint(t, national.WithHead([32]byte{9}))}); err != nil {
			t.Fatal(err)
		}
		b, err := w.Newest(OriginHash(origin))
		must(t, err)
		n, err := note.Open(b, note.VerifierList(key, v))
		must(t, err)
		if head, ok := v.Head(n); ok != both || both && head != [32]byte{9} {
			t.Errorf("both %v: head %x, %v", both, head, ok)
		}
	}
}

func TestOrigins(t *testing.T) {
	own, err := NewCosigner("w", seed("w"), nil)
	must(t, err)
	dir := t.TempDir()
	for name, ok := range map[string]bool{"": false, "a\nb": false, "a\n": false, "a\x01": false, "\xff": false, "a b": true, "杭州": true} {
		if err := Begin(dir, name, own); ok != (err == nil) || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if list, err := States(dir, own.Verifier()); err != nil || len(list) != 2 {
		t.Error(list, err)
	}
}
