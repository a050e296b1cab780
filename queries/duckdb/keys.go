package duckdb

import (
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

// keyKind says what the statement gives for a key.
type keyKind int

const (
	keyBands    keyKind = iota // an integer that Bands maps to the value's position
	keyPosition                // the value's position from 1; NULL or 0: none of them
	keyCode                    // the value's position from 0; NULL: none of them
	keyPrivate                 // the value itself
)

// keyReader reads one group key from the statement's column.
type keyReader struct {
	kind   keyKind
	sql    string
	bands  *queries.Bands
	values []string
}

// newKeyReader chooses how a text becomes its position. list_position works on
// the dictionary of a compressed column and costs next to nothing there; on
// plain columns it compares with every value, so long lists go through an ENUM,
// which hashes. Both match bytes exactly.
func newKeyReader(k queries.KeyColumn, spec dp.Key) keyReader {
	column := "t." + ident(k.Name)
	r := keyReader{values: spec.Values}
	switch {
	case spec.Private:
		r.kind, r.sql = keyPrivate, "TRY_CAST("+column+" AS VARCHAR)"
	case k.Bands != nil:
		r.kind, r.bands, r.sql = keyBands, k.Bands, integerSQL(column)
	case len(spec.Values) < enumFrom:
		r.kind, r.sql = keyPosition, "CAST(list_position(["+quoteAll(spec.Values)+"], TRY_CAST("+column+" AS VARCHAR)) AS INTEGER)"
	default:
		r.kind, r.sql = keyCode, "CAST(enum_code(TRY_CAST(TRY_CAST("+column+" AS VARCHAR) AS ENUM("+quoteAll(spec.Values)+"))) AS INTEGER)"
	}
	return r
}

func quoteAll(values []string) string {
	out := slices.Clone(values)
	for i := range out {
		out[i] = quote(out[i])
	}
	return strings.Join(out, ", ")
}
