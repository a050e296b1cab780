package locality

import "maps"

// join wants the rows of both sides tied by person columns: the condition must
// hold only where a person column of the left equals one of the right. Then a
// row with p in any person column of a side meets rows of p only: the other
// person columns of that row hold p or NULL, and NULL meets nothing. So all
// person columns stay, whatever the rest of the condition says. A side that
// an outer join fills up may become NULL.
func (p *prover) join(n *planNode, left, right []column) []column {
	pairs := p.ties(n, left, right)
	if len(pairs) == 0 {
		p.add("join", n, "a %s join without an equality of both sides' psn_key meets rows of different people", fold(n.JoinType))
		left, right = keep(left, nil), keep(right, nil)
	}
	p.joins++
	switch n.JoinType {
	case "INNER":
		out := append(append([]column{}, left...), right...)
		for _, t := range pairs {
			merge(out, t.left, t.right)
		}
		return out
	case "LEFT":
		return append(append([]column{}, left...), unsure(right)...)
	case "RIGHT":
		return append(unsure(left), right...)
	case "FULL":
		return append(unsure(left), unsure(right)...)
	case "SEMI", "ANTI":
		return left
	case "MARK":
		return p.mark(n, left, right, pairs)
	}
	p.add("join", n, "%s joins are not understood", fold(n.JoinType))
	return nil
}

// mark is x IN (SELECT ...) as a column: true where x is found, else false, or
// NULL if x or any of the values is NULL. It is a matter of one person only if
// neither can be NULL.
func (p *prover) mark(n *planNode, left, right []column, pairs []tie) []column {
	switch {
	case len(n.Conditions) != 1 || n.Type != "LOGICAL_COMPARISON_JOIN":
		p.add("subquery", n, "IN over other than one column is not understood")
	case len(pairs) == 1 && !(pairs[0].sureLeft && pairs[0].sureRight):
		p.add("subquery", n, "IN over keys that may be NULL depends on everyone's")
	default:
		return append(append([]column{}, left...), column{kind: "BOOLEAN"})
	}
	return append(keep(left, nil), column{kind: "BOOLEAN"})
}

// tie is an equality of person columns, by class.
type tie struct {
	left, right         int
	sureLeft, sureRight bool
}

// ties finds them. Two NULLs are not equal; IS NOT DISTINCT FROM would tie
// them, and inequalities, as of an ASOF join, tie nothing.
func (p *prover) ties(n *planNode, left, right []column) []tie {
	both := append(append([]column{}, left...), right...)
	var out []tie
	add := func(a, b *column) {
		if a != nil && b != nil && a.class != 0 && b.class != 0 {
			out = append(out, tie{a.class, b.class, a.sure, b.sure})
		}
	}
	for _, c := range n.Conditions {
		p.expr(c.Left, left)
		p.expr(c.Right, right)
		if c.Comparison == "COMPARE_EQUAL" {
			add(reference(c.Left, left), reference(c.Right, right))
		}
		p.compared(c.Comparison, c.Left)
	}
	if n.Type == "LOGICAL_ANY_JOIN" {
		p.expr(n.Condition, both)
		for _, e := range conjuncts(n.Condition) {
			if e.Class != "BOUND_COMPARISON" || e.Type != "COMPARE_EQUAL" {
				continue
			}
			if onLeft(e.Left, len(left)) != onLeft(e.Right, len(left)) {
				a, b := e.Left, e.Right
				if !onLeft(a, len(left)) {
					a, b = b, a
				}
				add(reference(a, both), reference(b, both))
			}
		}
	} else if n.Condition != nil {
		p.add("plan", n, "a join with two kinds of conditions")
	}
	return out
}

func onLeft(e *planExpr, width int) bool {
	return e != nil && e.Index != nil && *e.Index < width
}

// conjuncts are the parts of an AND.
func conjuncts(e *planExpr) []*planExpr {
	if e == nil {
		return nil
	}
	if e.Class != "BOUND_CONJUNCTION" || e.Type != "CONJUNCTION_AND" {
		return []*planExpr{e}
	}
	var out []*planExpr
	for _, c := range e.Children {
		out = append(out, conjuncts(c)...)
	}
	return out
}

// merge makes one class of two that an inner join found equal, and sure: NULL
// equals nothing.
func merge(columns []column, a, b int) {
	for i := range columns {
		if columns[i].class == b {
			columns[i].class = a
		}
		if columns[i].class == a {
			columns[i].sure = true
		}
	}
}

// aggregate wants a person column among its groups, and one grouping set of
// them all: a group with p in it is made of rows with p. Each person column
// among the groups stays.
func (p *prover) aggregate(n *planNode, in []column) []column {
	var out []column
	person := false
	p.exprs(n.Groups, in)
	for _, e := range n.Groups {
		c := reference(e, in)
		if c == nil {
			c = &column{kind: e.kind(in)}
		}
		person = person || c.class != 0
		out = append(out, *c)
	}
	if len(n.Grouping) > 0 || !fullSet(n.Sets, len(n.Groups)) {
		p.add("group_by", n, "ROLLUP, CUBE and GROUPING SETS make groups of many people")
		out = keep(out, nil)
	} else if !person {
		p.add("group_by", n, "groups without a psn_key are of many people")
	}
	for _, e := range n.Expressions {
		out = append(out, p.aggregated(e, in))
	}
	return out
}

func fullSet(sets [][]uint64, groups int) bool {
	if groups == 0 || len(sets) != 1 || len(sets[0]) != groups {
		return groups == 0 && len(sets) == 0
	}
	seen := map[uint64]bool{}
	for _, g := range sets[0] {
		seen[g] = g < uint64(groups)
	}
	for g := range uint64(groups) {
		if !seen[g] {
			return false
		}
	}
	return true
}

// window wants a person column in every PARTITION BY: a row with p in it meets
// rows with p. Only the classes that all of its windows have stay.
func (p *prover) window(n *planNode, in []column) []column {
	var common map[int]bool
	var added []column
	for _, e := range n.Expressions {
		classes := map[int]bool{}
		if e != nil {
			for _, by := range e.Partitions {
				if c := reference(by, in); c != nil && c.class != 0 {
					classes[c.class] = true
				}
			}
		}
		if common == nil {
			common = maps.Clone(classes)
		}
		maps.DeleteFunc(common, func(c int, _ bool) bool { return !classes[c] })
		if len(classes) == 0 {
			p.add("window", &planNode{Expressions: []*planExpr{e}, Children: n.Children}, "a window without psn_key in its PARTITION BY sees many people")
		}
		added = append(added, p.windowed(e, in))
	}
	return append(keep(in, common), added...)
}
