package locality

import (
	"maps"
	"slices"
	"strings"
)

const (
	personKey    = "psn_key"
	personNumber = "pno" // the dense person number: it serves the engine's ranges only
)

// linter walks the tree of one statement. What it proves: every relation in
// FROM has a psn_key, and each of its rows comes from rows of that person alone
// or has a NULL psn_key, which joins nothing and is dropped in the end. Views
// have it; each SELECT over relations that have it keeps it.
type linter struct {
	Declaration
	sql      string
	findings []Finding
}

// within is where an expression stands: the psn_key that its SELECT selects, nil
// in a join's condition, where no window may be; and the names that its own FROM
// gives. A name from further out would be a lateral or correlated reference.
type within struct {
	key   *sqlExpr
	names []string
}

// scope holds the names that FROM may use: views and common table expressions,
// with the place of psn_key and the columns of each.
type scope map[string]bool

func (l *linter) add(code string, at uint64, format string, args ...any) {
	l.findings = append(l.findings, findingAt(l.sql, code, at, format, args...))
}

func (l *linter) statement(s *sqlStatement) {
	for _, p := range s.Parameters {
		if _, ok := l.Declaration.Parameters[p.Key]; !ok {
			l.add("parameter", noPlace, "$%s is not declared", p.Key)
		}
	}
	names := scope{}
	for _, v := range l.Views {
		names[fold(v.Name)] = true
	}
	columns := l.node(s.Node, names)
	if columns == nil {
		return
	}
	declared := map[string]bool{personKey: true}
	for _, c := range l.Columns {
		declared[fold(c)] = true
	}
	seen := map[string]bool{}
	for _, c := range columns {
		switch {
		case seen[c]:
			l.add("output", noPlace, "column %q is there twice", c)
		case l.Exact && !declared[c]:
			l.add("output", noPlace, "column %q is not declared", c)
		}
		seen[c] = true
	}
	for _, c := range slices.Sorted(maps.Keys(declared)) {
		if !seen[c] {
			l.add("output", noPlace, "declared column %q is missing", c)
		}
	}
}

// fold makes names comparable as DuckDB compares them.
func fold(name string) string { return strings.ToLower(name) }

// node checks a SELECT or UNION ALL and gives the names of its columns, or nil
// after a finding that leaves them unknown.
func (l *linter) node(n *sqlNode, outer scope) []string {
	names := maps.Clone(outer)
	for _, c := range n.CTEs.Map {
		if names[fold(c.Key)] {
			l.add("name", noPlace, "%q is already a name", c.Key)
		}
		if len(c.Value.Aliases) > 0 {
			l.add("alias", noPlace, "%q renames columns; name them in its SELECT", c.Key)
		}
		if c.Value.Query.Node == nil {
			l.add("syntax", noPlace, "%q is no SELECT", c.Key)
			continue
		}
		l.node(c.Value.Query.Node, names)
		names[fold(c.Key)] = true
	}
	switch n.Type {
	case "SELECT_NODE":
		return l.selection(n, names)
	case "SET_OPERATION_NODE":
		return l.union(n, names)
	}
	l.add("syntax", noPlace, "%s is not allowed", n.Type)
	return nil
}

// union allows UNION ALL alone: it keeps every row as it is.
func (l *linter) union(n *sqlNode, names scope) []string {
	if n.SetOp != "UNION" || !n.All || len(n.Modifiers) > 0 || n.Left == nil || n.Right == nil {
		l.add("union", noPlace, "only UNION ALL puts selections together")
		return nil
	}
	left, right := l.node(n.Left, names), l.node(n.Right, names)
	if left != nil && right != nil && slices.Index(left, personKey) != slices.Index(right, personKey) {
		l.add("psn_key", noPlace, "psn_key stands at different places in a UNION ALL")
	}
	return left
}

