package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// fourth names the processes of the kill test: three nodes and the coordinator.
var fourth = []string{"north", "south", "pharma", "coordinator"}

// troop is a job whose processes are killed.
type troop struct {
	t    *testing.T
	dir  string
	job  string
	runs map[string]*exec.Cmd
	logs map[string]*bytes.Buffer
}

// A job over loopback, with nodes and coordinator killed (SIGKILL) at moments spread
// over it and started again at once: it ends with the same model everywhere or stops
// with the same reason, every folder verifies, and the books agree. QUNXIANG_LONG=1
// does it for each process alone and for all together, many times.
func TestFederatedKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rounds, each := 1, 6
	victims := [][]string{fourth}
	if os.Getenv("QUNXIANG_LONG") != "" {
		rounds, each = 4, 15
		for _, who := range fourth {
			victims = append(victims, []string{who})
		}
	} else if testing.Short() {
		each = 3
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range rounds {
		for _, who := range victims {
			t.Run(fmt.Sprintf("%s %d", strings.Join(who, "+"), i), func(t *testing.T) {
				w := newTroop(t, uint64(i))
				w.kills(r, who, each)
				w.finish()
				w.check()
			})
		}
	}
}

func (w *troop) path(who string) string { return filepath.Join(w.dir, who) }

// newTroop makes domains, enrols them and approves a job; nothing runs but the
// coordinator.
func newTroop(t *testing.T, seed uint64) *troop {
	t.Helper()
	w := &troop{t: t, dir: t.TempDir(), runs: map[string]*exec.Cmd{}, logs: map[string]*bytes.Buffer{}}
	for i, who := range fourth[:3] {
		mustRun(t, w.dir, "data", "synth", "--domain", who, "--persons", "300", "--settlements", "1200", "--seed", fmt.Sprint(int(seed)*10+i+1))
	}
	t.Cleanup(func() {
		for _, who := range fourth {
			w.kill(who)
		}
	})
	w.start("coordinator")
	facts := w.facts()
	for _, who := range fourth[:3] {
		var e enrolReport
		out := mustRun(t, w.dir, "node", "enroll", "--dir", who, "--coordinator", facts.URL, "--ca-fingerprint", facts.CAFingerprint, "--name", who, "--organisation", "Firm "+who, "--json")
		if err := json.Unmarshal(out, &e); err != nil {
			t.Fatal(err)
		}
		mustRun(t, w.dir, "federated", "enrolments", "approve", who, "--dir", "coordinator", "--fingerprint", e.Fingerprint)
		mustRun(t, w.dir, "node", "enroll", "--dir", who)
		w.edit(filepath.Join(who, "node", "node.yaml"), "poll: 500ms", "poll: 50ms", "slot: 1m", "slot: 5s")
	}
	members := mustRun(t, w.dir, "federated", "enrolments", "--dir", "coordinator", "--members")
	card := fmt.Sprintf(killCard, featureDigest(t), facts.Key, members)
	if err := os.WriteFile(w.path("card.yaml"), []byte(card), 0o600); err != nil {
		t.Fatal(err)
	}
	out := mustRun(t, w.dir, "federated", "create", "--dir", "coordinator", "--card", "card.yaml")
	w.job = regexp.MustCompile(`[0-9a-f]{64}\n$`).FindString(string(out))[:64]
	for _, who := range fourth[:3] {
		mustRun(t, w.dir, "node", "approve", "--dir", who, "--job", w.job, "--yes")
	}
	return w
}

// featureDigest is that of the certified feature template of the tests' cards.
func featureDigest(t *testing.T) string {
	t.Helper()
	c, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.FindFeatures("claim-frequency-features")
	if err != nil {
		t.Fatal(err)
	}
	return f.Digest()
}

func (w *troop) edit(path string, pairs ...string) {
	w.t.Helper()
	b, err := os.ReadFile(w.path(path))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(path), []byte(strings.NewReplacer(pairs...).Replace(string(b))), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// facts waits for the coordinator.
func (w *troop) facts() (f coordinatorFacts) {
	w.t.Helper()
	for range 200 {
		time.Sleep(50 * time.Millisecond)
		cmd := program(w.t, w.dir, "federated", "status", "--dir", "coordinator", "--json")
		if out, err := cmd.Output(); err == nil {
			var r statusReport
			if err := json.Unmarshal(out, &r); err != nil || r.Coordinator == nil {
				w.t.Fatalf("%v: %s", err, out)
			}
			return *r.Coordinator
		}
	}
	w.t.Fatal("the coordinator does not answer")
	return f
}

// start starts a node or the coordinator.
func (w *troop) start(who string) {
	w.t.Helper()
	cmd := program(w.t, w.dir, "node", "serve", "--dir", who, "--once")
	if who == "coordinator" {
		cmd = program(w.t, w.dir, "federated", "serve", "--dir", who)
	}
	if w.logs[who] == nil {
		w.logs[who] = &bytes.Buffer{}
	}
	cmd.Stderr = w.logs[who]
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.runs[who] = cmd
}

// kill ends a process as a power cut would.
func (w *troop) kill(who string) {
	if cmd := w.runs[who]; cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		w.runs[who] = nil
	}
}

