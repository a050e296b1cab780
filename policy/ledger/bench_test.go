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
	l, dir, c := benchLedger(b)
	fsyncs := yardstick(b, dir)
	var next atomic.Int64
	b.ResetTimer()
	spread(b, func() {
		id := fmt.Sprint("r-", next.Add(1))
		if _, err := l.Charge(ctx, charge(id, 1, c.now())); err != nil {
			b.Error(err)
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "charges/s")
	b.ReportMetric(rate/fsyncs, "charges/fsync")
}

// BenchmarkChargedReleases is the whole of it: charge, then the release with
// tiles and checkpoint, each step by 64 clients at once.
func BenchmarkChargedReleases(b *testing.B) {
	l, dir, c := benchLedger(b)
	fsyncs := yardstick(b, dir)
	b.ResetTimer()
	charges := make([]int64, b.N)
	var next, again atomic.Int64
	spread(b, func() {
		n := next.Add(1) - 1
		index, err := l.Charge(ctx, charge(fmt.Sprint("r-", n), 1, c.now()))
		if err != nil {
			b.Error(err)
		}
		charges[n] = index
	})
	c.step(2 * time.Second)
	spread(b, func() {
		n := again.Add(1) - 1
		id := fmt.Sprint("r-", n)
		if _, err := l.Release(ctx, ledger.Release{Charge: charges[n], ID: id, Digest: digest(id)}); err != nil {
			b.Error(err)
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "releases/s")
	b.ReportMetric(rate/fsyncs, "releases/fsync")
}

// BenchmarkRead folds a log of charges from its file, as every estimate beside a
// server does.
func BenchmarkRead(b *testing.B) {
	l, dir, c := benchLedger(b)
	var next atomic.Int64
	const leaves = 20_000
	together(64, func(int) {
		for n := next.Add(1); n <= leaves; n = next.Add(1) {
			if _, err := l.Charge(ctx, charge(fmt.Sprint("r-", n), 1, c.now())); err != nil {
				b.Error(err)
			}
		}
	})
	_, err := l.Checkpoint(ctx)
	must(b, err)
	for b.Loop() {
		_, err := ledger.Read(dir, verifier(b))
		must(b, err)
	}
	b.ReportMetric(float64(b.N)*leaves/b.Elapsed().Seconds(), "leaves/s")
}

func benchLedger(b *testing.B) (*ledger.Ledger, string, *clock) {
	dir, c := b.TempDir(), newClock()
	o := options(dir, c)
	o.Fatal = func(err error) { b.Error(err) }
	l := open(b, o)
	b.Cleanup(func() { _ = l.Close() })
	g := grant(1 << 60)
	g.Year.Delta, g.Life.Delta = 1<<60, 1<<60
	_, err := l.Grant(ctx, g)
	must(b, err)
	_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
	must(b, err)
	return l, dir, c
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
