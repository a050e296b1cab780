//go:build duckdb_arrow

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// estate is a domain with a copy of its checkpoint outside, and what its clients saw.
type estate struct {
	*domain
	key  string
	rho  int64 // of one charge
	next atomic.Int64
	seen atomic.Int64 // rho of the answers that clients have
}

func newEstate(t *testing.T, dir string) *estate {
	t.Helper()
	mustRun(t, dir, "data", "synth", "--domain", "D", "--persons", "300", "--seed", "2")
	outside := "witnesses: []\noutside: " + filepath.Join(dir, "outside") + "\n"
	for file, text := range map[string]string{filepath.Join("D", witnessesFile): outside, "outside": ""} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := openDomain(t.Context(), filepath.Join(dir, "D"), writing)
	if err != nil {
		t.Fatal(err)
	}
	return &estate{domain: d, key: d.logKey(), rho: 1e8}
}

// ask charges, answers at the slot, and counts the answer once it is out.
func (e *estate) ask(ctx context.Context) error {
	n := e.next.Add(1)
	g, _ := e.state.InForce()
	template, err := e.catalog.Find("I2")
	if err != nil {
		return err
	}
	body := []byte(fmt.Sprintf(`{"answer":%d}`, n))
	id := fmt.Sprintf("request-%d", n)
	due := e.ledger.Now().Add(time.Second)
	charge, err := e.ledger.Charge(ctx, ledger.Charge{
		ID: id, Principal: "insurer-a", Organisation: "insurer-a", Grant: g.Grants[0].ID, Purpose: g.Grants[0].Purposes[0],
		Template: template.Ref(), TemplateDigest: template.Digest(), Key: id, Snapshot: e.state.Snapshots()[0],
		Scopes: []string{e.state.Population() + "/2017", e.state.Population() + "/life"}, Cost: dp.Cost{Rho: e.rho, Delta: 1}, Epoch: dataset.Epoch(time.Now()),
		Sigmas: map[string]float64{"people": 1000}, Due: due, Request: id,
	})
	if err != nil {
		return err
	}
	time.Sleep(time.Until(due))
	if err := (releaseStore{e.path("releases")}).Put(digestOf(body), body); err != nil {
		return err
	}
	if _, err := e.ledger.Release(ctx, ledger.Release{Charge: charge, ID: id, Digest: digestOf(body)}); err != nil {
		return err
	}
	e.seen.Add(e.rho)
	return nil
}

func (e *estate) spent(s *ledger.State) int64 { return s.Spent(e.state.Population() + "/life").Rho }

// taken is a backup, and what clients had seen before it began.
type taken struct {
	file string
	seen int64
}

