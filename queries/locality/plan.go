package locality

import "encoding/json"

// The types of this file are the whole of a bound plan that the proof
// understands, as DuckDB's json_serialize_plan writes it. A field that is not
// here (a projection map, a pushed-down filter, ...) is refused.

type planFile struct {
	Error     bool        `json:"error"`
	ErrorType string      `json:"error_type"`
	Message   string      `json:"error_message"`
	Plans     []*planNode `json:"plans"`

	// What goes with an error; never shown.
	Subtype    any `json:"error_subtype"`
	Position   any `json:"position"`
	Name       any `json:"name"`
	Type       any `json:"type"`
	Candidates any `json:"candidates"`
	Call       any `json:"call"`
	Stack      any `json:"stack_trace_pointers"`
}

// planNode is an operator. Only the fields of its type are set.
type planNode struct {
	Type        string          `json:"type"`
	Children    []*planNode     `json:"children"`
	TableIndex  uint64          `json:"table_index"`
	Expressions []*planExpr     `json:"expressions"`
	Types       []planType      `json:"returned_types"`
	Names       []string        `json:"names"`
	Name        string          `json:"name"`
	Source      json.RawMessage `json:"function_data"`
	Columns     []planColumn    `json:"column_indexes"`
	CTEIndex    *uint64         `json:"cte_index"`
	CTEName     string          `json:"ctename"`
	Chunk       []planType      `json:"chunk_types"`
	Recurring   bool            `json:"is_recurring"`
	JoinType    string          `json:"join_type"`
	Conditions  []planCondition `json:"conditions"`
	Condition   *planExpr       `json:"condition"`
	Flipped     bool            `json:"delim_flipped"`
	Groups      []*planExpr     `json:"groups"`
	Sets        [][]uint64      `json:"grouping_sets"`
	Grouping    [][]uint64      `json:"grouping_functions"`
	Distinct    string          `json:"distinct_type"`
	Targets     []*planExpr     `json:"distinct_targets"`
	Order       any             `json:"order_by"`
	Width       int             `json:"column_count"`
	All         bool            `json:"setop_all"`
	Orders      []planOrder     `json:"orders"`

	// Bookkeeping that no rule depends on, or that only refused operators have.
	HasSerialize   bool `json:"has_serialize"`
	Extra          any  `json:"extra_info"`
	Ordinality     any  `json:"ordinality_idx"`
	BoundColumns   any  `json:"bound_columns"`
	Materialize    any  `json:"materialize"`
	OutOfOrder     any  `json:"allow_out_of_order"`
	MarkIndex      any  `json:"mark_index"`
	MarkTypes      any  `json:"mark_types"`
	Eliminated     any  `json:"duplicate_eliminated_columns"`
	WindowIndex    any  `json:"window_index"`
	UnnestIndex    any  `json:"unnest_index"`
	GroupIndex     any  `json:"group_index"`
	AggregateIndex any  `json:"aggregate_index"`
	GroupingsIndex any  `json:"groupings_index"`
	Validity       any  `json:"distinct_validity"`
	Limit          any  `json:"limit_val"`
	Offset         any  `json:"offset_val"`
	Sample         any  `json:"sample_options"`
	ExprTypes      any  `json:"expr_types"`
	Arguments      any  `json:"arguments"`
	CatalogName    any  `json:"catalog_name"`
	SchemaName     any  `json:"schema_name"`
	Parameters     any  `json:"parameters"`
	InputTypes     any  `json:"input_table_types"`
	InputNames     any  `json:"input_table_names"`
	Projected      any  `json:"projected_input"`
	UnionAll       any  `json:"union_all"`
	RefRecurring   any  `json:"ref_recurring"`
}

type planType struct {
	ID   string `json:"id"`
	Info any    `json:"type_info"`
}

type planColumn struct {
	Index    uint64   `json:"index"`
	Kind     string   `json:"index_type"`
	Type     planType `json:"type"`
	HasIndex bool     `json:"has_index"`
}

type planCondition struct {
	Left       *planExpr `json:"left"`
	Right      *planExpr `json:"right"`
	Comparison string    `json:"comparison"`
}

type planOrder struct {
	Type  string    `json:"type"`
	Nulls string    `json:"null_order"`
	Expr  *planExpr `json:"expression"`
}

