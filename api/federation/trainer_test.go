package federation

import (
	"context"
	"fmt"
	"math"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// people are a party's rows: visits are Poisson with log mean -1.2 + 0.4 age.
func people(seed, n int) []glm.Row {
	random := mrand.New(mrand.NewPCG(uint64(seed), 7))
	rows := make([]glm.Row, n)
	for i := range rows {
		age := 20 + 40*random.Float64()
		mean, visits := math.Exp(-1.2+0.4*(age-40)/20), 0
		for p := random.Float64(); p > math.Exp(-mean); p *= random.Float64() {
			visits++
		}
		rows[i] = glm.Row{Person: fmt.Sprintf("%d-%d", seed, i), Response: float64(visits), Values: []glm.Value{{Number: age}}}
	}
	return rows
}

const town = "testville"

// books opens a party's ledger, with a grant that covers the job.
func (w *world) books(i int) federated.Books {
	w.t.Helper()
	p := w.parties[i]
	dir := filepath.Join(w.dir, p.name, "ledger")
	_, missing := os.Stat(dir)
	if p.ledger != nil {
		must(w.t, p.ledger.Close())
	}
	var err error
	p.ledger, err = ledger.Open(ledger.Options{Dir: dir, Create: missing != nil, Population: town, Signer: p.signer, Fatal: func(err error) { w.t.Error(err) }})
	must(w.t, err)
	if missing != nil {
		_, err = p.ledger.Grant(ctx, ledger.Grant{
			Population: town, Policy: "digest", Mode: "evaluation", Year: dp.Cost{Rho: 2e13, Delta: 1e12}, Life: dp.Cost{Rho: 2e13, Delta: 1e12},
			Grants: []ledger.Granted{{ID: "g-1", Principal: "trainer", Templates: []string{"claim-frequency-features"}, Purposes: []string{w.card.Purpose}, Until: "2099-12-31"}},
		})
		must(w.t, err)
		_, err = p.ledger.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward"})
		must(w.t, err)
	}
	return &federated.LedgerBooks{
		Ledger: p.ledger, Key: ledger.VerifierKey(town, publicOf(p.signer)), Principal: "trainer", Organisation: p.organisation,
		Grant: "g-1", Snapshot: "snap-1", Scopes: []string{town + "/life", town + "/2025"}, Slot: time.Second,
	}
}

// open opens a party's side of the job, over a transport.
func (w *world) open(i int, tr federated.Transport) *federated.Node {
	w.t.Helper()
	p := w.parties[i]
	a, err := federated.Approve(w.card, p.name, p.owner)
	must(w.t, err)
	rows := people(i, w.each)
	n, err := federated.OpenNode(ctx, federated.NodeOptions{
		Dir: filepath.Join(w.dir, p.name, "job"), Card: w.card, Name: p.name, Key: p.key, Approval: a, Transport: tr,
		Books: w.books(i), Rows: func(context.Context) ([]glm.Row, error) { return rows, nil },
	})
	must(w.t, err)
	return n
}

func (w *world) closeLedgers() {
	for _, p := range w.parties {
		if p.ledger != nil {
			_ = p.ledger.Close()
		}
	}
}
