package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/federated"
)

// The pages of a domain know its jobs: one that its owner has yet to approve, one that came
// to its end with its model, and one whose folder does not prove it. Other digests are
// nobody's.
func TestPagesOfATraining(t *testing.T) {
	t.Parallel()
	w := newTroop(t, 90)
	second := w.second()
	for _, who := range fourth[:3] {
		w.start(who)
	}
	w.finish()
	w.check()

	pages := func(coordinator string) *trainings {
		d, err := openDomain(t.Context(), w.path("north"), reading)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		p := newTrainings(d, coordinator)
		p.word.patience = time.Minute // of a machine that has much to do
		return p
	}
	look := func(p *trainings, job string) *console.TrainingJob {
		t.Helper()
		j, err := p.Job(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	for _, coordinator := range []string{"", w.path("coordinator")} { // as the node, and as the coordinator's administrator
		p := pages(coordinator)
		all, err := p.Jobs(t.Context())
		if err != nil || len(all) != 2 {
			t.Fatalf("%d jobs, %v", len(all), err)
		}
		done := look(p, w.job)
		if !done.Approved || done.Node != "north" || done.Organisation != "domain" || done.State == nil || !done.State.Done || done.Proof == nil || !done.Proof.Done || done.Broken != "" {
			t.Fatalf("the job that is done is %+v", done)
		}
		var report modelReport
		if err := json.Unmarshal(done.Report, &report); err != nil || report.Job != w.job || report.Fit == nil {
			t.Errorf("its model is %s: %v", done.Report, err)
		}
		waits := look(p, second)
		if waits.Approved || waits.Node != "north" || waits.Card.Job != "visits-again" || waits.Proof != nil || waits.Report != nil || waits.State == nil || !slices.Contains(waits.State.Unapproved, "north") {
			t.Errorf("the job that waits is %+v", waits)
		}
		if j := look(p, strings.Repeat("0", 64)); j != nil {
			t.Errorf("a job that is nobody's is %+v", j)
		}
	}

	// Nothing is kept in the way of a change, and what does not verify shows no model.
	folder := filepath.Join(w.path("north"), "node", "jobs", w.job)
	sums, err := filepath.Glob(filepath.Join(folder, "attempt-*", "sum"))
	if err != nil || len(sums) == 0 {
		t.Fatal(sums, err)
	}
	for _, name := range sums {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[0] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.kill("coordinator")
	p := pages("")
	begun := time.Now()
	broken := look(p, w.job)
	if broken.Broken != federated.VerifyTranscript || broken.Proof != nil || broken.Report != nil || broken.State != nil {
		t.Errorf("the broken job is %+v", broken)
	}
	if err := os.WriteFile(filepath.Join(folder, cardFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := p.Jobs(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("beside a broken folder: %d jobs, %v", len(all), err)
	}
	if rests := p.word.next.Sub(begun); rests < statusRests {
		t.Errorf("a coordinator that is away is asked again after %v", rests)
	}
}
