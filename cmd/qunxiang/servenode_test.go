package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated"
)

// A domain answers queries and is a training node in one process (serve --node). A query
// and the job draw on one budget, each leaving less to the other; the process is stopped
// while a round runs and started again, and the job goes on to its end.
func TestDomainServesAndTrains(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes ten seconds and more")
	}
	w := newTroop(t, 70)
	s := newServing(w)
	s.start()
	before := s.left("2017")
	s.ask(exitOK, "0.2")
	asked := s.left("2017")
	if spent := before - asked; spent < 190e9 || spent > 200e9 {
		t.Fatalf("the query took %d of the budget", spent)
	}

	s.midway()
	s.pages("being made")
	s.stop()
	if s.over() {
		t.Fatal("the job was over before the domain was stopped")
	}
	s.start()
	w.start("pharma")
	for deadline := time.Now().Add(3 * time.Minute); !s.over(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the job does not end:\n%s", s.log())
		}
	}
	trained := s.left("2017")
	if spent := asked - trained; spent != s.charged() || spent < 299e9 {
		t.Fatalf("training took %d of the budget, and its charges are %d", spent, s.charged())
	}

	s.pages("Relativity")

	// What the query before the job could have had, it cannot have now.
	s.ask(exitRefused, "0.8")
	// A second job fits, and no longer when a query has had its part.
	second := w.second()
	mustRun(t, w.dir, "node", "approve", "--dir", "north", "--job", second, "--yes")
	s.ask(exitOK, rhoText(trained-100e9))
	out, err := program(t, w.dir, "node", "approve", "--dir", "north", "--job", second, "--yes").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "does not cover the job with its spares") {
		t.Errorf("the second job: %v\n%s", err, out)
	}

	s.stop()
	for _, who := range []string{"south", "pharma"} { // they end by themselves
		if err := w.runs[who].Wait(); err != nil {
			t.Errorf("%s: %v\n%s", who, err, w.logs[who])
		}
		w.runs[who] = nil
	}
	w.check()
}

// serving is the domain of a node that also answers queries.
type serving struct {
	*troop
	addr, token string
}

func newServing(w *troop) *serving {
	w.t.Helper()
	w.edit("north/policy.yaml", "slot: 2s", "slot: 5s") // nodes train beside it
	w.edit("north/node/node.yaml", "second_job: false", "second_job: true")
	addr, err := freeAddr()
	if err != nil {
		w.t.Fatal(err)
	}
	token := regexp.MustCompile(`qx_\S+`).Find(mustRun(w.t, w.dir, "token", "add", "--domain", "north", "--as", "insurer-a"))
	return &serving{w, addr, string(token)}
}

// start starts the domain; w.kill ends it when the test does.
func (s *serving) start() {
	s.t.Helper()
	cmd := program(s.t, s.dir, "serve", "--domain", "north", "--addr", s.addr, "--node", "--config", s.config())
	f, err := os.OpenFile(s.path("north.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	cmd.Stderr = f
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.runs["north"] = cmd
	for range 1200 {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("the domain does not listen:\n%s", s.log())
}

func (s *serving) log() string {
	b, _ := os.ReadFile(s.path("north.log"))
	return string(b)
}

// config gives the domain's own listener any port.
func (s *serving) config() string {
	path := s.path("serve.yaml")
	if err := os.WriteFile(path, []byte("internal: 127.0.0.1:0\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// stop asks the domain to end, as an operator does.
func (s *serving) stop() {
	s.t.Helper()
	cmd := s.runs["north"]
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	ended := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer ended.Stop()
	if err := cmd.Wait(); err != nil {
		s.t.Fatalf("the domain ends with %v:\n%s", err, s.log())
	}
	s.runs["north"] = nil
}

// ask puts a question about 2017 at a cost to the server, and wants an exit code.
func (s *serving) ask(code int, cost string) {
	s.t.Helper()
	cmd := program(s.t, s.dir, "query", "run", "--server", "http://"+s.addr, "--token", s.token, "--template", "I2", "--coarse",
		"--param", "window=2017-01-01..2017-12-31", "--cost", cost, "--allow-empty", "--json")
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("the query at %s ends with exit %d, want %d: %v\n%s", cost, got, code, err, out)
	}
}

// ledger is what the node's operator sees of the budgets.
func (s *serving) ledger() (l trainingLedger) {
	s.t.Helper()
	if err := json.Unmarshal(mustRun(s.t, s.dir, "node", "ledger", "--dir", "north", "--json"), &l); err != nil {
		s.t.Fatal(err)
	}
	return l
}

func (s *serving) rho(text string) int64 {
	s.t.Helper()
	var rho federated.Rho
	if err := rho.UnmarshalText([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	return int64(rho)
}

// left is what is left of a scope's budget, in 1e-12.
func (s *serving) left(scope string) int64 {
	s.t.Helper()
	for _, x := range s.ledger().Scopes {
		if x.Scope == scope {
			return s.rho(x.Cap) - s.rho(x.Spent) // what is set aside comes and goes
		}
	}
	for _, x := range s.ledger().Scopes { // a year that nothing was charged to
		return s.rho(x.Cap)
	}
	return 0
}

// charged is what training has charged.
func (s *serving) charged() (sum int64) {
	s.t.Helper()
	for _, c := range s.ledger().Charges {
		sum += s.rho(c.Rho)
	}
	return sum
}

// midway runs the other nodes until an attempt has begun, and takes one away, so that the round
// cannot end.
func (s *serving) midway() {
	s.t.Helper()
	for _, who := range []string{"south", "pharma"} {
		s.troop.start(who)
	}
	client, err := adminClient(s.path("coordinator"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	job, err := jobDigest(s.job)
	if err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if status, err := client.Status(s.t.Context(), job); err == nil && status.Attempt > 0 {
			s.kill("pharma")
			return
		}
	}
	s.t.Fatal("no attempt has begun")
}

// over says whether the domain's node has the model and has closed its books.
func (s *serving) over() bool {
	_, err := os.Stat(filepath.Join(s.path("north"), "node", "jobs", s.job, settledFile))
	return err == nil
}

// second begins another job of the same nodes, at a lower cost.
func (w *troop) second() string {
	w.t.Helper()
	w.edit("card.yaml", "job: visits", "job: visits-again", "rho: 0.3", "rho: 0.1")
	out := mustRun(w.t, w.dir, "federated", "create", "--dir", "coordinator", "--card", "card.yaml")
	return regexp.MustCompile(`[0-9a-f]{64}\n$`).FindString(string(out))[:64]
}
