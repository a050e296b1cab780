package ledger_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

const (
	population = "testville"
	template   = "claim-severity@1.0.0"
	life       = population + "/life"
	year       = population + "/2017"
)

var (
	ctx     = context.Background()
	private = ed25519.NewKeyFromSeed([]byte("an Ed25519 seed only for testing"))
	dawn    = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
)

func verifier(t testing.TB) string {
	t.Helper()
	return ledger.VerifierKey(population, private.Public().(ed25519.PublicKey))
}

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: dawn} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got error %v, want %v", err, target)
	}
}

func options(dir string, c *clock) ledger.Options {
	return ledger.Options{Dir: dir, Create: true, Population: population, Signer: private, Now: c.now, Fatal: func(error) {}}
}

func open(t testing.TB, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(o)
	must(t, err)
	return l
}

// fresh opens a new ledger with caps and a snapshot.
func fresh(t testing.TB, c *clock) (*ledger.Ledger, string) {
	t.Helper()
	dir := t.TempDir()
	l := open(t, options(dir, c))
	t.Cleanup(func() { _ = l.Close() })
	_, err := l.Grant(ctx, grant(1000))
	must(t, err)
	_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
	must(t, err)
	return l, dir
}

func grant(rho int64) ledger.Grant {
	return ledger.Grant{
		Population: population, Policy: "policy-digest", Mode: "evaluation",
		Year: dp.Cost{Rho: rho, Delta: 1000}, Life: dp.Cost{Rho: rho, Delta: 1000},
		Grants: []ledger.Granted{
			{ID: "g-1", Principal: "insurer-a", Templates: []string{"claim-severity"}, Purposes: []string{"pricing"}, Until: "2027-12-31"},
			{ID: "g-small", Principal: "insurer-a", Templates: []string{template}, Purposes: []string{"pricing"}, Until: "2027-12-31", QuotaRho: 25},
			{ID: "g-old", Principal: "insurer-a", Templates: []string{template}, Purposes: []string{"pricing"}, Until: "2026-11-20"},
			{ID: "g-b", Principal: "pharma-b", Templates: []string{"claim-severity"}, Purposes: []string{"research"}, Until: "2027-12-31"},
		},
	}
}

func charge(id string, rho int64, at time.Time) ledger.Charge {
	return ledger.Charge{
		ID: id, Principal: "insurer-a", Organisation: "Insurer A", Grant: "g-1", Purpose: "pricing",
		Template: template, Catalogue: "I3", TemplateDigest: "template-digest", Key: "key-1", Snapshot: "snap-1",
		Epoch: at.Add(8*time.Hour).Unix() / 86400, Scopes: []string{year, life}, Cost: dp.Cost{Rho: rho, Delta: 1},
		Sigmas: map[string]float64{"people": 12.5e6, "sum:paid": 1e7}, Due: at.Truncate(time.Second).Add(2 * time.Second),
		Request: "request-" + id,
	}
}

// under is a charge decided under the policy that is in force.
func under(l *ledger.Ledger, c ledger.Charge) ledger.Charge {
	c.Policy, _ = l.PolicyInForce()
	return c
}

// answer charges and releases a request.
func answer(t testing.TB, l *ledger.Ledger, c *clock, id string, rho int64) (charged, released int64) {
	t.Helper()
	charged, err := l.Charge(ctx, charge(id, rho, c.now()))
	must(t, err)
	c.step(2 * time.Second)
	released, err = l.Release(ctx, ledger.Release{Charge: charged, ID: id, Digest: digest(id)})
	must(t, err)
	return charged, released
}

func digest(id string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(id))) }
