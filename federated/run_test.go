package federated

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// Nodes in their own goroutines, a coordinator that all call at once, and the real
// time: the same model, and closed books.
func TestRunConcurrently(t *testing.T) {
	w := newWorld(t, 2, 12)
	for i := range w.parties {
		must(t, w.parties[i].ledger.Close())
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i := range w.parties {
		w.openLedgerAt(i, time.Now, false)
		o := w.options(i)
		o.Now = time.Now
		n, err := OpenNode(limit, o)
		must(t, err)
		w.parties[i].node = n
	}
	var group sync.WaitGroup
	errs := make([]error, len(w.parties))
	for i, p := range w.parties {
		group.Go(func() { errs[i] = p.node.Run(limit, 20*time.Millisecond) })
	}
	stop := make(chan struct{})
	ticked := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				ticked <- nil
				return
			case <-time.After(10 * time.Millisecond):
				if err := w.c.Tick(); err != nil {
					ticked <- err
					return
				}
			}
		}
	}()
	group.Wait()
	close(stop)
	must(t, errors.Join(append(errs, <-ticked)...))
	w.sameModel()
	for _, p := range w.parties {
		for _, r := range p.ledger.Requests() {
			if r.Open() || r.Abandoned {
				t.Errorf("%s: %s is open or abandoned", p.name, r.Template)
			}
		}
	}
}

// Run ends with the reason, and with its context.
func TestRunEnds(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := w.parties[0].node.Run(short, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	w.wake()
	must(t, w.parties[0].node.Stop("enough"))
	mustBe(t, w.parties[0].node.Run(context.Background(), time.Millisecond), ErrStopped)
}
