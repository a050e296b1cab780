package locality

import "slices"

// byPlace are the windows whose value depends on where a row stands among rows
// that its ORDER BY does not tell apart. rank and dense_rank give such rows the
// same.
var byPlace = words(`row_number lag lead first_value last_value`)

// ties wants such rows to be alike in all that the SELECT looks at: DuckDB puts
// them in any order, and in another one when other people's rows come between, so
// that a person's rows would depend on other people. Where every column outside
// the window's PARTITION BY and ORDER BY is among the plain columns inside them,
// whichever row comes first is the same row. Windows of two different orders could
// still be put together in two ways, so a SELECT has one.
func (l *linter) ties(n *sqlNode) {
	var first *sqlExpr
	outputs := append(slices.Clone(n.Select), n.Qualify)
	for _, w := range windowsIn(outputs) {
		if !byPlace(fold(w.Function)) && !framedByRows(w) {
			continue
		}
		if first == nil {
			first = w
		} else if !sameOrder(first, w) {
			l.add("ties", w.At, "two windows of different orders in one SELECT")
		}
		for _, c := range columnsOutside(outputs, w) {
			if !slices.ContainsFunc(orderColumns(w), func(o *sqlExpr) bool { return sameColumn(o, c) }) {
				l.add("ties", w.At, "%s leaves open which of two equal rows comes first; put %s into its ORDER BY", w.Function, c.Column[len(c.Column)-1])
				break
			}
		}
	}
}

func framedByRows(w *sqlExpr) bool {
	rows := func(edge string) bool {
		return edge == "CURRENT_ROW_ROWS" || edge == "EXPR_PRECEDING_ROWS" || edge == "EXPR_FOLLOWING_ROWS"
	}
	return rows(w.Start) || rows(w.End)
}

func windowsIn(list []*sqlExpr) (out []*sqlExpr) {
	for _, e := range list {
		if e == nil {
			continue
		}
		if e.Class == "WINDOW" {
			out = append(out, e)
		}
		out = append(out, windowsIn(e.parts())...)
	}
	return out
}

// orderColumns are the plain columns by which a window divides and orders rows.
func orderColumns(w *sqlExpr) (out []*sqlExpr) {
	for _, e := range insideOrder(w) {
		if e.Class == "COLUMN_REF" {
			out = append(out, e)
		}
	}
	return out
}

func insideOrder(w *sqlExpr) []*sqlExpr {
	out := slices.Clone(w.Partitions)
	for _, o := range w.Orders {
		out = append(out, o.Expr)
	}
	return out
}

// columnsOutside are the columns that expressions look at, but for those by
// which the window w divides and orders.
func columnsOutside(list []*sqlExpr, w *sqlExpr) (out []*sqlExpr) {
	for _, e := range list {
		switch {
		case e == nil || slices.Contains(insideOrder(w), e):
		case e.Class == "COLUMN_REF" && len(e.Column) > 0:
			out = append(out, e)
		default:
			out = append(out, columnsOutside(e.parts(), w)...)
		}
	}
	return out
}

func sameOrder(a, b *sqlExpr) bool {
	return slices.EqualFunc(a.Partitions, b.Partitions, samePlain) && slices.EqualFunc(a.Orders, b.Orders, func(x, y sqlOrder) bool {
		return x.Type == y.Type && x.Nulls == y.Nulls && samePlain(x.Expr, y.Expr)
	})
}

// samePlain says whether two expressions are the same plain column.
func samePlain(a, b *sqlExpr) bool {
	return a != nil && b != nil && a.Class == "COLUMN_REF" && b.Class == "COLUMN_REF" && sameColumn(a, b)
}
