package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

// visitor is a browser at a served domain.
type visitor struct {
	http.Client
	t  *testing.T
	at string
}

// enter opens a session at an address with a token.
func enter(t *testing.T, at, token string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{http.Client{Jar: jar}, t, at}
	_, form := v.get("/console/sign-in")
	m := regexp.MustCompile(`name="form_token" value="([^"]*)"`).FindStringSubmatch(form)
	if m == nil {
		t.Fatalf("there is no form at %s:\n%s", at, form)
	}
	res, err := v.PostForm(at+"/console/sign-in", url.Values{"form_token": {m[1]}, "token": {token}})
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("nobody is let in at %s: %v %v", at, res, err)
	}
	_ = res.Body.Close()
	return v
}

// signIn enters with a new token of a principal.
func (s *serving) signIn(at, who string) *visitor {
	s.t.Helper()
	return enter(s.t, at, strings.TrimSpace(string(mustRun(s.t, s.dir, "token", "add", "--domain", "north", "--as", who))))
}

func (v *visitor) get(path string) (int, string) {
	v.t.Helper()
	res, err := v.Get(v.at + path)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// pages looks at the domain's pages: the node's operator sees the job with some words, an
// insurer sees none, and the facts about the data are on the domain's own listener only.
func (s *serving) pages(want string) {
	s.t.Helper()
	clients := "http://" + s.addr
	all := regexp.MustCompile(`(?m)^inside on (\S+)$`).FindAllStringSubmatch(s.log(), -1)
	inside := all[len(all)-1][1]
	job := "/console/training/" + s.job
	if status, body := s.signIn(clients, "node-n").get(job); status != http.StatusOK || !strings.Contains(body, want) || !strings.Contains(body, "Firm south") {
		s.t.Errorf("the job's page is %d and has no %q:\n%s", status, want, body)
	}
	if status, _ := s.signIn(clients, "insurer-a").get(job); status != http.StatusNotFound {
		s.t.Errorf("the job's page is %d for an insurer", status)
	}
	if status, _ := s.signIn(clients, "steward-s").get("/console/data"); status != http.StatusNotFound {
		s.t.Errorf("the clients' listener has the page about the data: %d", status)
	}
	if status, body := s.signIn(inside, "steward-s").get("/console/data"); status != http.StatusOK || !strings.Contains(body, "<dd>300</dd>") {
		s.t.Errorf("the page about the data is %d inside:\n%s", status, body)
	}
}

// The demo's addresses and tokens open its pages; the coordinator is known there.
func TestDemoHasPages(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("QUNXIANG_AS_PROGRAM", "1")
	dir, said := t.TempDir(), &strings.Builder{}
	f := &four{w: said, dir: dir, cast: &cast{self: self, dir: dir}, parties: demoParties(dir), trained: strings.Repeat("0", 64)}
	defer f.cast.end()
	mustRun(t, dir, "data", "synth", "--domain", f.parties[0].dir, "--persons", "300", "--settlements", "1200")
	if err := f.pages(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`(http://\S+)/console/(?:training/0{64}|data) `).FindAllStringSubmatch(strings.ReplaceAll(said.String(), "\n", " \n"), -1)
	tokens := regexp.MustCompile(`qx_\S+`).FindAllString(said.String(), -1)
	if len(at) != 2 || len(tokens) != 2 {
		t.Fatalf("the demo says:\n%s", said)
	}
	if status, body := enter(t, at[0][1], tokens[0]).get("/console/training"); status != http.StatusOK || !strings.Contains(body, "node-n") {
		t.Errorf("the trainings are %d:\n%s", status, body)
	}
	if status, body := enter(t, at[1][1], tokens[1]).get("/console/data"); status != http.StatusOK || !strings.Contains(body, "No node has enrolled") {
		t.Errorf("the page about the data is %d:\n%s", status, body)
	}
}
