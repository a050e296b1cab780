package federated

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mrand "math/rand/v2"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/glm/glmtest"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return k
}

func b64(k ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))
}

// party is one node's people, keys, folder and ledger.
type party struct {
	name         string
	key, owner   ed25519.PrivateKey
	dir, books   string
	ledger       *ledger.Ledger
	node         *Node
	rows         []glm.Row
	limits       Limits
	fatal        int
	transport    Transport        // nil for the world's
	disk         *ledgertest.Disk // of ledger and journal, nil for the system's
	ledgerSigner ed25519.PrivateKey
}

// world is a job's parties in memory, with everything durable in folders.
type world struct {
	t       testing.TB
	dir     string
	now     time.Time
	coord   ed25519.PrivateKey
	c       *Coordinator
	card    *Card
	parties []*party
	noise   bool
	yaml    string
	heart   *heart // of the coordinator, nil while nobody stops it
}

const cardYAML = `version: qunxiang-card/1
job: claim-frequency
purpose: commercial-health-insurance
description: How often insured persons see a doctor, by age and sector
source:
  template: claim-frequency-features@1.0.0
  digest: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  parameters: {window: 2025-01-01..2025-12-31, history: 0}
model:
  family: poisson
  start_mean: 0.3
  rounds: %d
  response: {name: visits, unit: visits, range: [0, 60]}
  features:
    - {name: age, unit: years, range: [20, 60]}
    - name: sector
      code_list: sectors@2024-1
      levels:
        - {name: industry}
        - {name: services}
privacy: {rho: 0.5}
expect: {people: 9000, people_per_node: 10000}
until: 2099-12-31
deadlines: {phase: 60, share: 3600}
recipients: [North Mutual, South Life, Pharma East]
coordinator: {organisation: Health Fund, key: "%s"}
nodes:
%s`

// newWorld makes a job of three parties with so many people each.
func newWorld(t testing.TB, rounds, people int) *world {
	t.Helper()
	return newWorldOf(t, rounds, people, nil)
}

// newWorldOf is newWorld with the card's YAML changed.
func newWorldOf(t testing.TB, rounds, people int, change func(string) string) *world {
	t.Helper()
	return newWorldFor(t, []string{"North Mutual", "South Life", "Pharma East"}, rounds, people, change)
}

// newWorldFor is newWorldOf with a node for each organisation.
func newWorldFor(t testing.TB, organisations []string, rounds, people int, change func(string) string) *world {
	t.Helper()
	w := &world{t: t, dir: memoryDir(t), now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), coord: newKey(t)}
	var nodes strings.Builder
	for i, org := range organisations {
		p := &party{name: fmt.Sprint("node-", i), key: newKey(t), owner: newKey(t), ledgerSigner: newKey(t)}
		p.dir, p.books = filepath.Join(w.dir, p.name, "job"), filepath.Join(w.dir, p.name, "ledger")
		p.rows = synthetic(i, people)
		w.parties = append(w.parties, p)
		fmt.Fprintf(&nodes, "  - {name: %s, organisation: %s, key: %q, owner: %q}\n", p.name, org, b64(p.key), b64(p.owner))
	}
	var err error
	w.yaml = fmt.Sprintf(cardYAML, rounds, b64(w.coord), nodes.String())
	if change != nil {
		w.yaml = change(w.yaml)
	}
	w.card, err = ParseCard("card.yaml", []byte(w.yaml))
	must(t, err)
	w.openCoordinator()
	for i := range w.parties {
		w.openLedger(i, true)
	}
	t.Cleanup(func() {
		for i, p := range w.parties {
			w.kill(i)
			if p.ledger != nil {
				_ = p.ledger.Close()
			}
		}
	})
	return w
}

// memoryDir is a folder in memory where the system has one: these tests are about
// order, and an fsync of a disk would be most of their time.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "federated")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// unprotected takes noise and clipping off.
func unprotected(t trainer) trainer {
	if p, ok := t.(*glm.Plan); ok {
		return glmtest.Unprotected(p)
	}
	return glmtest.UnprotectedNetwork(t.(*glm.Network))
}