func (l *linter) selection(n *sqlNode, names scope) []string {
	for _, m := range n.Modifiers {
		switch {
		case m.Type != "DISTINCT_MODIFIER":
			l.add("modifier", noPlace, "ORDER BY, LIMIT and OFFSET are not allowed")
		case len(m.Distinct) > 0:
			l.add("distinct_on", noPlace, "DISTINCT ON is not allowed")
		}
	}
	if n.Sample != nil {
		l.add("sample", noPlace, "samples are not allowed")
	}
	if n.From == nil {
		l.add("from", noPlace, "a SELECT without FROM has rows of nobody")
		return nil
	}
	from := l.table(n.From, names)
	columns, key := l.outputs(n)
	l.grouping(n, key)
	l.ties(n)
	in := within{key, from}
	for _, e := range append(append([]*sqlExpr{}, n.Select...), n.Having, n.Qualify) {
		l.expr(e, in)
	}
	for _, e := range n.Groups {
		l.expr(e, in)
	}
	for _, e := range conjunction(n.Where) {
		if e.Class == "SUBQUERY" {
			l.membership(e, in, names)
		} else {
			l.expr(e, in)
		}
	}
	return columns
}

// outputs names the columns of a SELECT and finds its psn_key: a plain column,
// under its own name, once.
func (l *linter) outputs(n *sqlNode) (columns []string, key *sqlExpr) {
	for _, e := range n.Select {
		name := fold(e.Alias)
		isKey := isPersonKey(e)
		if name == "" && e.Class == "COLUMN_REF" && len(e.Column) > 0 {
			name = fold(e.Column[len(e.Column)-1])
		}
		switch {
		case name == "":
			l.add("alias", e.At, "a column without a name")
		case name == personKey && (!isKey || e.Alias != ""):
			l.add("psn_key", e.At, "something else is named psn_key")
		case name == personKey && key != nil:
			l.add("psn_key", e.At, "psn_key is selected twice")
		case name == personKey:
			key = e
		}
		columns = append(columns, name)
	}
	if key == nil {
		l.add("psn_key", noPlace, "a SELECT does not select psn_key")
	}
	return columns, key
}

func isPersonKey(e *sqlExpr) bool {
	return e != nil && e.Class == "COLUMN_REF" && len(e.Column) > 0 && fold(e.Column[len(e.Column)-1]) == personKey
}

// sameColumn says whether two references are written alike. After an outer
// join a.psn_key and b.psn_key differ: one of them may be NULL, and rows that
// share a NULL belong to different people.
func sameColumn(a, b *sqlExpr) bool {
	return a != nil && b != nil && slices.EqualFunc(a.Column, b.Column, strings.EqualFold)
}

// grouping wants the selected psn_key among the group keys wherever there are groups.
func (l *linter) grouping(n *sqlNode, key *sqlExpr) {
	if n.Aggregation != "STANDARD_HANDLING" {
		l.add("group_by", noPlace, "GROUP BY ALL is not allowed")
	}
	if len(n.GroupSets) > 1 || len(n.GroupSets) == 1 && len(n.GroupSets[0]) != len(n.Groups) {
		l.add("group_by", noPlace, "ROLLUP, CUBE and GROUPING SETS are not allowed")
	}
	grouped := len(n.Groups) > 0 || n.Having != nil
	for _, e := range append(append([]*sqlExpr{}, n.Select...), n.Qualify) {
		grouped = grouped || hasAggregate(e)
	}
	if grouped && !slices.ContainsFunc(n.Groups, func(e *sqlExpr) bool { return isPersonKey(e) && sameColumn(e, key) }) {
		l.add("group_by", noPlace, "groups without the selected psn_key among the keys of GROUP BY")
	}
}

func hasAggregate(e *sqlExpr) bool {
	if e == nil {
		return false
	}
	return e.Class == "FUNCTION" && (aggregates(fold(e.Function)) || orderedAggregates(fold(e.Function))) || slices.ContainsFunc(e.parts(), hasAggregate)
}
