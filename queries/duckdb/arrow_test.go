//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

var bills = arrow.NewSchema([]arrow.Field{
	{Name: "name", Type: arrow.BinaryTypes.String},
	{Name: "ID", Type: arrow.BinaryTypes.String},
	{Name: "amount", Type: &arrow.Decimal128Type{Precision: 16, Scale: 2}},
	{Name: "day", Type: &arrow.TimestampType{Unit: arrow.Microsecond}},
}, nil)

// batch makes n rows from number first on.
func batch(first, n int) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, bills)
	defer b.Release()
	for i := first; i < first+n; i++ {
		b.Field(0).(*array.StringBuilder).Append("never read")
		b.Field(1).(*array.StringBuilder).Append(string(rune('a' + i)))
		b.Field(2).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(100*i + 1)))
		b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(time.Date(2017, 1, 1+i, 23, 0, 0, 0, time.UTC).UnixMicro()))
	}
	return b.NewRecordBatch()
}

// writeArrow writes two batches in one of the two formats.
func writeArrow(t *testing.T, path string, file bool) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var w interface {
		Write(arrow.RecordBatch) error
		Close() error
	} = ipc.NewWriter(f, ipc.WithSchema(bills))
	if file {
		if w, err = ipc.NewFileWriter(f, ipc.WithSchema(bills)); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []arrow.RecordBatch{batch(0, 2), batch(2, 3)} {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestImportArrow(t *testing.T) {
	yaml := `name: arrow
version: 1
sources:
  bills: {columns: [id, amount, day]}
tables:
  person: [{from: bills, id: id}]
  settlement:
    - {from: bills, person: id, key: id, columns: {setl_date: day, total_fen: amount}}
`
	binding, err := dataset.ParseBinding("arrow.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	key, err := dataset.NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		file bool
	}{{"bills.arrow", true}, {"BILLS.arrows", false}, {"bills.ipc", true}} {
		source, domain := t.TempDir(), t.TempDir()
		writeArrow(t, filepath.Join(source, c.name), c.file)
		m, q, err := dataset.Import(context.Background(), dataset.Options{
			Domain: domain, Key: key, Binding: binding, Source: source, Open: duckdb.OpenWriter, Arrow: duckdb.Arrow(), Threads: 1,
		})
		if err != nil {
			t.Fatal(c.name, err)
		}
		if q.Tables["settlement"].Loaded != 5 || m.People != 5 {
			t.Errorf("%s: %d settlements of %d people", c.name, q.Tables["settlement"].Loaded, m.People)
		}
		db, err := duckdb.OpenSnapshot(context.Background(), duckdb.SnapshotOptions{Path: dataset.DataPath(domain, m.ID)})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		rows, err := db.Query("SELECT total_fen FROM snapshot.settlement ORDER BY setl_date")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var n int64
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			got = append(got, n)
		}
		if err := rows.Err(); err != nil || !slices.Equal(got, []int64{1, 101, 201, 301, 401}) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
		db.Close()
	}
}
