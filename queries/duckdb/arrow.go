//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// Arrow returns the loader of Arrow IPC files for imports.
func Arrow() dataset.ArrowLoader { return arrowFiles{} }

// arrowFiles reads Arrow IPC files, in the file or in the stream format.
type arrowFiles struct{}

var errArrow = errors.New("not an Arrow IPC file that can be read")

// Columns implements dataset.ArrowLoader.
func (arrowFiles) Columns(path string) ([]string, error) {
	f, err := openArrow(path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	var names []string
	for _, field := range f.schema.Fields() {
		names = append(names, field.Name)
	}
	return names, nil
}

// Load implements dataset.ArrowLoader: the file's record batches pass through
// an Arrow view of the connection, one after the other.
func (arrowFiles) Load(ctx context.Context, conn *sql.Conn, path, into string, columns []string) error {
	f, err := openArrow(path)
	if err != nil {
		return err
	}
	defer f.close()
	picked, err := f.pick(columns)
	if err != nil {
		return err
	}
	return conn.Raw(func(c any) error {
		dc, ok := c.(driver.Conn)
		if !ok {
			return errArrow
		}
		return loadView(ctx, dc, picked, into)
	})
}

func loadView(ctx context.Context, conn driver.Conn, r array.RecordReader, into string) error {
	a, err := duckdb.NewArrowFromConn(conn)
	if err != nil {
		return err
	}
	const view = "arrow_file"
	release, err := a.RegisterView(r, view)
	if err != nil {
		return err
	}
	defer release()
	exec, ok := conn.(driver.ExecerContext)
	if !ok {
		return errArrow
	}
	if _, err := exec.ExecContext(ctx, "CREATE TABLE "+into+" AS SELECT * FROM "+view, nil); err != nil {
		return err
	}
	_, err = exec.ExecContext(ctx, "DROP VIEW IF EXISTS "+view, nil)
	return err
}

// arrowFile is an open Arrow IPC file of either format.
type arrowFile struct {
	schema *arrow.Schema
	next   func() (arrow.RecordBatch, error) // nil, nil at the end
	close  func()
}

func openArrow(path string) (*arrowFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errArrow
	}
	if r, err := ipc.NewFileReader(f); err == nil {
		at := 0
		next := func() (arrow.RecordBatch, error) {
			if at++; at > r.NumRecords() {
				return nil, nil
			}
			return r.RecordBatchAt(at - 1)
		}
		return &arrowFile{r.Schema(), next, func() { r.Close(); f.Close() }}, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, errArrow
	}
	r, err := ipc.NewReader(f)
	if err != nil {
		f.Close()
		return nil, errArrow
	}
	next := func() (arrow.RecordBatch, error) {
		if r.Next() {
			b := r.RecordBatch()
			b.Retain() // the reader lets go of it at the next call
			return b, nil
		}
		return nil, r.Err()
	}
	return &arrowFile{r.Schema(), next, func() { r.Release(); f.Close() }}, nil
}

// pick leaves only the wanted columns: what is not named is never loaded.
func (f *arrowFile) pick(columns []string) (*pickedBatches, error) {
	p := &pickedBatches{file: f}
	var fields []arrow.Field
	for _, c := range columns {
		i := slices.IndexFunc(f.schema.Fields(), func(field arrow.Field) bool { return strings.EqualFold(field.Name, c) })
		if i < 0 {
			return nil, errArrow
		}
		p.at, fields = append(p.at, i), append(fields, f.schema.Field(i))
	}
	if len(p.at) == 0 {
		return nil, errArrow
	}
	p.schema = arrow.NewSchema(fields, nil)
	return p, nil
}

// pickedBatches is an array.RecordReader over some columns of a file. It is a
// plain state machine, because the engine calls it from its own threads: a
// reader over a Go iterator is a coroutine and dies there.
type pickedBatches struct {
	file    *arrowFile
	schema  *arrow.Schema
	at      []int
	current arrow.RecordBatch
	err     error
}

var _ array.RecordReader = (*pickedBatches)(nil)

// Retain implements array.RecordReader; the file outlives every reader.
func (p *pickedBatches) Retain() {}

// Release implements array.RecordReader.
func (p *pickedBatches) Release() {}

// Schema implements array.RecordReader.
func (p *pickedBatches) Schema() *arrow.Schema { return p.schema }

// Err implements array.RecordReader.
func (p *pickedBatches) Err() error { return p.err }

// RecordBatch implements array.RecordReader.
func (p *pickedBatches) RecordBatch() arrow.RecordBatch { return p.current }

// Record implements array.RecordReader, under the older name.
func (p *pickedBatches) Record() arrow.RecordBatch { return p.current }

// Next implements array.RecordReader.
func (p *pickedBatches) Next() bool {
	if p.current != nil {
		p.current.Release()
		p.current = nil
	}
	full, err := p.file.next()
	if err != nil || full == nil {
		if err != nil {
			p.err = errArrow
		}
		return false
	}
	defer full.Release()
	cols := make([]arrow.Array, len(p.at))
	for i, j := range p.at {
		cols[i] = full.Column(j)
	}
	p.current = array.NewRecordBatch(p.schema, cols, full.NumRows())
	return true
}
