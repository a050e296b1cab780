package federation

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// fetches counts what a node fetches apart from the feed.
type fetches struct {
	federated.Transport
	n atomic.Int64
}

func (f *fetches) Fetch(ctx context.Context, at federated.Place) ([]byte, error) {
	f.n.Add(1)
	return f.Transport.Fetch(ctx, at)
}

// A network of 239,901 weights trains over HTTPS: three nodes, sums of several ciphertexts
// of the parameters for vectors, the coordinator stopped and started between two
// parts. All end with the same state, and every folder verifies.
func TestVectorsOverHTTPS(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.require, w.each = true, 30
		w.edit = func(card string) string {
			return strings.NewReplacer("  start_mean: 0.3\n", "  start_mean: 0.3\n  network: {hidden: [250, 950], seed: 7, rate: 0.5, momentum: 0.5}\n",
				"rounds: 2", "rounds: 1").Replace(card)
		}
	})
	t.Cleanup(w.closeLedgers)
	params, err := secagg.Vector()
	must(t, err)
	network, err := w.card.Network()
	must(t, err)
	if n := params.Chunks(network.Cells()); n < 3 {
		t.Fatalf("%d weights are %d ciphertexts: not several", network.Cells(), n)
	}
	w.enrolAll()
	job := w.job()
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	nodes, transports := make([]*federated.Node, 3), make([]*fetches, 3)
	for i := range nodes {
		transports[i] = &fetches{Transport: w.node(i).Transport(job)}
		nodes[i] = w.open(i, transports[i])
	}
	w.until(limit, nodes, secagg.PhaseCT)
	w.stop()
	w.start()
	var group sync.WaitGroup
	errs := make([]error, len(nodes))
	for i, n := range nodes {
		group.Go(func() { errs[i] = n.Run(limit, 5*time.Millisecond) })
	}
	group.Wait()
	must(t, errors.Join(errs...))
	for i, n := range nodes {
		if !n.Done() || n.State().Hash() != nodes[0].State().Hash() || len(n.State()) != 2*network.Cells() {
			t.Errorf("node %d: done %v, stopped %q, %d numbers", i, n.Done(), n.Stopped(), len(n.State()))
		}
		if transports[i].n.Load() == 0 {
			t.Errorf("node %d fetched nothing: every part came with the feed", i)
		}
		must(t, n.Close())
		v, err := federated.Verify(filepath.Join(w.dir, w.parties[i].name, "job"), federated.VerifyOptions{})
		if err != nil || !v.Done || v.State.Hash() != nodes[0].State().Hash() {
			t.Errorf("node %d does not verify: %v", i, err)
		}
	}
	if s, err := w.admin().Status(ctx, job); err != nil || !s.Done || s.Round != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
