package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// overTheWire is an error as the other side of HTTP has it.
func overTheWire(err error) *Problem {
	w := httptest.NewRecorder()
	ProblemOf(err).Write(w)
	return ReadProblem(w.Result(), 16<<10)
}

// finals are the errors after which a node gives a posting up, out of its source.
func finals(t *testing.T) map[error]bool {
	known := map[string]error{
		"ErrRefused": federated.ErrRefused, "ErrApproval": federated.ErrApproval, "ErrWire": federated.ErrWire,
		"secagg.ErrEvidence": secagg.ErrEvidence, "secagg.ErrContext": secagg.ErrContext, "secagg.ErrOrder": secagg.ErrOrder,
		"secagg.ErrWire": secagg.ErrWire, "secagg.ErrRoster": secagg.ErrRoster, "secagg.ErrSignature": secagg.ErrSignature,
		"secagg.ErrCommitment": secagg.ErrCommitment,
	}
	source, err := os.ReadFile("../federated/nodestep.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(source), "func refusal(err error) bool {")
	if !ok {
		t.Fatal("federated.refusal is gone")
	}
	out := map[error]bool{}
	for _, name := range regexp.MustCompile(`(secagg\.)?Err[A-Z][a-z]+`).FindAllString(body, -1) {
		if known[name] == nil {
			t.Fatalf("a node gives up after %s, of which nothing is known here", name)
		}
		out[known[name]] = true
	}
	if len(out) != len(known) {
		t.Fatalf("a node gives up after %d errors, want %d", len(out), len(known))
	}
	return out
}

// A node behaves over HTTP as with federated.Direct: what is final there is the same
// error here, and nothing else is.
func TestFinalErrorsCrossTheWire(t *testing.T) {
	final := finals(t)
	for _, m := range problemMap {
		p := overTheWire(fmt.Errorf("posting: %w: more", m.err))
		for e := range final {
			if got := errors.Is(p, e); got != (e == m.err) {
				t.Errorf("%v is %v at the other side: %v", m.err, e, got)
			}
		}
	}
	if p := overTheWire(errors.New("disk full")); errors.Is(p, federated.ErrRefused) || p.Status != http.StatusInternalServerError {
		t.Errorf("%+v", p)
	}
}

// A hostile server's problem is bounded and harms no terminal.
func TestReadProblemIsPlain(t *testing.T) {
	for _, body := range []string{
		`{"title":"a\u001b[31mb","detail":"c\u202ed\u0007","errors":[{"location":"\u009b","message":"\r"}]}`,
		`{"title":"` + strings.Repeat("x", 1<<20) + `"}`, `{"title":`, `[]`, "",
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", problemMedia)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.WriteString(body)
		p := ReadProblem(w.Result(), 4<<10)
		if s := p.Error(); strings.ContainsAny(s, "\x1b\x07\r\u202e\u009b") || len(s) > 2000 || p.Status != http.StatusTeapot || p.Title == "" {
			t.Errorf("%.80q: %.200q", body, s)
		}
	}
}

func TestDecodeStrict(t *testing.T) {
	type flat struct {
		A string `json:"a"`
		B int    `json:"b"`
	}
	for body, name := range map[string]string{
		`{"a":"x","b":1}`:       "",
		`{"a":"x","b":1,"c":2}`: "validation",
		`{"A":"x"}`:             "validation",
		`{"b":"x"}`:             "validation",
		`{"a":"x","a":"y"}`:     "malformed",
		`{"a":"x"}{}`:           "malformed",
		`[]`:                    "malformed",
		"{\"a\":\"\xff\"}":      "malformed",
	} {
		err := DecodeStrict([]byte(body), &flat{})
		var p *Problem
		if name == "" && err != nil || name != "" && (!errors.As(err, &p) || p.Name() != name) {
			t.Errorf("%s: %v, want %q", body, err, name)
		}
	}
}

func TestReadBody(t *testing.T) {
	for _, c := range []struct {
		media, encoding, body, name string
		chunked                     bool
	}{
		{"application/octet-stream", "", "12345678", "", false},
		{"application/octet-stream", "", "123456789", "too-large", false},
		{"application/octet-stream", "", "123456789", "too-large", true},
		{"application/json", "", "1", "media-type", false},
		{"", "", "1", "media-type", false},
		{"application/octet-stream", "gzip", "1", "media-type", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.media)
		if c.encoding != "" {
			r.Header.Set("Content-Encoding", c.encoding)
		}
		if c.chunked {
			r.ContentLength = -1
		}
		b, err := ReadBody(httptest.NewRecorder(), r, "application/octet-stream", 8)
		var p *Problem
		if c.name == "" && (err != nil || string(b) != c.body) || c.name != "" && (!errors.As(err, &p) || p.Name() != c.name) {
			t.Errorf("%+v: %q, %v", c, b, err)
		}
	}
}
