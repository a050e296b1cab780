package locality

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// relation gives the columns of an operator, in the order in which the
// references of its parent count them.
func (p *prover) relation(n *planNode) []column {
	if n == nil {
		p.findings = append(p.findings, finding("plan", "an operator is missing"))
		return nil
	}
	if n.Type == "LOGICAL_MATERIALIZED_CTE" {
		return p.cte(n) // its children are not on one level
	}
	if n.Type == "LOGICAL_FILTER" && len(n.Children) == 1 && n.Children[0] != nil && n.Children[0].Type == "LOGICAL_GET" {
		return p.view(n)
	}
	var in [][]column
	for _, c := range n.Children {
		in = append(in, p.relation(c))
	}
	operator := strings.ToLower(strings.TrimPrefix(n.Type, "LOGICAL_"))
	children, known := arity[n.Type]
	if !known {
		code := refused[n.Type]
		if code == "" {
			code = "plan"
		}
		p.add(code, n, "the plan has a %s, whose rows may depend on several people", operator)
		return nil
	}
	if len(in) != children && (n.Type != "LOGICAL_UNION" || len(in) < 2) {
		p.add("plan", n, "a %s of %d relations", operator, len(in))
		return nil
	}
	p.operators[operator] = true
	switch n.Type {
	case "LOGICAL_GET":
		p.add("table", n, "the plan reads a table otherwise than through a view")
		return p.get(n)
	case "LOGICAL_CTE_REF":
		return p.cteRef(n)
	case "LOGICAL_FILTER":
		// A predicate looks at one row.
		p.exprs(n.Expressions, in[0])
		return in[0]
	case "LOGICAL_PROJECTION":
		return p.projection(n, in[0])
	case "LOGICAL_COMPARISON_JOIN", "LOGICAL_ANY_JOIN":
		return p.join(n, in[0], in[1])
	case "LOGICAL_AGGREGATE_AND_GROUP_BY":
		return p.aggregate(n, in[0])
	case "LOGICAL_WINDOW":
		return p.window(n, in[0])
	case "LOGICAL_DISTINCT":
		return p.distinct(n, in[0])
	case "LOGICAL_UNION":
		return p.union(n, in)
	}
	return p.unnest(n, in[0])
}

// arity lists the operators that are understood, with the number of their children.
var arity = map[string]int{
	"LOGICAL_GET": 0, "LOGICAL_CTE_REF": 0, "LOGICAL_FILTER": 1, "LOGICAL_PROJECTION": 1,
	"LOGICAL_COMPARISON_JOIN": 2, "LOGICAL_ANY_JOIN": 2, "LOGICAL_AGGREGATE_AND_GROUP_BY": 1,
	"LOGICAL_WINDOW": 1, "LOGICAL_DISTINCT": 1, "LOGICAL_UNION": 2, "LOGICAL_UNNEST": 1,
}

// refused gives well-known operators a code of their own; whatever is in neither
// list is refused as "plan".
var refused = map[string]string{
	"LOGICAL_ASOF_JOIN": "join", "LOGICAL_POSITIONAL_JOIN": "join", "LOGICAL_CROSS_PRODUCT": "join",
	"LOGICAL_DELIM_JOIN": "subquery", "LOGICAL_DEPENDENT_JOIN": "subquery",
	"LOGICAL_EXCEPT": "union", "LOGICAL_INTERSECT": "union", "LOGICAL_LIMIT": "modifier", "LOGICAL_ORDER_BY": "modifier",
	"LOGICAL_TOP_N": "modifier", "LOGICAL_SAMPLE": "sample", "LOGICAL_DUMMY_SCAN": "from", "LOGICAL_EXPRESSION_GET": "from",
	"LOGICAL_RECURSIVE_CTE": "recursion",
}

// view is a table with the range of person numbers that stands in every view,
// and in nothing that a template can write. The window and the codes of the view
// are predicates on one row beside it.
func (p *prover) view(n *planNode) []column {
	p.operators["get"], p.operators["filter"] = true, true
	in := p.get(n.Children[0])
	var rest []*planExpr
	bounds := map[string]uint32{"COMPARE_GREATERTHANOREQUALTO": p.lo, "COMPARE_LESSTHANOREQUALTO": p.hi}
	for _, e := range n.Expressions {
		if e != nil && e.Class == "BOUND_COMPARISON" {
			want, ok := bounds[e.Type]
			if c := reference(uncast(e.Left), in); ok && c != nil && c.dense && e.Right.number() == int64(want) {
				delete(bounds, e.Type)
				continue
			}
		}
		rest = append(rest, e)
	}
	if len(bounds) > 0 {
		p.add("table", n, "the plan reads a table otherwise than through a view")
	}
	p.exprs(rest, in)
	return in
}

// uncast takes casts off.
func uncast(e *planExpr) *planExpr {
	for e != nil && e.Class == "BOUND_CAST" {
		e = e.Child
	}
	return e
}

// number is the value of a constant integer, or -1.
func (e *planExpr) number() int64 {
	e = uncast(e)
	if e == nil || e.Class != "BOUND_CONSTANT" || e.Value == nil {
		return -1
	}
	if f, ok := e.Value.Value.(float64); ok {
		return int64(f)
	}
	return -1
}

