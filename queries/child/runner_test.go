//go:build duckdb_arrow

package child_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// shelf is a store in memory.
type shelf struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (s *shelf) Ready() error { return nil }

func (s *shelf) Put(digest string, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[digest] = bytes.Clone(b)
	return nil
}

func (s *shelf) Get(digest string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[digest], nil
}

// runner answers this place's questions in processes of a kind.
func (p place) runner(t *testing.T, kind string, slot string) (*queries.Runner, *ledger.Ledger) {
	t.Helper()
	return p.runnerOf(t, p.answerer(t, kind, nil), t.TempDir(), time.Now, "undeclared: 2s", "undeclared: "+slot)
}

// runnerOf answers this place's questions under a policy with changes, by a clock.
func (p place) runnerOf(t *testing.T, a queries.Answerer, dir string, now func() time.Time, changes ...string) (*queries.Runner, *ledger.Ledger) {
	t.Helper()
	var offers []policy.Offer
	for _, tpl := range p.catalog.Templates() {
		offers = append(offers, policy.Offer{Template: tpl.Ref(), Audiences: tpl.Audiences, Purposes: tpl.Purposes})
	}
	text := string(policy.Evaluation(policy.EvaluationOptions{Population: "pop-test", Offers: offers, Until: time.Now().AddDate(1, 0, 0)}))
	pol, err := policy.Parse("policy.yaml", []byte(strings.NewReplacer(changes...).Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Options{
		Dir: dir, Create: true, Population: "pop-test", Signer: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), Now: now, Fatal: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Grant(t.Context(), queries.GrantLeaf(pol)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Snapshot(t.Context(), ledger.Snapshot{Snapshot: p.snapshot, By: "steward-s"}); err != nil {
		t.Fatal(err)
	}
	r, err := queries.NewRunner(queries.Options{
		Catalog: p.catalog, Policy: pol, State: l.State, Ledger: l, Answerer: a, Store: &shelf{m: map[string][]byte{}}, MaxInFlight: 16, Now: now,
		Source: func(id string) (queries.Source, error) {
			return queries.Source{Snapshot: id, MaxRows: 200_000, Currency: "CNY"}, nil
		},
		Epoch: func(at time.Time) int64 { return at.Add(8*time.Hour).Unix() / 86400 }, Secret: bytes.Repeat([]byte{9}, 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, l
}

// Eight requests are at work and all processes are killed: each is charged and
// abandoned, at its slot and not before, with the error that says nothing; the ninth
// is not let in before; and then requests are answered as ever.
func TestEightKilledInFlightAreEightAbandoned(t *testing.T) {
	p := newPlace(t, 2000)
	r, l := p.runner(t, "engine-hangs-in-2016", "20s")
	in := func(window string) queries.Request {
		return queries.Request{Template: "I3", Coarse: true, Cost: 0.01, Parameters: map[string]string{"window": window}}
	}
	var tickets []queries.Ticket
	for i := range 8 {
		tk, err := r.Ask(t.Context(), "insurer-a", in(fmt.Sprintf("2016-%02d-01..2016-12-31", i+1)), "")
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, tk)
	}
	if _, err := r.Ask(t.Context(), "insurer-a", in("2017-01-01..2017-12-31"), ""); !errors.Is(err, queries.ErrBusy) {
		t.Errorf("the ninth: %v", err)
	}
	for len(children(t, os.Getpid())) < 9 && time.Now().Before(tickets[0].Due) {
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(time.Second)
	killed := 0
	for _, pid := range children(t, os.Getpid()) {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed < 9 || killed > 10 {
		t.Errorf("%d processes were killed: eight, the one that checks and perhaps the next one", killed)
	}
	time.Sleep(time.Second)
	for _, tk := range tickets {
		if s, err := r.Status("insurer-a", tk.ID); time.Now().Before(tk.Due.Add(-time.Second)) && (err != nil || s.State != queries.Running) {
			t.Errorf("before its slot: %+v %v", s, err)
		}
		s, err := r.Wait(t.Context(), "insurer-a", tk.ID)
		if err != nil || s.State != queries.Abandoned || time.Now().Before(tk.Due) {
			t.Errorf("%+v %v", s, err)
		}
		if _, err := r.Answer("insurer-a", tk.ID); !errors.Is(err, queries.ErrAbandoned) {
			t.Error(err)
		}
	}
	for _, rec := range l.Requests() {
		if !rec.Abandoned {
			t.Errorf("the log: %+v", rec)
		}
	}
	// Three abandoned runs suspend a version; another template goes on.
	later := queries.Request{Template: "I2", Coarse: true, Cost: 0.01, Parameters: map[string]string{"window": "2017-01-01..2017-12-31"}}
	tk, err := r.Ask(t.Context(), "insurer-a", later, "") // the process that checks was killed, too
	if err != nil {
		t.Fatal(err)
	}
	if s, err := r.Wait(t.Context(), "insurer-a", tk.ID); err != nil || s.State != queries.Released {
		t.Fatalf("later: %+v %v", s, err)
	}
	if body, err := r.Answer("insurer-a", tk.ID); err != nil || len(body) == 0 {
		t.Error(err)
	}
}

// Where the snapshot is out of reach nothing is charged, and when it is back all is well.
func TestSnapshotOutOfReachIsNotCharged(t *testing.T) {
	p := newPlace(t, 200)
	r, l := p.runner(t, "engine", "2s")
	req := queries.Request{Template: "I3", Coarse: true, Cost: 0.01, AllowEmpty: true, Parameters: map[string]string{"window": "2017-01-01..2017-12-31"}}
	data := dataset.DataPath(p.dir, p.snapshot)
	if err := os.Rename(data, data+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Ask(t.Context(), "insurer-a", req, ""); !errors.Is(err, queries.ErrNoEngine) || l.Spent("pop-test/life").Rho != 0 {
		t.Fatalf("%v, spent %+v", err, l.Spent("pop-test/life"))
	}
	if err := os.Rename(data+".away", data); err != nil {
		t.Fatal(err)
	}
	tk, err := r.Ask(t.Context(), "insurer-a", req, "")
	if err != nil {
		t.Fatal(err)
	}
	if tk, err = r.Wait(t.Context(), "insurer-a", tk.ID); err != nil || tk.State != queries.Released {
		t.Errorf("%+v %v", tk, err)
	}
}

// Processes that died since they were prepared are nobody's misfortune: another is asked.
func TestDeadProcessesAreReplaced(t *testing.T) {
	p := newPlace(t, 200)
	a := p.answerer(t, "engine", nil)
	if err := a.Try(t.Context(), p.snapshot); err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, pid := range children(t, os.Getpid()) {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed != 2 {
		t.Fatalf("%d processes were killed: the one that checks and the next one", killed)
	}
	if err := a.Check(t.Context(), p.order(t, "I3", 0)); err != nil {
		t.Error(err)
	}
}
