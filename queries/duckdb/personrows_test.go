//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/enginetest"
)

// Which row stays of a person with too many: the same under one salt, in ranges of any
// size, and unforeseeable under another. 300 people have bills of 1, 2, 3 and 4, and one
// stays. Two fixed salts agree on a binomial(300, 1/4) of them, which a choice by the
// values alone, or without the salt, puts at 300; a false alarm of 40 to 120 is below
// 1e-5, and so is one of 40 to 120 for the times that the bill of 1 stays.
func TestSaltChoosesTheRows(t *testing.T) {
	domain, w := t.TempDir(), enginetest.World{}
	for i := range 300 {
		k := enginetest.Person(i)
		w["person"] = append(w["person"], enginetest.Row{"psn_key": k})
		for n := range 4 {
			w["settlement"] = append(w["settlement"], enginetest.Row{"psn_key": k, "setl_date": enginetest.Day(1), "level": "primary", "pay_loc": fmt.Sprint(n + 1)})
		}
	}
	id := enginetest.Snapshot(t, OpenWriter, domain, w.Tables()...)
	kept := func(salt string, rangeRows int64) map[string]float64 {
		e := newEngine(t, Options{Domain: domain, Threads: 1, RangeRows: rangeRows})
		out := map[string]float64{}
		err := e.People(context.Background(), billRows(id, salt), func(list []queries.PersonRow) error {
			for _, r := range list {
				if _, twice := out[r.Person()]; twice {
					t.Fatal("two rows of a person")
				}
				out[r.Person()] = r.Value(0)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	one, again, other := kept("one salt", 0), kept("one salt", 100), kept("another", 0)
	same, low := 0, 0
	for who, v := range one {
		if again[who] != v {
			t.Fatal("one salt, and another row")
		}
		if other[who] == v {
			same++
		}
		if v == 1 {
			low++
		}
	}
	if len(one) != 300 || same < 40 || same > 120 || low < 40 || low > 120 {
		t.Errorf("%d people; %d keep their row under another salt, %d keep the bill of 1", len(one), same, low)
	}
}

func billRows(id, salt string) queries.FeatureJob {
	j := sums(id, "")
	return queries.FeatureJob{
		Snapshot: id, Views: j.Views, SQL: "SELECT psn_key, TRY_CAST(pay_loc AS BIGINT) AS paid FROM bill",
		Columns: []queries.RowColumn{{Name: "paid", Lo: 0, Hi: 9, Scale: 1, Bit: -1}}, Rows: 1, Salt: []byte(salt),
	}
}
