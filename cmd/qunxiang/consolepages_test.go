package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// visitor is a browser at a served domain.
type visitor struct {
	*serving
	http.Client
	at string
}

// signIn opens a session at an address with a new token of a principal.
func (s *serving) signIn(at, who string) *visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	v := &visitor{s, http.Client{Jar: jar}, at}
	_, form := v.get("/console/sign-in")
	m := regexp.MustCompile(`name="form_token" value="([^"]*)"`).FindStringSubmatch(form)
	token := strings.TrimSpace(string(mustRun(s.t, s.dir, "token", "add", "--domain", "north", "--as", who)))
	if m == nil {
		s.t.Fatalf("there is no form at %s:\n%s", at, form)
	}
	res, err := v.PostForm(at+"/console/sign-in", url.Values{"form_token": {m[1]}, "token": {token}})
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Fatalf("%s is not let in: %v %v", who, res, err)
	}
	_ = res.Body.Close()
	return v
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
