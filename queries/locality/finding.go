package locality

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Finding is one reason why a statement is refused. Code is stable. Line and
// Column, in characters, count from 1 in the SQL and are 0 where no place is to blame.
type Finding struct {
	Code   string `json:"code"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`
}

// String is "line 3:7: star: ...".
func (f Finding) String() string {
	if f.Line > 0 {
		return fmt.Sprintf("line %d:%d: %s: %s", f.Line, f.Column, f.Code, f.Text)
	}
	return f.Code + ": " + f.Text
}

// advice says how to write it instead.
var advice = map[string]string{
	"alias":          "give it a name with AS in its own SELECT",
	"cast":           "write TRY_CAST(x AS BIGINT); DuckDB also adds casts where types differ, so compare like with like",
	"column":         "select a declared column from a relation of this SELECT's own FROM",
	"distinct_on":    "use QUALIFY row_number() OVER (PARTITION BY psn_key ORDER BY ...) = 1",
	"float":          "count in integers: fen, thousandths, days",
	"from":           "select from a declared view, which has rows of people",
	"function":       "use a function of the list in the documentation: one that depends on its arguments alone",
	"group_by":       "write GROUP BY psn_key, ... with every column, and the psn_key that is selected",
	"join":           "write JOIN x USING (psn_key), or ON a.psn_key = b.psn_key AND ...",
	"modifier":       "leave it out: rows are bounded by the engine; per person, use QUALIFY row_number() OVER (PARTITION BY psn_key ORDER BY ...) <= n",
	"name":           "take a name that no view and no other part of the statement has",
	"not_in":         "write x <> 'a' AND x <> 'b', NOT list_contains($list, x), or an ANTI JOIN USING (psn_key)",
	"order":          "write string_agg(x, '>' ORDER BY date, x): the value itself must be among the columns of ORDER BY",
	"output":         "select psn_key and the declared keys and measure columns, each once",
	"parameter":      "declare it in the template",
	"plan":           "write it with SELECT, JOIN, WHERE, GROUP BY, windows and UNION ALL over the declared views",
	"psn_key":        "select psn_key as it comes, once, under its own name",
	"qualified":      "use the view's name alone",
	"range":          "give constants, integer parameters, or years, quarters and months of dates",
	"recursion":      "write the steps out as common table expressions",
	"sample":         "take every row: the noise does the rest",
	"star":           "list the columns",
	"subquery":       "put it in FROM, joined by psn_key; psn_key IN (SELECT psn_key FROM ...) may stand alone in WHERE",
	"table":          "declare the view under reads",
	"table_function": "use unnest in the SELECT list",
	"union":          "write UNION ALL, with DISTINCT in an outer SELECT",
	"window":         "write OVER (PARTITION BY psn_key ...) with the psn_key that is selected",
}

func finding(code, text string) Finding {
	if a := advice[code]; a != "" {
		text += "; " + a
	}
	return Finding{Code: code, Text: text}
}

// noPlace is a finding without a line.
const noPlace = ^uint64(0)

// findingAt places a finding at a byte of the SQL.
func findingAt(sql, code string, at uint64, format string, args ...any) Finding {
	f := finding(code, fmt.Sprintf(format, args...))
	if at < uint64(len(sql)) {
		before := sql[:at]
		f.Line = 1 + strings.Count(before, "\n")
		f.Column = 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	}
	return f
}
