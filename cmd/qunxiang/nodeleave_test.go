//go:build duckdb_arrow

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// posted is a coordinator that keeps what it gets and has nothing to say.
type posted struct {
	mu   sync.Mutex
	got  []federated.Posting
	away int // how often it does not answer
}

func (p *posted) Post(_ context.Context, x federated.Posting) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away--; p.away >= 0 {
		return errors.New("away")
	}
	p.got = append(p.got, x)
	return nil
}

func (p *posted) Poll(_ context.Context, from federated.Place) ([]federated.Item, federated.Place, error) {
	return nil, from, nil
}

func (p *posted) Fetch(context.Context, federated.Place) ([]byte, error) {
	return nil, errors.New("nothing is there")
}

// reasons are those of the notices of a stop that it got.
func (p *posted) reasons(t *testing.T, card *federated.Card) []string {
	t.Helper()
	return p.texts(t, card, federated.NoticeStopped)
}

// texts are those of the notices of a kind that it got; everything but those of a stop
// or a wait fails the test.
func (p *posted) texts(t *testing.T, card *federated.Card, kind string) (out []string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.got {
		var n federated.Notice
		if err := json.Unmarshal(x.Body, &n); err != nil || x.Sort != federated.SortNotice || n.Verify(card) != nil || n.Kind != federated.NoticeStopped && n.Kind != federated.NoticeWaiting {
			t.Fatalf("posted: %d %s", x.Sort, x.Body)
		}
		if n.Kind == kind {
			out = append(out, n.Text)
		}
	}
	return out
}

// approvedJob is a node with one approved job, of which change makes what does not run.
func approvedJob(t *testing.T, change func(*federated.Card)) (*nodeService, *nodeJob, *posted) {
	t.Helper()
	d := trainingDomain(t, 20)
	folder := nodeFolderOf(d.dir)
	if err := folder.makeKeys(); err != nil {
		t.Fatal(err)
	}
	key, err := folder.messageKey()
	if err != nil {
		t.Fatal(err)
	}
	owner, err := folder.ownerKey("")
	if err != nil {
		t.Fatal(err)
	}
	card := trainingCard(t, d.catalog)
	card.Nodes[0].Key, card.Nodes[0].Owner = publicKey(key), publicKey(owner)
	change(card)
	a := &approving{folder: folder, settings: &nodeSettings{Name: card.Nodes[0].Name, Poll: time.Millisecond}, key: owner, card: card, books: &federated.LedgerBooks{}}
	if a.hash, err = card.Digest(); err != nil {
		t.Fatal(err)
	}
	if err := a.sign(); err != nil {
		t.Fatal(err)
	}
	jobs, err := folder.approved()
	if err != nil || len(jobs) != 1 {
		t.Fatal(err)
	}
	to := &posted{}
	s := &nodeService{
		d: d, folder: folder, settings: a.settings, key: key, console: newNodeConsole(io.Discard, false),
		transport: func(secagg.Hash) federated.Transport { return to },
	}
	return s, jobs[0], to
}

// A job that the node's rules refuse ends for all, once. The others are not told why.
func TestRefusedJobEndsForAll(t *testing.T) {
	s, j, to := approvedJob(t, func(c *federated.Card) { c.Source.Digest = strings.Repeat("0", 64) })
	s.once, to.away = true, 2
	var exit *exitError
	if err := s.run(t.Context(), ""); !errors.As(err, &exit) || exit.code != exitRefused || !errors.Is(err, federated.ErrCard) {
		t.Fatalf("%v", err)
	}
	if got := to.reasons(t, j.card); len(got) != 1 || got[0] != refusedReason || !j.over() {
		t.Fatalf("told: %q", got)
	}
	if err := s.run(t.Context(), ""); err != nil || len(to.reasons(t, j.card)) != 1 {
		t.Fatalf("it is told again: %v", err)
	}
}

// A job that does not run, for another reason than a rule, is stopped by the process that
// serves the node when its operator asks, whether or not it opens.
func TestStopOfAJobThatDoesNotRun(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]bool{"it opens": false, "it does not": true} {
		t.Run(name, func(t *testing.T) {
			s, j, to := approvedJob(t, func(*federated.Card) {})
			if err := j.put(snapshotFile, []byte("none")); err != nil { // it is lost
				t.Fatal(err)
			}
			if broken {
				if err := os.WriteFile(filepath.Join(j.dir, "journal"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.run(ctx, "") }()
			defer func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}()
			time.Sleep(200 * time.Millisecond) // it is tried in the meantime, and not ended
			if got := to.reasons(t, j.card); len(got) > 0 || j.has(stoppedFile) {
				t.Fatalf("told: %q", got)
			}
			if got := to.texts(t, j.card, federated.NoticeWaiting); len(got) != 1 || got[0] != federated.WaitSnapshot {
				t.Fatalf("the others wait for %q", got)
			}
			if err := j.put(stopFile, []byte("a mistake")); err != nil {
				t.Fatal(err)
			}
			for begun := time.Now(); !j.over(); time.Sleep(20 * time.Millisecond) {
				if time.Since(begun) > 20*time.Second {
					t.Fatal("the job does not stop")
				}
			}
			why, err := j.text(stoppedFile)
			if got := to.reasons(t, j.card); err != nil || why != "a mistake" || len(got) != 1 || got[0] != why {
				t.Fatalf("stopped for %q, told %q", why, got)
			}
		})
	}
}

// A job that node.yaml or the budget forbids waits, and the others are told for what
// kind of thing: it is neither ended nor refused for good, and a limit that the operator
// corrects is read again.
func TestWaitingJob(t *testing.T) {
	s, j, to := approvedJob(t, func(c *federated.Card) { c.Privacy.Rho = 5e10 })
	s.once = true
	s.settings.limits = federated.Limits{Rho: 1}
	var exit *exitError
	if err := s.run(t.Context(), ""); !errors.As(err, &exit) || exit.code != exitRefused || !errors.Is(err, federated.ErrLimit) {
		t.Fatalf("%v", err)
	}
	if got := to.texts(t, j.card, federated.NoticeWaiting); len(got) != 1 || got[0] != federated.WaitLimits {
		t.Fatalf("the others wait for %q", got)
	}
	if len(to.reasons(t, j.card)) > 0 || j.has(stoppedFile) || j.over() {
		t.Fatal("it has ended")
	}
	yaml := &nodeSettings{Coordinator: "https://127.0.0.1:1", Name: s.settings.Name, Organisation: "any"}
	if err := os.WriteFile(s.folder.path("node.yaml"), yaml.text(), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := s.options(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	n, err := federated.OpenNode(t.Context(), o)
	if err != nil {
		t.Fatalf("with the limit corrected: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	// After the last day it is refused for good.
	s.settings.limits, j.card.Until = federated.Limits{Rho: 1}, "2020-01-01"
	if !j.past(time.Now()) {
		t.Fatal("the last day of the card has not passed")
	}
}
