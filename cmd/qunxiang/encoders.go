package main

import (
	"io"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// encoders write the formats that need Arrow, which only queries/duckdb knows.
var encoders = map[api.Format]api.Encoder{
	api.Arrow:   encodeWith(duckdb.WriteArrow),
	api.Parquet: encodeWith(duckdb.WriteParquet),
}

// encodeWith hands a released table to an encoder of queries/duckdb.
func encodeWith(write func(io.Writer, duckdb.Columns) error) api.Encoder {
	return func(w io.Writer, t *api.TableData) error {
		c := duckdb.Columns{Rows: make([][]any, t.Rows)}
		for i := range c.Rows {
			c.Rows[i] = make([]any, len(t.Columns))
		}
		for n, col := range t.Columns {
			kind := duckdb.StringColumn
			switch {
			case col.Flags != nil:
				kind = duckdb.BoolColumn
			case col.Numbers != nil:
				kind = duckdb.FloatColumn
			}
			c.Names, c.Types, c.Units = append(c.Names, col.Name), append(c.Types, kind), append(c.Units, col.Unit)
			for i := range c.Rows {
				if col.Null != nil && col.Null[i] {
					continue
				}
				switch kind {
				case duckdb.BoolColumn:
					c.Rows[i][n] = col.Flags[i]
				case duckdb.FloatColumn:
					c.Rows[i][n] = col.Numbers[i]
				default:
					c.Rows[i][n] = col.Texts[i]
				}
			}
		}
		for _, p := range t.Meta {
			c.Meta = append(c.Meta, [2]string{p.Name, p.Value})
		}
		return write(w, c)
	}
}
