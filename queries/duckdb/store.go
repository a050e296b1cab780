package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// store is one open snapshot.
type store struct {
	db     *sql.DB
	people uint32           // person numbers are 0..people-1
	rows   map[string]int64 // by table
	users  int              // runs; guarded by Engine.mu

	mu  sync.Mutex
	out map[int64][]uint32 // by epoch: person numbers that opted out, sorted
}

// use opens the snapshot, or takes it as it is open, and closes others that
// nobody uses any more. done gives it back.
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
		for other, o := range e.stores {
			if o.users == 0 {
				o.db.Close()
				delete(e.stores, other)
			}
		}
		e.stores[id] = s
	}
	s.users++
	e.runs.Add(1)
	return s, func() {
		e.mu.Lock()
		s.users--
		e.mu.Unlock()
		e.runs.Done()
	}, nil
}

// openStore checks that the manifest is the one the id names, and attaches the
// data. Their digest is left to [Engine.Verify].
func (e *Engine) openStore(ctx context.Context, id string) (*store, error) {
	m, err := dataset.Load(e.o.Domain, id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	db, err := OpenSnapshot(ctx, SnapshotOptions{
		Path: dataset.DataPath(e.o.Domain, id), TempDir: e.temp, TempBytes: e.o.TempBytes, Memory: e.o.Memory,
		Threads: 1, // each worker's connection runs its own statement on its own thread
	})
	if err != nil {
		return nil, opaque(ctx)
	}
	s := &store{db: db, people: uint32(m.People), out: map[int64][]uint32{}}
	if s.rows, err = tableSizes(ctx, db); err != nil {
		db.Close()
		return nil, opaque(ctx)
	}
	return s, nil
}

// tableSizes is about how many rows each table has, to cut ranges by.
func tableSizes(ctx context.Context, db *sql.DB) (map[string]int64, error) {
	rows, err := db.QueryContext(ctx, "SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = '"+SnapshotCatalog+"'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sizes := map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		sizes[name] = n
	}
	return sizes, rows.Err()
}

// rangeSize is how many people a range has, so that the largest table among
// the views gives about the wanted number of rows: then the memory of a run
// does not grow with the data. Ranges come out equal, and as many for each worker.
func (s *store) rangeSize(views []queries.View, wanted int64, workers int) uint32 {
	people, most := int64(s.people), int64(1)
	for _, v := range views {
		most = max(most, s.rows[v.Table])
	}
	size := min(max(wanted*people/most, minRange), maxRange)
	rounds := max(1, divUp(people, size*int64(workers)))
	return uint32(max(minRange, divUp(people, rounds*int64(workers))))
}

func divUp(a, b int64) int64 { return (a + b - 1) / b }

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
