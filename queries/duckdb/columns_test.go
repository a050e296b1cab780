package duckdb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

var released = Columns{
	Names: []string{"level", "suppressed", "severity"},
	Types: []ColumnType{StringColumn, BoolColumn, FloatColumn},
	Rows: [][]any{
		{"三级 tertiary", false, 14231.5},
		{"primary", true, nil},
	},
}

// closeCounter must not be closed by a writer that was only lent to it.
type closeCounter struct {
	bytes.Buffer
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

func TestWriteArrowReadsBack(t *testing.T) {
	var b closeCounter
	if err := WriteArrow(&b, released); err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() {
		t.Fatal("no record")
	}
	checkRecord(t, r.RecordBatch())
	if b.closed != 0 {
		t.Error("the caller's writer was closed")
	}
}

func TestWriteParquetReadsBack(t *testing.T) {
	var b, again closeCounter
	for _, w := range []io.Writer{&b, &again} {
		if err := WriteParquet(w, released); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("equal tables gave different bytes")
	}
	f, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	tr := array.NewTableReader(table, 0)
	defer tr.Release()
	if !tr.Next() {
		t.Fatal("no record")
	}
	checkRecord(t, tr.RecordBatch())
	if b.closed != 0 {
		t.Error("the caller's writer was closed")
	}
}

func checkRecord(t *testing.T, r arrow.RecordBatch) {
	t.Helper()
	if r.NumRows() != 2 || r.ColumnName(2) != "severity" {
		t.Fatalf("%d rows, third column %s", r.NumRows(), r.ColumnName(2))
	}
	if got := r.Column(0).(*array.String).Value(0); got != "三级 tertiary" {
		t.Errorf("level is %q", got)
	}
	if !r.Column(1).(*array.Boolean).Value(1) {
		t.Error("the second row is not suppressed")
	}
	severity := r.Column(2).(*array.Float64)
	if severity.Value(0) != 14231.5 || !severity.IsNull(1) {
		t.Errorf("severity is %v", severity)
	}
}

func TestColumnsRefused(t *testing.T) {
	for name, c := range map[string]Columns{
		"types":  {Names: []string{"a"}},
		"type":   {Names: []string{"a"}, Types: []ColumnType{9}},
		"row":    {Names: []string{"a"}, Types: []ColumnType{StringColumn}, Rows: [][]any{{}}},
		"value":  {Names: []string{"a"}, Types: []ColumnType{StringColumn}, Rows: [][]any{{1.5}}},
		"value2": {Names: []string{"a"}, Types: []ColumnType{FloatColumn}, Rows: [][]any{{int64(1)}}},
	} {
		if err := WriteArrow(io.Discard, c); !errors.Is(err, ErrColumns) {
			t.Errorf("%s: arrow: %v", name, err)
		}
		if err := WriteParquet(io.Discard, c); !errors.Is(err, ErrColumns) {
			t.Errorf("%s: parquet: %v", name, err)
		}
	}
}
