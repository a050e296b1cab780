//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"iter"
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
	defer picked.Release()
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
	schema  *arrow.Schema
	batches iter.Seq2[arrow.RecordBatch, error]
	close   func()
}

func openArrow(path string) (*arrowFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errArrow
	}
	if r, err := ipc.NewFileReader(f); err == nil {
		batches := func(yield func(arrow.RecordBatch, error) bool) {
			for i := range r.NumRecords() {
				if b, err := r.RecordBatchAt(i); !yield(b, err) {
					return
				}
			}
		}
		return &arrowFile{r.Schema(), batches, func() { r.Close(); f.Close() }}, nil
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
	batches := func(yield func(arrow.RecordBatch, error) bool) {
		for r.Next() {
			if !yield(r.RecordBatch(), nil) {
				return
			}
		}
		if r.Err() != nil {
			yield(nil, errArrow)
		}
	}
	return &arrowFile{r.Schema(), batches, func() { r.Release(); f.Close() }}, nil
}

// pick leaves only the wanted columns: what is not named is never loaded.
func (f *arrowFile) pick(columns []string) (array.RecordReader, error) {
	var at []int
	var fields []arrow.Field
	for _, c := range columns {
		i := slices.IndexFunc(f.schema.Fields(), func(field arrow.Field) bool { return strings.EqualFold(field.Name, c) })
		if i < 0 {
			return nil, errArrow
		}
		at, fields = append(at, i), append(fields, f.schema.Field(i))
	}
	if len(at) == 0 {
		return nil, errArrow
	}
	schema := arrow.NewSchema(fields, nil)
	return array.ReaderFromIter(schema, func(yield func(arrow.RecordBatch, error) bool) {
		for full, err := range f.batches {
			if err != nil {
				yield(nil, errArrow)
				return
			}
			cols := make([]arrow.Array, len(at))
			for i, j := range at {
				cols[i] = full.Column(j)
			}
			if !yield(array.NewRecordBatch(schema, cols, full.NumRows()), nil) {
				return
			}
		}
	}), nil
}