// kills starts everybody, and kills and starts again at random moments.
func (w *troop) kills(r *rand.Rand, victims []string, times int) {
	for _, who := range fourth[:3] {
		w.start(who)
	}
	for range times {
		time.Sleep(time.Duration(r.Int64N(int64(1500 * time.Millisecond))))
		who := victims[r.IntN(len(victims))]
		w.kill(who)
		w.start(who)
	}
}

// finish lets the nodes come to their end: done, or stopped.
func (w *troop) finish() {
	w.t.Helper()
	for _, who := range fourth[:3] {
		done := make(chan error, 1)
		cmd := w.runs[who]
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(3 * time.Minute):
			w.t.Fatalf("%s has not ended:\n%s", who, w.logs[who])
		}
		w.runs[who] = nil
		if code := cmd.ProcessState.ExitCode(); code != exitOK && code != exitStopped {
			w.t.Fatalf("%s ends with exit %d:\n%s", who, code, w.logs[who])
		}
	}
}

// check wants the same end at all nodes, a folder that verifies, charges for exactly
// the shares that were made, and a log that the auditor finds whole.
func (w *troop) check() {
	w.t.Helper()
	var models, reasons []string
	var charged [][]string
	for _, who := range fourth[:3] {
		dir := filepath.Join(w.path(who), "node", "jobs", w.job)
		if why, err := os.ReadFile(filepath.Join(dir, stoppedFile)); err == nil {
			reasons = append(reasons, string(why))
		} else {
			var v verifiedReport
			if err := json.Unmarshal(mustRun(w.t, w.dir, "federated", "verify", "--dir", who, "--job", w.job, "--json"), &v); err != nil || !v.OK || !v.Done {
				w.t.Fatalf("%s: %v %+v", who, err, v)
			}
			models = append(models, v.Rounds[len(v.Rounds)-1].Next)
			var m modelReport
			if err := json.Unmarshal(mustRun(w.t, w.dir, "federated", "model", "--dir", who, "--job", w.job, "--json"), &m); err != nil || m.Fit == nil {
				w.t.Fatalf("%s: %v", who, err)
			}
		}
		var l trainingLedger
		if err := json.Unmarshal(mustRun(w.t, w.dir, "node", "ledger", "--dir", who, "--json"), &l); err != nil {
			w.t.Fatal(err)
		}
		var attempts []string
		for _, c := range l.Charges {
			if c.State == "open" {
				w.t.Errorf("%s: attempt %s is open", who, c.Attempt)
			}
			attempts = append(attempts, c.Attempt)
		}
		if twice := slices.Compact(slices.Clone(attempts)); len(twice) != len(attempts) {
			w.t.Errorf("%s was charged twice for an attempt: %v", who, attempts)
		}
		charged = append(charged, attempts)
		mustRun(w.t, w.dir, "audit", "verify", "--domain", who)
	}
	w.t.Logf("models %.8q, stopped %q, charged %v", models, reasons, charged)
	if len(models) > 0 && (len(models) != 3 || len(slices.Compact(models)) != 1) {
		w.t.Fatalf("the nodes do not end alike: models %q, stopped %q", models, reasons)
	}
	if len(models) == 0 && len(reasons) != 3 {
		w.t.Fatalf("a node has neither a model nor a reason: %q", reasons)
	}
}

const killCard = `version: qunxiang-card/1
job: visits
purpose: commercial-health-insurance
description: How often insured people see a doctor, by age and sex
source:
  template: claim-frequency-features@1.0.0
  digest: "%s"
  parameters: {window: 2017-01-01..2017-12-31, med_type: all, history: 0, chronic: diabetes}
model:
  family: poisson
  start_mean: 1.5
  rounds: 2
  exposure: true
  caps: {weight: 4, score: 6, rows: 1}
  response: {name: visits, unit: visits, range: [0, 366]}
  features:
    - {name: age, unit: years, range: [0, 90]}
    - name: sex
      code_list: schema/sex@1
      levels: [{name: female}, {name: male}, {name: unknown, into: male}]
privacy: {rho: 0.3, places: 1}
expect: {people: 1200, people_per_node: 1000}
until: 2099-12-31
deadlines: {phase: 5, share: 60}
recipients: [North Mutual, South Life, Pharma East]
coordinator: {organisation: Health Fund, key: %q}
%s
`