// work asks in many places at once, and takes backups meanwhile at moments of chance.
func (e *estate) work(t *testing.T, dir string, r *rand.Rand) []taken {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 12 {
		pause := time.Duration(r.Int64N(int64(time.Second)))
		all.Go(func() {
			time.Sleep(pause)
			for ctx.Err() == nil {
				if err := e.ask(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var list []taken
	for ctx.Err() == nil {
		time.Sleep(time.Duration(r.Int64N(int64(400 * time.Millisecond))))
		b := taken{filepath.Join(dir, fmt.Sprintf("B%d.tar", len(list))), e.seen.Load()}
		if err := (&backup{dir: e.dir, part: partDomain, snapshots: r.IntN(4) == 0}).file(b.file); err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	all.Wait()
	return list
}

// A backup that is taken at any moment of a working domain has all that was answered
// before, with the answers. It is put back only if nothing is missing, or with what is
// missing brought from elsewhere: no answer that a client has is ever forgotten.
func TestBackupLosesNoCharge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	e := newEstate(t, dir)
	keys := filepath.Join(dir, "keys.tar")
	if err := (&backup{dir: e.dir, part: partKeys}).file(keys); err != nil {
		t.Fatal(err)
	}
	list := e.work(t, dir, r)
	last := taken{filepath.Join(dir, "last.tar"), e.seen.Load()}
	if err := (&backup{dir: e.dir, part: partDomain}).file(last.file); err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(dir, "audit.tar")
	mustRun(t, dir, "audit", "bundle", "--domain", "D", "--out", bundle)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	old := 0
	for i, b := range list {
		e.whole(t, b, keys)
		to := filepath.Join(dir, fmt.Sprintf("R%d", i))
		again := &restoring{dir: to, from: []string{b.file, keys}, unwitnessed: true} // which helps nobody here
		_, err := again.run(t.Context())
		if errors.Is(err, ledger.ErrRolledBack) {
			old++
			if exists(to) {
				t.Error("what was refused is there")
			}
			again.log = []string{bundle, filepath.Join(dir, "D", "ledger")}[i%2]
			_, err = again.run(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		s, err := ledger.Read(filepath.Join(to, "ledger"), e.key)
		if err != nil || e.spent(s) < e.seen.Load() {
			t.Fatalf("%v: %d spent after the backup was put back, clients have seen %d", err, e.spent(s), e.seen.Load())
		}
	}
	t.Logf("%d backups, %d of them too old", len(list), old)
	if old < 3 {
		t.Error("hardly any backup was too old: nothing was tried")
	}
	e.goesOn(t, dir, last, keys)
}

// whole unpacks a backup and looks whether it is one.
func (e *estate) whole(t *testing.T, b taken, keys string) {
	t.Helper()
	dir := t.TempDir()
	if _, err := unpackAll(dir, []string{b.file, keys}); err != nil {
		t.Fatal(err)
	}
	s, err := ledger.Read(filepath.Join(dir, "ledger"), e.key)
	if err != nil || e.spent(s) < b.seen {
		t.Fatalf("%v: %d spent in a backup, clients had seen %d before it", err, e.spent(s), b.seen)
	}
	for _, rec := range s.Requests() {
		if _, err := (releaseStore{filepath.Join(dir, "releases")}).Get(rec.Digest); rec.Release >= 0 && err != nil {
			t.Error(err)
		}
	}
}

// goesOn puts back the newest backup: it answers, charges further, verifies; and a copy
// by hand of an older one is refused when it is opened.
func (e *estate) goesOn(t *testing.T, dir string, last taken, keys string) {
	t.Helper()
	mustRun(t, dir, "restore", "--domain", "D2", "--from", last.file, "--from", keys)
	d, err := openDomain(t.Context(), filepath.Join(dir, "D2"), writing)
	if err != nil {
		t.Fatal(err)
	}
	after := &estate{domain: d, key: e.key, rho: e.rho}
	after.next.Store(1000)
	if err := errors.Join(after.ask(t.Context()), d.Close()); err != nil {
		t.Fatal(err)
	}
	if r := e.verified(t, filepath.Join(dir, "D2")); lifeSpent(r) < e.seen.Load()+e.rho {
		t.Errorf("%d spent after the restored domain went on", lifeSpent(r))
	}
	if _, err := openDomain(t.Context(), filepath.Join(dir, "D"), writing); !errors.Is(err, ledger.ErrRolledBack) {
		t.Errorf("the old disk opens beside the restored one: %v", err)
	}
	// Without the data nothing is asked, and nothing charged for it.
	out, err := program(t, dir, strings.Fields(strings.Join(question(1), " "))...).CombinedOutput()
	if err == nil {
		t.Errorf("D, whose log went on elsewhere, answers: %s", out)
	}
	asked := question(2)
	asked[3] = "D2"
	if out, err := program(t, dir, asked...).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("snapshot")) {
		t.Errorf("a domain without its data: %v\n%s", err, out)
	}
	if r := e.verified(t, filepath.Join(dir, "D2")); lifeSpent(r) != e.seen.Load()+e.rho {
		t.Errorf("what could not be asked was charged: %d", lifeSpent(r))
	}
}

// verified is the auditor's report on a log. The answers here are none of a question's.
func (e *estate) verified(t *testing.T, domain string) *audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), audit.Options{Log: os.DirFS(filepath.Join(domain, "ledger")), Key: e.key, WithoutReleases: true})
	if err != nil || !r.OK() {
		t.Fatalf("%v\n%+v", err, r.Findings)
	}
	return r
}