// get reads a table of a declared view, and of it only what the views are made of.
func (p *prover) get(n *planNode) []column {
	var from struct {
		Catalog string `json:"catalog"`
		Schema  string `json:"schema"`
		Table   string `json:"table"`
		Index   bool   `json:"is_index_scan"`
		Create  bool   `json:"is_create_index"`
	}
	if n.Name != "seq_scan" || json.Unmarshal(n.Source, &from) != nil {
		p.add("table_function", n, "the plan reads from %q, which is no table", n.Name)
		return nil
	}
	allowed := p.tableColumns(from.Table)
	if from.Catalog != p.Catalog || from.Schema != p.Schema || from.Index || from.Create || allowed == nil {
		p.add("table", n, "the plan reads table %q, which no declared view is made of", from.Table)
		return nil
	}
	var out []column
	for _, c := range n.Columns {
		if !c.HasIndex || c.Kind != "FULL_READ" || c.Index >= uint64(len(n.Names)) || c.Index >= uint64(len(n.Types)) {
			p.add("column", n, "the plan reads a column of %s that is none of the table's own", from.Table)
			out = append(out, column{})
			continue
		}
		name := n.Names[c.Index]
		if !contains(allowed, name) {
			p.add("column", n, "the plan reads %s.%s, which no declared view offers", from.Table, name)
		}
		if fold(name) == personNumber {
			out = append(out, column{dense: true})
			continue
		}
		if p.reads[from.Table] == nil {
			p.reads[from.Table] = map[string]bool{}
		}
		p.reads[from.Table][name] = true
		col := column{kind: n.Types[c.Index].ID}
		if fold(name) == personKey {
			col.class, col.sure = p.class(), true
		}
		out = append(out, col)
	}
	return out
}

// tableColumns are the columns that declared views take from a table, nil if none does.
func (p *prover) tableColumns(table string) []string {
	var out []string
	for _, v := range p.Views {
		if v.Table == table {
			out = append(append(out, personKey, personNumber), v.Reads...)
		}
	}
	return out
}

// cte holds a common table expression; each reference to it is a copy.
func (p *prover) cte(n *planNode) []column {
	if len(n.Children) != 2 {
		p.add("plan", n, "a common table expression of %d relations", len(n.Children))
		return nil
	}
	p.operators["materialized_cte"] = true
	definition := p.relation(n.Children[0])
	if _, twice := p.ctes[n.TableIndex]; twice {
		p.add("plan", n, "two common table expressions under one number")
		return nil
	}
	p.ctes[n.TableIndex] = definition
	return p.relation(n.Children[1])
}

func (p *prover) cteRef(n *planNode) []column {
	if n.CTEIndex == nil || n.Recurring {
		p.add("plan", n, "a recursive reference")
		return nil
	}
	definition, ok := p.ctes[*n.CTEIndex]
	if !ok || len(definition) != len(n.Chunk) {
		p.add("plan", n, "a reference to a relation that is not defined before it")
		return nil
	}
	return p.fresh(definition)
}

// projection keeps the classes of plain references. A coalesce of person
// columns is one too: a row where it is p has p in one of them.
func (p *prover) projection(n *planNode, in []column) []column {
	p.exprs(n.Expressions, in)
	out := make([]column, len(n.Expressions))
	for i, e := range n.Expressions {
		out[i] = p.projected(e, in)
	}
	return out
}

func (p *prover) projected(e *planExpr, in []column) column {
	if c := reference(e, in); c != nil {
		return *c
	}
	if e == nil {
		return column{}
	}
	out := column{kind: e.kind(in)}
	if e.Type != "OPERATOR_COALESCE" || len(e.Children) == 0 {
		return out
	}
	for _, child := range e.Children {
		c := reference(child, in)
		if c == nil || c.class == 0 {
			return out
		}
		out.sure = out.sure || c.sure
	}
	out.class = p.class()
	return out
}

// reference is the column that an expression names plainly, or nil.
func reference(e *planExpr, in []column) *column {
	if e == nil || e.Class != "BOUND_REF" || e.Index == nil || *e.Index < 0 || *e.Index >= len(in) {
		return nil
	}
	return &in[*e.Index]
}

// distinct takes equal rows together; with every column among its targets, rows
// of different people are different.
func (p *prover) distinct(n *planNode, in []column) []column {
	p.exprs(n.Targets, in)
	whole := n.Distinct == "DISTINCT" && n.Order == nil && len(n.Targets) == len(in)
	for i, e := range n.Targets {
		whole = whole && e != nil && e.Class == "BOUND_REF" && e.Index != nil && *e.Index == i
	}
	if !whole {
		p.add("distinct_on", n, "DISTINCT ON takes one row of many people's")
		return keep(in, nil)
	}
	return in
}

// union needs the person column at the same place everywhere. UNION's own
// DISTINCT stands above it.
func (p *prover) union(n *planNode, in [][]column) []column {
	out := slices.Clone(in[0])
	for i := range out {
		out[i].class = 0
	}
	for _, r := range in {
		if len(r) != len(out) || n.Width != len(out) {
			p.add("union", n, "a UNION of relations of different width")
			return nil
		}
	}
	classes := map[string]int{} // columns of one class everywhere are of one class above
	for i := range out {
		id, person := "", true
		for _, r := range in {
			person = person && r[i].class != 0
			out[i].sure = out[i].sure && r[i].sure
			out[i].loose = out[i].loose || r[i].loose
			id += strconv.Itoa(r[i].class) + ","
		}
		if !person {
			continue
		}
		if classes[id] == 0 {
			classes[id] = p.class()
		}
		out[i].class = classes[id]
	}
	return out
}

// unnest repeats a row for each element of its own lists.
func (p *prover) unnest(n *planNode, in []column) []column {
	out := slices.Clone(in)
	for _, e := range n.Expressions {
		if e == nil || e.Class != "BOUND_UNNEST" || e.Child == nil {
			p.add("plan", n, "an UNNEST of what is no list")
			continue
		}
		p.expr(e.Child, in)
		out = append(out, column{kind: e.Result.ID})
	}
	return out
}
