package locality

import (
	"slices"
	"strings"
)

// table checks what stands in FROM and gives the names under which its columns
// can be qualified.
func (l *linter) table(t *sqlTable, names scope) []string {
	if t.Sample != nil {
		l.add("sample", t.At, "samples are not allowed")
	}
	if len(t.Columns) > 0 {
		l.add("alias", t.At, "%q renames columns; name them in a SELECT", t.Alias)
	}
	switch t.Type {
	case "BASE_TABLE":
		return l.base(t, names)
	case "SUBQUERY":
		if t.Subquery == nil || t.Subquery.Node == nil {
			l.add("syntax", t.At, "a subquery is no SELECT")
			return nil
		}
		l.node(t.Subquery.Node, names)
		return []string{fold(t.Alias)}
	case "JOIN":
		return l.join(t, names)
	case "TABLE_FUNCTION":
		l.add("table_function", t.At, "table functions are not allowed")
	case "EMPTY":
		l.add("from", t.At, "a SELECT without FROM has rows of nobody")
	default:
		l.add("syntax", t.At, "%s is not allowed in FROM", strings.ToLower(t.Type))
	}
	return nil
}

func (l *linter) base(t *sqlTable, names scope) []string {
	switch {
	case t.Catalog != "" || t.Schema != "" || t.TimeTravel != nil:
		l.add("qualified", t.At, "%q is named with a catalog or schema", t.Name)
	case !names[fold(t.Name)]:
		l.add("table", t.At, "%q is not among the declared reads", t.Name)
	}
	if t.Alias != "" {
		return []string{fold(t.Alias)}
	}
	return []string{fold(t.Name)}
}

// join wants both sides tied by psn_key.
func (l *linter) join(t *sqlTable, names scope) []string {
	if t.Left == nil || t.Right == nil {
		l.add("syntax", t.At, "a join without two sides")
		return nil
	}
	left, right := l.table(t.Left, names), l.table(t.Right, names)
	for _, name := range right {
		if slices.Contains(left, name) {
			l.add("name", t.At, "%q is on both sides of a join", name)
		}
	}
	switch {
	case t.Ref != "REGULAR":
		l.add("join", t.At, "%s joins are not allowed", strings.ToLower(t.Ref))
	case !slices.Contains([]string{"INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"}, t.Join):
		l.add("join", t.At, "%s joins are not allowed", strings.ToLower(t.Join))
	case !slices.ContainsFunc(t.Using, func(c string) bool { return fold(c) == personKey }) && !tied(t.Condition, left, right):
		l.add("join", t.At, "a join needs USING (psn_key) or ON a.psn_key = b.psn_key")
	}
	both := append(append([]string{}, left...), right...)
	l.expr(t.Condition, within{names: both})
	return both
}

// tied says whether a condition holds only where psn_key of both sides are equal.
func tied(e *sqlExpr, left, right []string) bool {
	switch {
	case e == nil:
		return false
	case e.Type == "CONJUNCTION_AND":
		return slices.ContainsFunc(e.Children, func(c *sqlExpr) bool { return tied(c, left, right) })
	case e.Type != "COMPARE_EQUAL" || !isPersonKey(e.Left) || !isPersonKey(e.Right):
		return false
	case len(e.Left.Column) != 2 || len(e.Right.Column) != 2:
		return false
	}
	a, b := fold(e.Left.Column[0]), fold(e.Right.Column[0])
	return slices.Contains(left, a) && slices.Contains(right, b) || slices.Contains(left, b) && slices.Contains(right, a)
}
