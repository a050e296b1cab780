package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// evil is a coordinator that changes what one node is given: the ciphertexts of another
// on their way to it. It has everything a coordinator has, its keys and its authority.
type evil struct {
	host    *federated.Host
	handler http.Handler
	victim  string // its message key, in base64
	author  int    // place of the node whose ciphertexts are changed
	changed int
}

// ServeHTTP answers honestly, but for the one part.
func (e *evil) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !e.wanted(r) {
		e.handler.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	e.handler.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if answer.Code == http.StatusOK && len(body) > 0 {
		body[len(body)-8] ^= 1 // one coefficient, by one
		e.changed++
	}
	for k, v := range answer.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body) // the victim asks again if this fails
}

// wanted says whether a request is the victim's for a part of the author's.
func (e *evil) wanted(r *http.Request) bool {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/federated/jobs/"), "/")
	if len(path) != 4 || path[1] != "items" || !strings.Contains(r.Header.Get("Signature-Input"), e.victim) {
		return false
	}
	job, err := jobDigest(path[0])
	if err != nil {
		return false
	}
	c, ok := e.host.Job(job)
	var at federated.Place
	if _, err := fmt.Sscan(path[2], &at.Epoch); err != nil || !ok {
		return false
	}
	if _, err := fmt.Sscan(path[3], &at.At); err != nil {
		return false
	}
	items, _, err := c.Poll(at)
	return err == nil && len(items) > 0 && items[0].Sort == federated.SortPart && items[0].Kind == secagg.C1 && items[0].Node == e.author
}

// cheat runs a second job at a coordinator that tampers. Every node refuses what it
// changed, and nothing is charged.
func (f *four) cheat(ctx context.Context) error {
	f.say("\n== A coordinator that tampers: it changes %s's ciphertext on its way to %s\n\n", f.parties[1].organisation, f.parties[2].organisation)
	f.serving.stop()
	text, err := f.cardYAML("hospital-admissions-again", 2, "0.02", 5)
	if err != nil {
		return err
	}
	path := filepath.Join(f.dir, "second.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	if err := f.read(path); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e, done, err := f.turnEvil(ctx)
	if err != nil {
		return err
	}
	defer func() { cancel(); <-done }()
	if err := f.again(ctx); err != nil {
		return err
	}
	nodes, err := f.serveNodes(ctx, f.job)
	if err != nil {
		return err
	}
	if err := f.catch(ctx, nodes, e); err != nil {
		return err
	}
	for _, p := range f.parties {
		out, err := f.cast.run(ctx, "node", "ledger", "--dir", p.dir, "--job", f.job)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(string(out), "\n")
		if first != "training has charged nothing here" {
			return fmt.Errorf("%s was charged for a spoiled attempt: %s", p.organisation, first)
		}
		f.say("  %-12s ledger: %s\n", p.organisation, first)
	}
	f.say("Caught.\n")
	return nil
}

// turnEvil takes the coordinator's folder and address over.
func (f *four) turnEvil(ctx context.Context) (*evil, <-chan struct{}, error) {
	admin, err := readAdmin(f.coordinator())
	if err != nil {
		return nil, nil, err
	}
	seed, err := secret(f.coordinator(), "coordinator.key")
	if err != nil {
		return nil, nil, err
	}
	e := &evil{victim: keyText(f.card.Nodes[f.card.Place(f.parties[2].name)].Key), author: f.card.Place(f.parties[1].name)}
	e.host, err = federated.OpenHost(federated.HostOptions{Dir: filepath.Join(f.coordinator(), "jobs"), Key: ed25519.NewKeyFromSeed(seed)})
	if err != nil {
		return nil, nil, err
	}
	authority, err := federation.OpenAuthority(federation.AuthorityOptions{Dir: f.coordinator(), Hosts: []string{"127.0.0.1"}})
	if err != nil {
		return nil, nil, errors.Join(err, e.host.Close())
	}
	e.handler, err = federation.NewHandler(federation.HandlerOptions{Host: e.host, Authority: authority, AdminToken: admin.Token})
	if err != nil {
		return nil, nil, errors.Join(err, e.host.Close())
	}
	text, err := f.card.JSON()
	if err == nil {
		_, err = e.host.Create(text)
	}
	if err != nil {
		return nil, nil, errors.Join(err, e.host.Close())
	}
	l, err := net.Listen("tcp", admin.Address)
	if err != nil {
		return nil, nil, errors.Join(err, e.host.Close())
	}
	server := &http.Server{Handler: e, TLSConfig: authority.TLS(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go tick(ctx, e.host, f.w)
	go func() {
		defer close(done)
		<-ctx.Done()
		_ = errors.Join(server.Close(), e.host.Close())
	}()
	go func() { _ = server.ServeTLS(l, "", "") }() // it ends with Close
	return e, done, nil
}

// again lets the owners approve the second job. Their nodes refuse it at first: it is
// for the same snapshot.
func (f *four) again(ctx context.Context) error {
	_, errs, code, err := f.cast.try(ctx, "node", "approve", "--dir", f.parties[1].dir, "--job", f.job, "--yes")
	if err != nil {
		return err
	}
	if code != exitRefused {
		return fmt.Errorf("a second job on the same snapshot ends with exit %d: %s", code, errs)
	}
	f.say("A second job on the same people is refused, unless the operator allows it in node.yaml:\n  exit %d: %s\n\n", code, lastLine(errs))
	for _, p := range f.parties {
		if err := f.edit(p, "second_job: false", "second_job: true"); err != nil {
			return err
		}
		if _, err := f.cast.run(ctx, "node", "approve", "--dir", p.dir, "--job", f.job, "--yes"); err != nil {
			return err
		}
	}
	f.say("They allow it, and approve. The job begins.\n")
	return nil
}

// catch waits until the victim has refused, and lets its operator stop the job.
func (f *four) catch(ctx context.Context, nodes []*process, e *evil) error {
	const mark = "refused"
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !strings.Contains(nodes[2].out.String(), mark) {
		if limit.Err() != nil || nodes[2].over() {
			return fmt.Errorf("the node did not refuse what %d times was changed: %s", e.changed, nodes[2].out.String())
		}
		rest(limit, 50*time.Millisecond)
	}
	why := "the coordinator changes ciphertexts"
	if _, err := f.cast.run(ctx, "node", "stop", "--dir", f.parties[2].dir, "--job", f.job, "--reason", why); err != nil {
		return err
	}
	for i, n := range nodes {
		<-n.done
		if code := n.cmd.ProcessState.ExitCode(); code != exitStopped {
			return fmt.Errorf("node serve at %s ends with exit %d: %s", f.parties[i].name, code, n.out)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(after(nodes[2].out.String(), f.card.Job+": job")), "\n") {
		f.say("  %s | %s\n", f.parties[2].name, line)
	}
	f.say("  %s | %s\n\n", f.parties[0].name, lastLine(nodes[0].out.String()))
	return nil
}