// synthetic people: visits are Poisson with log mean -1.2 + 0.4 age + 0.5 services,
// age on [-1, 1].
func synthetic(seed, people int) []glm.Row {
	random := mrand.New(mrand.NewPCG(uint64(seed), 42))
	rows := make([]glm.Row, people)
	for i := range rows {
		age, sector, extra := 20+40*random.Float64(), "industry", 0.0
		if random.IntN(2) == 1 {
			sector, extra = "services", 0.5
		}
		mean, visits := math.Exp(-1.2+0.4*(age-40)/20+extra), 0
		for p := random.Float64(); p > math.Exp(-mean); p *= random.Float64() {
			visits++
		}
		rows[i] = glm.Row{
			Person: fmt.Sprintf("%d-%d", seed, i), Response: float64(visits), Values: []glm.Value{{Number: age}, {Level: sector}},
		}
	}
	return rows
}

func (w *world) clock() time.Time { return w.now }

func (w *world) openCoordinator() {
	w.t.Helper()
	var err error
	w.c, err = OpenCoordinator(CoordinatorOptions{Dir: filepath.Join(w.dir, "coordinator"), Card: w.card, Key: w.coord, Now: w.clock})
	must(w.t, err)
}

const testTown = "testville"

func (w *world) openLedger(i int, create bool) {
	w.t.Helper()
	w.openLedgerAt(i, w.clock, create)
	p := w.parties[i]
	var err error
	if !create {
		return
	}
	_, err = p.ledger.Grant(ctx, ledger.Grant{
		Population: testTown, Policy: "digest", Mode: "evaluation",
		Year: dp.Cost{Rho: 5e12, Delta: 1e12}, Life: dp.Cost{Rho: 5e12, Delta: 1e12},
		Grants: []ledger.Granted{{
			ID: "g-1", Principal: "trainer", Templates: []string{"claim-frequency-features"}, Purposes: []string{w.card.Purpose}, Until: "2099-12-31",
		}},
	})
	must(w.t, err)
	_, err = p.ledger.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward"})
	must(w.t, err)
}

func (w *world) openLedgerAt(i int, now func() time.Time, create bool) {
	w.t.Helper()
	p := w.parties[i]
	o := ledger.Options{
		Dir: p.books, Create: create, Population: testTown, Signer: p.ledgerSigner, Now: now, Fatal: func(error) { p.fatal++ },
	}
	if p.disk != nil {
		o.FS = p.disk
	}
	var err error
	p.ledger, err = ledger.Open(o)
	must(w.t, err)
}

func (w *world) bookkeeper(i int) *LedgerBooks {
	p := w.parties[i]
	return &LedgerBooks{
		Ledger: p.ledger, Key: ledger.VerifierKey(testTown, p.ledgerSigner.Public().(ed25519.PublicKey)), Principal: "trainer",
		Organisation: w.card.Nodes[i].Organisation, Grant: "g-1", Snapshot: "snap-1",
		Scopes: []string{testTown + "/life", testTown + "/2025"}, Slot: 2 * time.Second, Now: w.clock,
	}
}

func (w *world) options(i int) NodeOptions {
	w.t.Helper()
	p := w.parties[i]
	a, err := Approve(w.card, p.name, p.owner)
	must(w.t, err)
	o := NodeOptions{
		Dir: p.dir, Card: w.card, Name: p.name, Key: p.key, Approval: a, Transport: p.transport, Books: w.bookkeeper(i),
		Rows: func(context.Context) ([]glm.Row, error) { return p.rows, nil }, Limits: p.limits, Now: w.clock,
	}
	if o.Transport == nil {
		o.Transport = wire{w}
	}
	if !w.noise {
		o.unprotected = unprotected
	}
	if p.disk != nil {
		o.FS = p.disk
	}
	return o
}

func copyDir(t testing.TB, from, to string) {
	t.Helper()
	must(t, os.RemoveAll(to))
	must(t, os.CopyFS(to, os.DirFS(from)))
}

func sha(b []byte) secagg.Hash { return sha256.Sum256(b) }

// signedText is what a message's signature covers, written apart from secagg.
func signedText(m secagg.Message) []byte {
	b := append([]byte("qx-fl/1 message\x00"), byte(m.Phase))
	b = append(b, m.Context[:]...)
	b = append(b, byte(m.Node>>8), byte(m.Node))
	return append(b, m.Payload[:]...)
}
