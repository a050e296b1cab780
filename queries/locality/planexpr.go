package locality

import (
	"slices"
	"strings"
)

// planOperators are the built-in ones besides comparisons.
var planOperators = words(`COMPARE_IN OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_TRY`)

// comparisons are all that look at two values of one row.
var comparisons = words(`COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_GREATERTHAN COMPARE_LESSTHANOREQUALTO
	COMPARE_GREATERTHANOREQUALTO COMPARE_DISTINCT_FROM COMPARE_NOT_DISTINCT_FROM`)

// binderScalars are what the binder writes besides the functions of a template.
var binderScalars = words(`array_extract list_sort`)

func (p *prover) exprs(list []*planExpr, in []column) {
	for _, e := range list {
		p.expr(e, in)
	}
}

// expr checks an expression over one row: known classes, white-listed
// functions, references that exist.
func (p *prover) expr(e *planExpr, in []column) {
	if e == nil {
		return
	}
	switch e.Class {
	case "BOUND_CONSTANT", "BOUND_CASE", "BOUND_BETWEEN":
	case "BOUND_REF":
		if c := reference(e, in); c == nil {
			p.addAt("plan", e, "a reference to a column that is not there")
		} else if c.loose {
			p.addAt("order", e, "the order of a list is not decided")
		} else if c.dense {
			p.addAt("column", e, "the dense person number is the engine's")
		}
	case "BOUND_COMPARISON":
		p.compared(e.Type, e)
	case "BOUND_CONJUNCTION":
		if e.Type != "CONJUNCTION_AND" && e.Type != "CONJUNCTION_OR" {
			p.addAt("plan", e, "%s is not understood", fold(e.Type))
		}
	case "BOUND_CAST":
		p.castPlan(e, in)
	case "BOUND_OPERATOR":
		if e.Type == "COMPARE_NOT_IN" {
			p.addAt("not_in", e, "NOT IN is never true where a NULL is among the values")
		} else if !planOperators(e.Type) {
			p.addAt("operator", e, "%s is not among the operators allowed", fold(e.Type))
		}
	case "BOUND_FUNCTION":
		p.call(e, scalars(fold(e.Name)) || binderScalars(fold(e.Name)))
	default:
		p.addAt("plan", e, "a %s inside an expression is not understood", strings.ToLower(strings.TrimPrefix(e.Class, "BOUND_")))
	}
	for i, part := range e.parts() {
		if c := reference(part, in); c != nil && c.loose && i == 0 && fold(e.Name) == "list_sort" {
			continue // it decides the order
		}
		p.expr(part, in)
	}
}

func (p *prover) compared(comparison string, e *planExpr) {
	if !comparisons(comparison) {
		p.addAt("plan", e, "%s is not understood", fold(comparison))
	}
}

func (p *prover) call(e *planExpr, allowed bool) {
	own := e.Catalog == "system" && e.Schema == "main"
	special := e.Catalog == "" && e.Schema == "" // an overload that the binder made, as of min for dates
	if !allowed || !own && !special {
		p.addAt("function", e, "%s is not among the functions allowed", e.Name)
	}
	p.functions[fold(e.Name)] = true
}

// castPlan allows what cannot fail, or gives NULL where it fails, or is a constant.
// Here the binder's own casts show, as of a text compared with a number.
func (p *prover) castPlan(e *planExpr, in []column) {
	if e.TryCast || e.Child == nil || fixed(e.Child) {
		return
	}
	if from, to := e.Child.kind(in), e.Result.ID; !widens(from, to) {
		p.addAt("cast", e, "a cast from %s to %s can fail on a value", from, to)
	}
}