// planExpr is an expression; only the fields of its class are set.
type planExpr struct {
	Class    string      `json:"expression_class"`
	Type     string      `json:"type"`
	Alias    string      `json:"alias"`
	At       uint64      `json:"query_location"`
	Result   planType    `json:"return_type"`
	Index    *int        `json:"index"`
	Children []*planExpr `json:"children"`
	Left     *planExpr   `json:"left"`
	Right    *planExpr   `json:"right"`
	Child    *planExpr   `json:"child"`
	Input    *planExpr   `json:"input"`
	Lower    *planExpr   `json:"lower"`
	Upper    *planExpr   `json:"upper"`
	Cases    []struct {
		When *planExpr `json:"when_expr"`
		Then *planExpr `json:"then_expr"`
	} `json:"case_checks"`
	Else      *planExpr     `json:"else_expr"`
	TryCast   bool          `json:"try_cast"`
	Value     *planConstant `json:"value"`
	Name      string        `json:"name"`
	Catalog   string        `json:"catalog_name"`
	Schema    string        `json:"schema_name"`
	Arguments []planType    `json:"arguments"`
	Filter    *planExpr     `json:"filter"`
	OrderBys  *struct {
		Orders []planOrder `json:"orders"`
	} `json:"order_bys"`
	Partitions  []*planExpr `json:"partitions"`
	Orders      []planOrder `json:"orders"`
	ArgOrders   []planOrder `json:"arg_orders"`
	StartExpr   *planExpr   `json:"start_expr"`
	EndExpr     *planExpr   `json:"end_expr"`
	OffsetExpr  *planExpr   `json:"offset_expr"`
	DefaultExpr *planExpr   `json:"default_expr"`
	FilterExpr  *planExpr   `json:"filter_expr"`

	// Bookkeeping that no rule depends on, or that only refused expressions have.
	LowerInclusive any `json:"lower_inclusive"`
	UpperInclusive any `json:"upper_inclusive"`
	Operator       any `json:"is_operator"`
	HasSerialize   any `json:"has_serialize"`
	Data           any `json:"function_data"`
	Original       any `json:"original_arguments"`
	AggregateType  any `json:"aggregate_type"`
	IgnoreNulls    any `json:"ignore_nulls"`
	Start          any `json:"start"`
	End            any `json:"end"`
	Exclude        any `json:"exclude_clause"`
	Distinct       any `json:"distinct"`
	Binding        any `json:"binding"`
	Depth          any `json:"depth"`
	Subquery       any `json:"subquery"`
}

type planConstant struct {
	Type   planType `json:"type"`
	IsNull bool     `json:"is_null"`
	Value  any      `json:"value"`
}

// parts are the expressions inside e.
func (e *planExpr) parts() []*planExpr {
	out := append([]*planExpr{}, e.Children...)
	out = append(out, e.Left, e.Right, e.Child, e.Input, e.Lower, e.Upper, e.Else, e.Filter,
		e.StartExpr, e.EndExpr, e.OffsetExpr, e.DefaultExpr, e.FilterExpr)
	for _, c := range e.Cases {
		out = append(out, c.When, c.Then)
	}
	out = append(out, e.Partitions...)
	orders := append(append([]planOrder{}, e.Orders...), e.ArgOrders...)
	if e.OrderBys != nil {
		orders = append(orders, e.OrderBys.Orders...)
	}
	for _, o := range orders {
		out = append(out, o.Expr)
	}
	n := 0
	for _, p := range out {
		if p != nil {
			out[n] = p
			n++
		}
	}
	return out[:n]
}

// readPlan decodes what json_serialize_plan wrote. The text of an error of
// DuckDB is not shown: the binder has said it already.
func readPlan(text string) (*planNode, []Finding) {
	var f planFile
	if err := decode(text, &f); err != nil {
		return nil, []Finding{finding("plan", "the bound plan has what is not understood: "+unknownField(err))}
	}
	switch {
	case f.Error:
		return nil, []Finding{finding("plan", "the statement has no bound plan")}
	case len(f.Plans) != 1 || f.Plans[0] == nil:
		return nil, []Finding{finding("statements", "must be exactly one statement")}
	}
	return f.Plans[0], nil
}
