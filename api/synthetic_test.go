package api

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

// Files of a release with a synthetic population are its rows; the stored JSON is
// as it was.
func TestTableOfSyntheticRows(t *testing.T) {
	stored, err := json.Marshal(queries.Release{
		ID: "q-1", Keys: []string{}, Groups: []queries.ReleasedGroup{{Keys: map[string]string{}, Measures: map[string]queries.ReleasedValue{
			"people": {Unit: "people", Number: &queries.ReleasedNumber{Value: 50}},
		}}},
		Synthetic: &queries.Synthetic{Columns: []string{"sex", "stays"}, Rows: [][]string{{"male", "0"}, {"female", "5+"}, {"=cmd", "1-2"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Table(stored)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteCSV(&b, table); err != nil {
		t.Fatal(err)
	}
	if want := "sex,stays\r\nmale,0\r\nfemale,5+\r\n'=cmd,1-2\r\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	if last := table.Meta[len(table.Meta)-1]; last.Name != "rows" || table.Meta[0].Value != "q-1" {
		t.Errorf("meta %v", table.Meta)
	}
}

// A suppressed release has no rows: it is told as any other table.
func TestTableWithoutSyntheticRows(t *testing.T) {
	stored, err := json.Marshal(queries.Release{Keys: []string{}, Groups: []queries.ReleasedGroup{{Keys: map[string]string{}, Suppressed: true}}})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Table(stored)
	if err != nil || table.Rows != 1 || table.Columns[0].Name != "suppressed" || !table.Columns[0].Flags[0] {
		t.Errorf("%+v, %v", table, err)
	}
}
