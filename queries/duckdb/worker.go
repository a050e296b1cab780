package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/qunxiang/qunxiang/dp"
)

// worker takes ranges until none is left, with a connection, totals and
// buffers of its own.
type worker struct {
	db     *sql.DB
	conn   *sql.Conn
	stmt   *statement
	args   []any
	out    []uint32 // person numbers that opted out, sorted
	totals *dp.Totals
	frame  *frame
}

// work returns a nil error, or one that nobody may see. A panic counts as an
// error: its text, too, may quote data.
func (w *worker) work(ctx context.Context, r *ranges) (err error) {
	defer func() {
		if recover() != nil {
			err = ErrRun
		}
	}()
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return err
	}
	defer w.conn.Close()
	for {
		lo, hi, ok := r.take()
		if !ok {
			return nil
		}
		if err := w.people(ctx, lo, hi); err != nil {
			return err
		}
		r.finished()
	}
}

// people adds the people lo..hi to the totals. If some value makes the
// statement fail, the halves are tried, down to single people, who then
// contribute nothing.
func (w *worker) people(ctx context.Context, lo, hi uint32) error {
	err := w.fetch(ctx, lo, hi)
	if err == nil {
		return w.totals.AddRange(&w.frame.batch)
	}
	if ctx.Err() != nil || !ofRows(err) {
		return err
	}
	if lo == hi {
		return nil
	}
	middle := lo + (hi-lo)/2
	if err := w.people(ctx, lo, middle); err != nil {
		return err
	}
	return w.people(ctx, middle+1, hi)
}

// fetch reads the rows of lo..hi into the frame.
func (w *worker) fetch(ctx context.Context, lo, hi uint32) error {
	query, err := w.over(lo, hi)
	if err != nil {
		return err
	}
	w.frame.reset()
	return fetch(ctx, w.conn, query, w.args, func(r arrow.RecordBatch) error { return w.frame.add(r) })
}

// over writes the statement for lo..hi less those who opted out.
func (w *worker) over(lo, hi uint32) (string, error) {
	first, _ := slices.BinarySearch(w.out, lo)
	end, found := slices.BinarySearch(w.out, hi)
	if found {
		end++
	}
	return w.stmt.over(within(lo, hi, w.out[first:end]))
}

// ofRows tells an error that some row's value caused from one of the machine
// or the statement.
func ofRows(err error) bool {
	var e *duckdb.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Type {
	case duckdb.ErrorTypeOutOfRange, duckdb.ErrorTypeConversion, duckdb.ErrorTypeDecimal, duckdb.ErrorTypeMismatchType,
		duckdb.ErrorTypeDivideByZero, duckdb.ErrorTypeInvalidInput:
		return true
	}
	return false
}

// arguments are the values bound to the SQL's $names. A date is a DATE; an
// integer that fits is an INTEGER, which is what dates are added to.
func arguments(args map[string]any) []any {
	out := make([]any, 0, len(args))
	for name, v := range args {
		switch t := v.(type) {
		case time.Time:
			v = duckdb.Typed(t, duckdb.TYPE_DATE)
		case int64:
			if int64(int32(t)) == t {
				v = duckdb.Typed(int32(t), duckdb.TYPE_INTEGER)
			}
		}
		out = append(out, sql.Named(name, v))
	}
	return out
}
