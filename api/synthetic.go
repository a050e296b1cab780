package api

import (
	"strconv"

	"github.com/qunxiang/qunxiang/queries"
)

// syntheticTable is a synthetic population: one text column per attribute, one
// row per person who does not exist.
func syntheticTable(r queries.Release) *TableData {
	t := &TableData{Rows: len(r.Synthetic.Rows), Meta: append(meta(r), Pair{"rows", "synthetic: " + strconv.Itoa(len(r.Synthetic.Rows)) + " people who do not exist"})}
	for i, name := range r.Synthetic.Columns {
		c := Column{Name: name, Texts: make([]string, t.Rows)}
		for n, row := range r.Synthetic.Rows {
			if i < len(row) {
				c.Texts[n] = row[i]
			}
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}
