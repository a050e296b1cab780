package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// store is one open snapshot.
type store struct {
	db     *sql.DB
	people uint32 // person numbers are 0..people-1
	public bool   // nobody is in it
	tables map[string]tableSize
	users  int // runs; guarded by Engine.mu

	mu  sync.Mutex
	out map[int64][]uint32 // by epoch: person numbers that opted out, sorted
}

// use opens the snapshot, or takes it as it is open; done gives it back. Only
// the snapshot last asked for stays open when nobody uses it.
func (e *Engine) use(ctx context.Context, id string) (s *store, done func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, nil, ErrClosed
	}
	s = e.stores[id]
	if s == nil {
		if s, err = e.openStore(ctx, id); err != nil {
			return nil, nil, err
		}
		e.stores[id] = s
	}
	s.users++
	e.runs.Add(1)
	e.last = id
	e.sweep()
	return s, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		s.users--
		e.sweep()
		e.runs.Done()
	}, nil
}

func (e *Engine) sweep() {
	for id, s := range e.stores {
		if s.users == 0 && id != e.last {
			s.db.Close()
			delete(e.stores, id)
		}
	}
}

// openStore checks that the manifest is the one the id names, and attaches the
// data. Their digest is left to [Engine.Verify].
func (e *Engine) openStore(ctx context.Context, id string) (*store, error) {
	m, err := dataset.Load(e.o.Domain, id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if m.People < 0 || m.People > math.MaxUint32 {
		return nil, fmt.Errorf("%w: too many people", ErrSnapshot)
	}
	db, err := OpenSnapshot(ctx, SnapshotOptions{
		Path: dataset.DataPath(e.o.Domain, id), TempDir: e.temp, TempBytes: e.o.TempBytes, Memory: e.o.Memory,
		Threads: 1, // each worker's connection runs its own statement on its own thread
	})
	if err != nil {
		return nil, opaque(ctx)
	}
	s := &store{db: db, people: uint32(m.People), public: m.Public, out: map[int64][]uint32{}}
	if s.tables, err = tableSizes(ctx, db); err != nil {
		db.Close()
		return nil, opaque(ctx)
	}
	return s, nil
}

// optedOut gives the person numbers that the epoch's runs leave out.
func (s *store) optedOut(ctx context.Context, epoch int64, list func(int64) ([][16]byte, error)) ([]uint32, error) {
	if list == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if out, ok := s.out[epoch]; ok {
		return out, nil
	}
	keys, err := list(epoch)
	if err != nil {
		return nil, err
	}
	out := []uint32{}
	for chunk := range slices.Chunk(keys, 1000) {
		if out, err = s.numbers(ctx, chunk, out); err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	s.out[epoch] = out
	return out, nil
}

// numbers appends the person numbers of psn_keys; keys of nobody here give none.
func (s *store) numbers(ctx context.Context, keys [][16]byte, out []uint32) ([]uint32, error) {
	literals := make([]string, len(keys))
	for i, k := range keys {
		literals[i] = new(big.Int).SetBytes(k[:]).String() + "::HUGEINT"
	}
	rows, err := s.db.QueryContext(ctx, "SELECT pno FROM "+SnapshotCatalog+".main.person WHERE psn_key IN ("+strings.Join(literals, ", ")+")")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p uint32
		if err := rows.Scan(&p); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
