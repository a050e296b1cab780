package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// BenchmarkCharges has 64 clients charge at once and sets their rate against
// the fsync of one small file, in the same process: charges per fsync is the
// ratio to watch, charges/s the figure for this machine.
func BenchmarkCharges(b *testing.B) {
	l, dir := benchLedger(b)
	fsyncs := yardstick(b, dir)
	var next atomic.Int64
	b.ResetTimer()
	spread(b, func() {
		id := fmt.Sprint("r-", next.Add(1))
		if _, err := l.Charge(ctx, charge(id, 1, time.Now())); err != nil {
			b.Error(err)
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "charges/s")
	b.ReportMetric(rate/fsyncs, "charges/fsync")
}

func benchLedger(b *testing.B) (*ledger.Ledger, string) {
	dir := b.TempDir()
	o := options(dir, newClock())
	o.Now, o.Fatal = time.Now, func(err error) { b.Error(err) }
	l := open(b, o)
	b.Cleanup(func() { _ = l.Close() })
	g := grant(1 << 60)
	g.Year.Delta, g.Life.Delta = 1<<60, 1<<60
	_, err := l.Grant(ctx, g)
	must(b, err)
	_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
	must(b, err)
	return l, dir
}

// spread runs b.N calls on 64 goroutines.
func spread(b *testing.B, call func()) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				call()
			}
		})
	}
	wg.Wait()
}

// yardstick is how many times a second a small file can be written and fsynced.
func yardstick(b *testing.B, dir string) float64 {
	block := make([]byte, 1024)
	start := time.Now()
	const n = 100
	for i := range n {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint("small-", i)))
		must(b, err)
		_, err = f.Write(block)
		must(b, err)
		must(b, f.Sync())
		must(b, f.Close())
	}
	return n / time.Since(start).Seconds()
}
