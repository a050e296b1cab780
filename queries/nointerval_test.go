package queries

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// The error of a backtest has no interval, and says so: neither one of no width
// nor one at all reaches the reader.
func TestBacktestHasNoInterval(t *testing.T) {
	tpl, err := workshopWith(t, "  - {name: by_age,", "  - {name: next, title: {en: n, zh: n}, kind: forecast, of: monthly, unit: fen}\n  - {name: by_age,")
	if err != nil {
		t.Fatal(err)
	}
	q, err := (&Catalog{}).Compile(tpl, false, map[string]string{"event": "2017-03-15", "window": "2017-01..2017-09"}, Source{Snapshot: "s", MaxRows: 1000})
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(q, 6000)
	for i, row := range rows {
		for c, column := range q.Job.Columns {
			if column.Name == "month" {
				row.Values[c] = int64(i % 9)
			}
		}
	}
	r, _ := releaseExact(t, q, rows)
	for _, g := range r.Groups {
		m := g.Measures["next_error"]
		if m.Number == nil || !m.Number.NoInterval {
			t.Fatalf("next_error is %+v", m.Number)
		}
		body, err := json.Marshal(m)
		if err != nil || strings.Contains(string(body), "low") || strings.Contains(string(body), "high") || !strings.Contains(string(body), `"value"`) {
			t.Errorf("%s %v", body, err)
		}
		for _, m := range []ReleasedValue{m, g.Measures["fee"]} {
			var back ReleasedValue
			body, _ := json.Marshal(m)
			if err := json.Unmarshal(body, &back); err != nil || !reflect.DeepEqual(back, m) {
				t.Errorf("%s reads as %+v, %v", body, back.Number, err)
			}
		}
		if g.Measures["fee"].Number.NoInterval || g.Measures["next"].Values == nil {
			t.Error("what has an interval lost it")
		}
	}
}
