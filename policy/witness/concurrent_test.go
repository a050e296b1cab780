package witness

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// slowDisk takes its time between the check of a checkpoint and its keeping.
type slowDisk struct{ osDisk }

func (d slowDisk) write(name string, b []byte) (syncer, error) {
	time.Sleep(20 * time.Millisecond)
	return d.osDisk.write(name, b)
}

// Two hundred histories that all differ after the fifth leaf are offered at once, each
// again from whatever size the witness names: of one size it never cosigns two roots,
// and after the fifth leaf it cosigns one history only.
func TestParallelForks(t *testing.T) {
	key := newEdKey(t, origin, "log")
	o := begin(t, "w", key, nil)
	o.disk = slowDisk{}
	w := open(t, o)
	l := newTree(t, key).grow(t, 5, "")
	_, err := w.Add(l.request(t, 0))
	must(t, err)
	var mu sync.Mutex
	roots := map[int64]map[tlog.Hash]bool{}
	histories := map[int]bool{}
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range 200 {
		forked := l.fork(t, 5)
		var offers []*tree
		for range 4 {
			offers = append(offers, forked.grow(t, 1, fmt.Sprint(i)).fork(t, forked.size))
		}
		all.Go(func() {
			<-start
			old := int64(5)
			for _, f := range offers {
				for range 3 {
					_, err := w.Add(f.request(t, old))
					var conflict *ConflictError
					if errors.As(err, &conflict) && conflict.Size <= f.size {
						old = conflict.Size
						continue
					}
					if err == nil {
						mu.Lock()
						if roots[f.size] == nil {
							roots[f.size] = map[tlog.Hash]bool{}
						}
						roots[f.size][f.root(t)] = true
						histories[i] = true
						mu.Unlock()
						old = f.size
					}
					break
				}
			}
		})
	}
	close(start)
	all.Wait()
	for size, r := range roots {
		if len(r) != 1 {
			t.Errorf("%d roots of %d leaves", len(r), size)
		}
	}
	if len(histories) != 1 {
		t.Errorf("%d histories", len(histories))
	}
}

// For random honest growth every request is cosigned, whoever asks and however often;
// for random forks none is, with whichever proof.
func TestGrowthAndForks(t *testing.T) {
	key := newEdKey(t, origin, "log")
	o := begin(t, "w", key, at(dawn))
	fresh := simulated(t, o)
	rapid.Check(t, func(r *rapid.T) {
		o.disk = fresh.restarted(true)
		w, err := Open(o)
		must(t, err)
		defer w.Close()
		l := newTree(t, key)
		for range rapid.IntRange(1, 8).Draw(r, "rounds") {
			old := l.size
			l.grow(t, rapid.IntRange(0, 20).Draw(r, "grow"), "")
			if line, err := w.Add(l.request(t, old)); err != nil || !cosignedBy(o.Cosigner.Verifier(), l.checkpoint(t), line) {
				r.Fatalf("honest growth from %d to %d: %v", old, l.size, err)
			}
			if l.size == 0 {
				continue
			}
			at := rapid.Int64Range(0, l.size-1).Draw(r, "forked at")
			forked := l.fork(t, at).grow(t, rapid.IntRange(1, 20).Draw(r, "fork grows"), "x")
			offer := forked.request(t, min(l.size, forked.size))
			offer.Old = rapid.SampledFrom([]int64{0, at, l.size, forked.size}).Draw(r, "said to be from")
			if rapid.Bool().Draw(r, "another proof") && l.size > 1 {
				size := rapid.Int64Range(1, l.size).Draw(r, "proof from")
				offer.Proof, err = l.prove(ctx, size, l.size)
				must(t, err)
			}
			if _, err := w.Add(offer); err == nil {
				r.Fatalf("a fork at %d of %d was cosigned", at, l.size)
			}
		}
	})
}
