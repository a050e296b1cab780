package duckdb

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// Options are what an Engine is made of.
type Options struct {
	// Domain is the directory that holds the snapshots, see [dataset.Load]. Required.
	Domain string
	// TempDir is an existing directory inside the domain where DuckDB may spill,
	// each engine in a folder of its own that Close removes; "" = it may not spill.
	TempDir string
	// TempBytes is the most that is spilled, in bytes; 0 = 16 GiB.
	TempBytes int64
	// Threads is the number of workers; 0 = GOMAXPROCS.
	Threads int
	// Memory bounds DuckDB's memory, in bytes; 0 = 128 MiB and 64 MiB a
	// worker. More only keeps more of the snapshot in memory.
	Memory int64
	// RangeRows is about how many rows of its largest view a range of people
	// should have; 0 = a good default. A range has at least one person.
	RangeRows int64
	// OptOuts lists the psn_keys, big-endian, of everyone who opted out before
	// the epoch. nil = nobody ever does.
	OptOuts func(epoch int64) ([][16]byte, error)
	// Progress is told after each range how many of a run's ranges are done. It
	// is for the steward alone: how long data take is data. It may be called
	// from several goroutines, one at a time within a run.
	Progress func(done, all int)
}

const (
	maxRange  = 1 << 17
	rangeRows = 1 << 18
)

// Engine runs compiled questions on DuckDB in ranges of people. It is safe for
// concurrent use. It implements [queries.Engine].
type Engine struct {
	o    Options
	temp string // its own folder in TempDir

	mu     sync.Mutex
	stores map[string]*store // by snapshot
	last   string            // the snapshot last asked for
	linted map[[32]byte]error
	closed bool
	runs   sync.WaitGroup
}

var _ queries.Engine = (*Engine)(nil)

// Open makes an engine. No snapshot is touched before the first run.
func Open(o Options) (*Engine, error) {
	if o.Domain == "" {
		return nil, fmt.Errorf("%w: no domain", ErrSnapshot)
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Memory <= 0 {
		o.Memory = 64 << 20 * int64(2+o.Threads)
	}
	if o.RangeRows <= 0 {
		o.RangeRows = rangeRows
	}
	e := &Engine{o: o, stores: map[string]*store{}, linted: map[[32]byte]error{}}
	if o.TempDir != "" {
		temp, err := NewTemp(o.TempDir)
		if err != nil {
			return nil, fmt.Errorf("%w: no folder in the temp directory", ErrOpen)
		}
		e.temp = temp
	}
	return e, nil
}

// Close waits for running questions, lets go of every snapshot and removes what was spilled.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	e.runs.Wait()
	for _, s := range e.stores {
		s.db.Close()
	}
	if e.temp != "" {
		return os.RemoveAll(e.temp)
	}
	return nil
}

// Run answers a job with bounded totals. People are taken in ranges of dense
// person numbers, one statement each, on as many connections as there are
// threads; a person is wholly inside one range, so bounding sees all of them.
//
// Before it meets data the SQL is linted once ([ErrLint]); afterwards every
// failure is [ErrRun]. A person whose rows make the statement fail contributes
// nothing: the range is halved until that person is alone (rule 9).
func (e *Engine) Run(ctx context.Context, j queries.Job) (*dp.Totals, error) {
	if !hasArrow {
		return nil, ErrNoArrow
	}
	stmt, err := e.prepare(ctx, j)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, j, stmt)
}

// Check lints the SQL of a job and binds it against an empty schema. It touches
// no data. Errors: [ErrLint], [ErrView].
func (e *Engine) Check(ctx context.Context, j queries.Job) error {
	if !hasArrow {
		return ErrNoArrow
	}
	_, err := e.prepare(ctx, j)
	return err
}

// prepare is what can be said of a job without data.
func (e *Engine) prepare(ctx context.Context, j queries.Job) (*statement, error) {
	stmt, err := newStatement(j)
	if err != nil {
		return nil, err
	}
	return stmt, e.lintOnce(ctx, jobQuestion(j))
}

func (e *Engine) run(ctx context.Context, j queries.Job, stmt *statement) (*dp.Totals, error) {
	s, done, err := e.use(ctx, j.Snapshot)
	if err != nil {
		return nil, err
	}
	defer done()
	totals, err := newTotals(j)
	if err != nil {
		return nil, err
	}
	if s.public {
		if err := totals.DeclarePublic(); err != nil {
			return nil, ErrRun
		}
	}
	out, err := s.optedOut(ctx, j.Epoch, e.o.OptOuts)
	if err != nil {
		return nil, opaque(ctx)
	}
	r := &ranges{size: s.rangeSize(ctx, j.Views, e.o.RangeRows, e.o.Threads), people: s.people, progress: e.o.Progress}
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var failed atomic.Bool
	forks := make([]*dp.Totals, min(e.o.Threads, max(1, r.count())))
	for i := range forks {
		if forks[i], err = totals.Fork(); err != nil {
			return nil, ErrRun
		}
		w := &worker{db: s.db, stmt: stmt, args: arguments(j.Args), out: out, totals: forks[i], frame: newFrame(stmt, j.Spec, forks[i])}
		wg.Go(func() {
			if w.work(working, r) != nil {
				failed.Store(true)
				cancel()
			}
		})
	}
	wg.Wait()
	if failed.Load() {
		return nil, opaque(ctx)
	}
	for _, f := range forks {
		if err := totals.Join(f); err != nil {
			return nil, ErrRun
		}
	}
	return totals, nil
}

func newTotals(j queries.Job) (*dp.Totals, error) {
	if j.Salt == [16]byte{} {
		return dp.NewTotals(j.Spec)
	}
	return dp.NewTotalsWith(j.Spec, j.Salt)
}

// ranges deals out ranges of person numbers.
type ranges struct {
	size, people uint32
	next         atomic.Int64
	progress     func(done, all int)
	mu           sync.Mutex
	done         int
}

func (r *ranges) count() int { return int((uint64(r.people) + uint64(r.size) - 1) / uint64(r.size)) }

func (r *ranges) take() (lo, hi uint32, ok bool) {
	i := r.next.Add(1) - 1
	first := uint64(i) * uint64(r.size)
	if first >= uint64(r.people) {
		return 0, 0, false
	}
	return uint32(first), uint32(min(first+uint64(r.size), uint64(r.people)) - 1), true
}

func (r *ranges) finished() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if r.progress != nil {
		r.progress(r.done, r.count())
	}
}

// Verify holds the files of a snapshot against the digests in its manifest: a
// pass over all bytes, made only when asked for. A run checks no more than that
// the manifest is the one that the snapshot's id names. Errors: ErrSnapshot.
func (e *Engine) Verify(id string) error {
	m, err := dataset.Load(e.o.Domain, id)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if err := m.Verify(e.o.Domain); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return nil
}
