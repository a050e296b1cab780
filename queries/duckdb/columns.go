package duckdb

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// ErrColumns marks a table whose rows do not fit its columns.
var ErrColumns = errors.New("rows do not fit the columns")

// ColumnType is the type of a released column.
type ColumnType int

// The types of released columns.
const (
	StringColumn ColumnType = iota // string
	FloatColumn                    // float64
	BoolColumn                     // bool
)

// Columns is a released table, ready to be written in a columnar format. It
// holds what was released and nothing else.
type Columns struct {
	Names []string
	Types []ColumnType // as many as Names
	// Units, where there are any, are one per column, "" for none: metadata
	// "unit" of the field. Meta is metadata of the whole table: names and texts.
	Units []string
	Meta  [][2]string
	// Rows hold a string, float64 or bool per column, or nil for none.
	Rows [][]any
}

// WriteArrow writes t as an Arrow IPC stream (arrow.apache.org, columnar format
// 1.x). Equal tables give equal bytes. Errors: ErrColumns, and those of w.
func WriteArrow(w io.Writer, t Columns) error {
	record, err := t.record()
	if err != nil {
		return err
	}
	defer record.Release()
	out := ipc.NewWriter(w, ipc.WithSchema(record.Schema()))
	if err := out.Write(record); err != nil {
		return err
	}
	return out.Close()
}

// WriteParquet writes t as a Parquet file, compressed with Zstandard. Equal
// tables give equal bytes. Errors: ErrColumns, and those of w.
func WriteParquet(w io.Writer, t Columns) error {
	record, err := t.record()
	if err != nil {
		return err
	}
	defer record.Release()
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd))
	// The writer closes what can be closed; w is the caller's to close.
	out, err := pqarrow.NewFileWriter(record.Schema(), struct{ io.Writer }{w}, properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	if err := out.WriteBuffered(record); err != nil {
		return err
	}
	return out.Close()
}

func (c ColumnType) arrow() (arrow.DataType, bool) {
	switch c {
	case StringColumn:
		return arrow.BinaryTypes.String, true
	case FloatColumn:
		return arrow.PrimitiveTypes.Float64, true
	case BoolColumn:
		return arrow.FixedWidthTypes.Boolean, true
	}
	return nil, false
}

// record builds the one Arrow record of the table.
func (t Columns) record() (arrow.RecordBatch, error) {
	if len(t.Types) != len(t.Names) {
		return nil, fmt.Errorf("%w: %d names and %d types", ErrColumns, len(t.Names), len(t.Types))
	}
	fields := make([]arrow.Field, len(t.Names))
	for i, name := range t.Names {
		kind, ok := t.Types[i].arrow()
		if !ok {
			return nil, fmt.Errorf("%w: column %s has no known type", ErrColumns, name)
		}
		fields[i] = arrow.Field{Name: name, Type: kind, Nullable: true}
		if i < len(t.Units) && t.Units[i] != "" {
			fields[i].Metadata = arrow.NewMetadata([]string{"unit"}, []string{t.Units[i]})
		}
	}
	var names, texts []string
	for _, m := range t.Meta {
		names, texts = append(names, m[0]), append(texts, m[1])
	}
	meta := arrow.NewMetadata(names, texts)
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, &meta))
	defer b.Release()
	for _, row := range t.Rows {
		if len(row) != len(fields) {
			return nil, fmt.Errorf("%w: a row of %d values", ErrColumns, len(row))
		}
		for i, v := range row {
			if !appendValue(b.Field(i), v) {
				return nil, fmt.Errorf("%w: column %s holds a %T", ErrColumns, t.Names[i], v)
			}
		}
	}
	return b.NewRecordBatch(), nil
}

func appendValue(b array.Builder, v any) bool {
	if v == nil {
		b.AppendNull()
		return true
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		s, ok := v.(string)
		b.Append(s)
		return ok
	case *array.Float64Builder:
		f, ok := v.(float64)
		b.Append(f)
		return ok
	case *array.BooleanBuilder:
		x, ok := v.(bool)
		b.Append(x)
		return ok
	}
	return false
}
