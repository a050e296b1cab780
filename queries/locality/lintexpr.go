package locality

import (
	"encoding/json"
	"slices"
	"strings"
)

// operators are the built-in ones besides comparisons.
var operators = words(`COMPARE_IN OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_TRY ARRAY_EXTRACT`)

// conjunction are the parts of an AND.
func conjunction(e *sqlExpr) []*sqlExpr {
	if e == nil {
		return nil
	}
	if e.Type != "CONJUNCTION_AND" {
		return []*sqlExpr{e}
	}
	var out []*sqlExpr
	for _, c := range e.Children {
		out = append(out, conjunction(c)...)
	}
	return out
}

// membership allows psn_key IN (SELECT psn_key FROM ...) as a condition of its
// own: a row passes if a row of the same person is there, and only then. Inside
// NOT or OR it could be NULL instead of false because of others' NULLs.
func (l *linter) membership(e *sqlExpr, in within, names scope) {
	var query sqlQuery
	if e.SubqueryType != "ANY" || e.Comparison != "COMPARE_EQUAL" || !isPersonKey(e.Child) || decode(string(e.Subquery), &query) != nil || query.Node == nil {
		l.add("subquery", e.At, "a subquery stands among expressions")
		return
	}
	l.expr(e.Child, in)
	if columns := l.node(query.Node, names); columns != nil && !slices.Equal(columns, []string{personKey}) {
		l.add("subquery", e.At, "the subquery of psn_key IN selects other than psn_key")
	}
}

// expr checks an expression.
func (l *linter) expr(e *sqlExpr, in within) {
	if e == nil {
		return
	}
	switch e.Class {
	case "COLUMN_REF":
		if len(e.Column) > 2 || slices.ContainsFunc(e.Column, func(c string) bool { return fold(c) == "rowid" }) {
			l.add("column", e.At, "%s is not allowed", strings.Join(e.Column, "."))
		} else if len(e.Column) == 2 && !slices.Contains(in.names, fold(e.Column[0])) {
			l.add("column", e.At, "%q is not in the FROM of the same SELECT", e.Column[0])
		}
	case "CONSTANT", "PARAMETER", "COMPARISON", "CONJUNCTION", "BETWEEN", "CASE":
	case "FUNCTION":
		l.function(e)
	case "CAST":
		l.cast(e)
	case "OPERATOR":
		if e.Type == "COMPARE_NOT_IN" {
			l.add("not_in", e.At, "NOT IN is never true where a NULL is among the values")
		} else if !operators(e.Type) {
			l.add("operator", e.At, "%s is not allowed", strings.ToLower(e.Type))
		}
	case "WINDOW":
		l.window(e, in.key)
	case "STAR":
		l.add("star", e.At, "columns must be named, * is not allowed")
	case "SUBQUERY":
		l.add("subquery", e.At, "a subquery stands among expressions")
	default:
		l.add("syntax", e.At, "%s is not allowed", strings.ToLower(e.Class))
	}
	for _, p := range e.parts() {
		if fold(e.Function) == "list_sort" && len(e.Children) > 0 && p == e.Children[0] && p.Schema == "" && orderedAggregates(fold(p.Function)) {
			for _, q := range p.parts() {
				l.expr(q, in) // list_sort decides the order
			}
			continue
		}
		l.expr(p, in)
	}
}

// ordered wants the value itself among the columns of ORDER BY: rows that are
// equal there give equal values, in whatever order they come.
func (l *linter) ordered(e *sqlExpr) {
	decided := false
	if e.OrderBy != nil && len(e.Children) > 0 {
		decided = slices.ContainsFunc(e.OrderBy.Orders, func(o sqlOrder) bool {
			return o.Expr != nil && o.Expr.Class == "COLUMN_REF" && e.Children[0].Class == "COLUMN_REF" && sameColumn(o.Expr, e.Children[0])
		})
	}
	if !decided {
		l.add("order", e.At, "%s leaves the order of equal rows open", e.Function)
	}
	if len(e.Children) > 1 && e.Children[1].Class != "CONSTANT" {
		l.add("order", e.At, "the separator of %s is no constant", e.Function)
	}
}

func (l *linter) function(e *sqlExpr) {
	name := fold(e.Function)
	if e.Schema != "" && e.Schema != "main" || !scalars(name) && !aggregates(name) && !orderedAggregates(name) {
		l.add("function", e.At, "%s is not among the functions allowed", e.Function)
	}
	if orderedAggregates(name) {
		l.ordered(e)
	}
	if (name == "range" || name == "generate_series") && slices.ContainsFunc(e.Children, func(c *sqlExpr) bool { return !isShort(c) }) {
		l.add("range", e.At, "%s takes constants and years, quarters or months of dates", e.Function)
	}
}

// maxList bounds the constants of a range.
const maxList = 100_000

// isShort says whether a bound of a range is small whatever the data are: a
// list's length is memory that no limit counts.
func isShort(e *sqlExpr) bool {
	switch fold(e.Function) {
	case "year", "quarter", "month":
		return len(e.Children) == 1 && e.Children[0].Class == "COLUMN_REF"
	case "len":
		return len(e.Children) == 1 && e.Children[0].Class == "PARAMETER"
	case "+", "-":
		return !slices.ContainsFunc(e.Children, func(c *sqlExpr) bool { return !isShort(c) })
	}
	if e.Class == "CONSTANT" {
		var c struct {
			Value json.Number `json:"value"`
		}
		n, err := int64(0), json.Unmarshal(e.Value, &c)
		if err == nil {
			n, err = c.Value.Int64()
		}
		return err == nil && n >= -maxList && n <= maxList
	}
	return e.Class == "PARAMETER" // within the limits that its declaration gives
}

// cast allows TRY_CAST to plain types; a cast that fails on a value would take
// all rows of its person away, and only a constant cannot fail later.
func (l *linter) cast(e *sqlExpr) {
	constant := isConstant(e.Child)
	switch {
	case e.CastType == nil || !casts(e.CastType.ID) && !(constant && e.CastType.ID == "DOUBLE"):
		l.add("cast", e.At, "a cast to this type is not allowed")
	case !e.TryCast && !constant:
		l.add("cast", e.At, "a cast of data must be TRY_CAST")
	}
}

func isConstant(e *sqlExpr) bool {
	if e == nil {
		return false
	}
	switch e.Class {
	case "CONSTANT", "PARAMETER":
		return true
	case "CAST", "FUNCTION":
		return !slices.ContainsFunc(e.parts(), func(p *sqlExpr) bool { return !isConstant(p) })
	}
	return false
}

func (l *linter) window(e, key *sqlExpr) {
	if !windows(fold(e.Function)) || e.Schema != "" && e.Schema != "main" {
		l.add("function", e.At, "%s is not among the window functions allowed", e.Function)
	}
	if key == nil || !slices.ContainsFunc(e.Partitions, func(p *sqlExpr) bool { return isPersonKey(p) && sameColumn(p, key) }) {
		l.add("window", e.At, "a window needs PARTITION BY the selected psn_key")
	}
}
