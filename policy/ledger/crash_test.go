package ledger_test

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
)

// long says that this is the run before a release.
func long() bool { return os.Getenv("QUNXIANG_LONG") != "" }

// seedOf is QUNXIANG_SEED; else one by chance before a release, and one for all changes.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	if s := os.Getenv("QUNXIANG_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if !long() {
		return 1
	}
	return rand.Uint64()
}

// number is a count that the environment may set.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}

// enough violations end a run: more of them tell nothing more.
const enough = 20

// onAllCores does n things on all cores and counts those that went wrong, up to enough;
// the first few are told.
func onAllCores(t *testing.T, n int, do func(i int) error) (violations int64) {
	t.Helper()
	var next, wrong atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && wrong.Load() < enough; i = next.Add(1) - 1 {
				if err := do(int(i)); err != nil && wrong.Add(1) <= 5 {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	return wrong.Load()
}

// Every fault at every file operation of a supervised domain's life, with its released
// files and its witness: after a restart everything that anybody was told is there, the
// auditor has no finding, and it goes on. In the long run all of them, else 300.
func TestCrashSupervised(t *testing.T) {
	seed := seedOf(t)
	type point struct {
		fault ledgertest.Fault
		at    int
	}
	var points []point
	ops := operations(t, seed)
	for _, f := range ledgertest.Faults() {
		for at := 1; at <= ops; at++ {
			points = append(points, point{f, at})
		}
	}
	all := len(points)
	if !long() {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(all, func(i, j int) { points[i], points[j] = points[j], points[i] })
		some := 300
		if testing.Short() {
			some = 50
		}
		points = points[:min(all, some)]
	}
	violations := onAllCores(t, len(points), func(i int) error {
		met, err := crashed(points[i].fault, points[i].at, seed)
		if err == nil && !met {
			t.Errorf("%+v was not met", points[i])
		}
		return err
	})
	t.Logf("seed %d: %d points of %d, %d violations", seed, len(points), all, violations)
	if all < 2000 {
		t.Errorf("only %d points in all", all)
	}
}

// operations is how many file operations a life has.
func operations(t *testing.T, seed uint64) int {
	t.Helper()
	e, err := newEstate("no fault", rand.New(rand.NewPCG(seed, 0)))
	must(t, err)
	must(t, holds(func() {
		if err := e.open(); err != nil {
			e.fail("%v", err)
		}
		e.live()
		if len(e.tickets) != 5 || e.newest(waiting) != nil {
			e.fail("a life has %d requests", len(e.tickets))
		}
	}))
	must(t, e.Close())
	return e.disk.Ops()
}