// widths orders the types that each hold the values of those before it.
var widths = []string{"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}

// widens says whether every value of one type has its equal in another.
func widens(from, to string) bool {
	switch {
	case from == to, to == "VARCHAR", from == "SQLNULL":
		return true
	case from == "DATE":
		return to == "TIMESTAMP"
	case from == "UTINYINT":
		return slices.Index(widths, to) >= slices.Index(widths, "SMALLINT")
	case from == "USMALLINT":
		return slices.Index(widths, to) >= slices.Index(widths, "INTEGER")
	case from == "UINTEGER":
		return slices.Index(widths, to) >= slices.Index(widths, "BIGINT")
	case from == "UBIGINT":
		return to == "HUGEINT"
	}
	a, b := slices.Index(widths, from), slices.Index(widths, to)
	return a >= 0 && b >= a || a >= 0 && to == "DECIMAL"
}

// fixed says whether an expression has no column in it.
func fixed(e *planExpr) bool {
	return e.Class != "BOUND_REF" && e.Class != "BOUND_COLUMN_REF" && !slices.ContainsFunc(e.parts(), func(c *planExpr) bool { return !fixed(c) })
}

// kind is the type of an expression's value.
func (e *planExpr) kind(in []column) string {
	switch {
	case e == nil:
		return ""
	case e.Class == "BOUND_CONSTANT" && e.Value != nil:
		return e.Value.Type.ID
	case e.Result.ID != "":
		return e.Result.ID
	case e.Class == "BOUND_COMPARISON" || e.Class == "BOUND_CONJUNCTION":
		return "BOOLEAN"
	}
	if c := reference(e, in); c != nil {
		return c.kind
	}
	return ""
}

// aggregated checks an aggregate and gives its column.
func (p *prover) aggregated(e *planExpr, in []column) column {
	if e == nil || e.Class != "BOUND_AGGREGATE" {
		p.addAt("plan", e, "an aggregate is not understood")
		return column{}
	}
	p.exprs(e.parts(), in)
	var orders []planOrder
	if e.OrderBys != nil {
		orders = e.OrderBys.Orders
	}
	return p.over(e, in, orders, aggregates(fold(e.Name)) || orderedAggregates(fold(e.Name)))
}

// over is what holds of an aggregate in a group and over a window.
func (p *prover) over(e *planExpr, in []column, orders []planOrder, allowed bool) column {
	name, out := fold(e.Name), column{kind: e.Result.ID}
	p.call(e, allowed)
	for _, c := range e.Children {
		if kind := c.kind(in); name == "sum" && kind != "" && slices.Index(widths, kind) < 0 && kind != "DECIMAL" && !strings.HasPrefix(kind, "U") {
			p.addAt("float", e, "a sum of %s depends on the order of its rows", kind)
		}
	}
	if !orderedAggregates(name) || len(e.Children) == 0 {
		return out
	}
	decided := slices.ContainsFunc(orders, func(o planOrder) bool { return sameReference(o.Expr, e.Children[0]) })
	switch {
	case decided:
	case len(orders) == 0 && name != "string_agg":
		out.loose = true // list_sort above may decide it
	default:
		p.addAt("order", e, "%s leaves the order of equal rows open", e.Name)
	}
	return out
}

func sameReference(a, b *planExpr) bool {
	return a != nil && b != nil && a.Class == "BOUND_REF" && b.Class == "BOUND_REF" && a.Index != nil && b.Index != nil && *a.Index == *b.Index
}

// windowed checks one window and gives its column.
func (p *prover) windowed(e *planExpr, in []column) column {
	if e == nil || e.Class != "BOUND_WINDOW" {
		p.addAt("plan", e, "a window is not understood")
		return column{}
	}
	p.exprs(e.parts(), in)
	if e.Type == "WINDOW_AGGREGATE" {
		return p.over(e, in, e.ArgOrders, windows(fold(e.Name)))
	}
	name, ok := strings.CutPrefix(e.Type, "WINDOW_")
	if name = fold(name); !ok || !windows(name) {
		p.addAt("function", e, "%s is not among the window functions allowed", name)
	}
	p.functions[name] = true
	return column{kind: e.Result.ID}
}
