package api

import (
	"encoding/json"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

// A number without an interval has a value, and nothing where its ends would be.
func TestTableOfNumberWithoutInterval(t *testing.T) {
	stored, err := json.Marshal(queries.Release{Keys: []string{}, Groups: []queries.ReleasedGroup{{Keys: map[string]string{}, Measures: map[string]queries.ReleasedValue{
		"people": {Unit: "people", Number: &queries.ReleasedNumber{Value: 50, Low: 40, High: 60}},
		"wrong":  {Unit: "share", Number: &queries.ReleasedNumber{Value: 0.1, NoInterval: true}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Table(stored)
	if err != nil {
		t.Fatal(err)
	}
	null := map[string]bool{}
	for _, c := range table.Columns {
		if c.Null != nil {
			null[c.Name] = c.Null[0]
		}
	}
	for name, want := range map[string]bool{"people_low": false, "people_high": false, "wrong_value": false, "wrong_low": true, "wrong_high": true} {
		if got, ok := null[name]; !ok || got != want {
			t.Errorf("%s is null: %v, want %v", name, got, want)
		}
	}
}
