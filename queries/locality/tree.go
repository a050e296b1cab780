package locality

import "encoding/json"

// The types of this file are the whole of the SQL that a template may use, as
// DuckDB's json_serialize_sql writes it. A field that is not here (a sample, a
// catalog, a time travel, ...) is not understood, and so refused.

type sqlTree struct {
	Error      bool           `json:"error"`
	ErrorType  string         `json:"error_type"`
	Message    string         `json:"error_message"`
	Subtype    string         `json:"error_subtype"`
	Position   string         `json:"position"`
	Statements []sqlStatement `json:"statements"`
}

type sqlStatement struct {
	Node       *sqlNode `json:"node"`
	Parameters []struct {
		Key   string `json:"key"`
		Value int    `json:"value"`
	} `json:"named_param_map"`
}

// sqlNode is a SELECT or a set operation.
type sqlNode struct {
	Type        string        `json:"type"`
	Modifiers   []sqlModifier `json:"modifiers"`
	CTEs        sqlCTEs       `json:"cte_map"`
	Select      []*sqlExpr    `json:"select_list"`
	From        *sqlTable     `json:"from_table"`
	Where       *sqlExpr      `json:"where_clause"`
	Groups      []*sqlExpr    `json:"group_expressions"`
	GroupSets   [][]int       `json:"group_sets"`
	Aggregation string        `json:"aggregate_handling"`
	Having      *sqlExpr      `json:"having"`
	Qualify     *sqlExpr      `json:"qualify"`
	Sample      any           `json:"sample"` // only to name it in a finding
	SetOp       string        `json:"setop_type"`
	All         bool          `json:"setop_all"`
	Left        *sqlNode      `json:"left"`
	Right       *sqlNode      `json:"right"`
}

type sqlCTEs struct {
	Map []struct {
		Key   string `json:"key"`
		Value struct {
			Aliases      []string `json:"aliases"`
			Query        sqlQuery `json:"query"`
			Materialized string   `json:"materialized"`
		} `json:"value"`
	} `json:"map"`
}

type sqlQuery struct {
	Node *sqlNode `json:"node"`
}

type sqlModifier struct {
	Type     string     `json:"type"`
	Distinct []*sqlExpr `json:"distinct_on_targets"`
	Orders   []sqlOrder `json:"orders"`
	Limit    *sqlExpr   `json:"limit"`
	Offset   *sqlExpr   `json:"offset"`
}

type sqlOrder struct {
	Type  string   `json:"type"`
	Nulls string   `json:"null_order"`
	Expr  *sqlExpr `json:"expression"`
}

// sqlTable is what stands in FROM.
type sqlTable struct {
	Type      string    `json:"type"`
	Alias     string    `json:"alias"`
	At        uint64    `json:"query_location"`
	Name      string    `json:"table_name"`
	Columns   []string  `json:"column_name_alias"`
	Subquery  *sqlQuery `json:"subquery"`
	Left      *sqlTable `json:"left"`
	Right     *sqlTable `json:"right"`
	Condition *sqlExpr  `json:"condition"`
	Join      string    `json:"join_type"`
	Ref       string    `json:"ref_type"`
	Using     []string  `json:"using_columns"`
	Flipped   bool      `json:"delim_flipped"`

	// Only to name them in a finding.
	Catalog    string `json:"catalog_name"`
	Schema     string `json:"schema_name"`
	Sample     any    `json:"sample"`
	Function   any    `json:"function"`
	Ordinal    any    `json:"with_ordinality"`
	Values     any    `json:"values"`
	TimeTravel any    `json:"at_clause"`
	ShowKind   any    `json:"show_type"`
}

// sqlExpr is an expression. Only the fields of its class are set.
type sqlExpr struct {
	Class       string       `json:"class"`
	Type        string       `json:"type"`
	Alias       string       `json:"alias"`
	At          uint64       `json:"query_location"`
	Column      []string     `json:"column_names"`
	Function    string       `json:"function_name"`
	Schema      string       `json:"schema"`
	Children    []*sqlExpr   `json:"children"`
	Filter      *sqlExpr     `json:"filter"`
	OrderBy     *sqlModifier `json:"order_bys"`
	Distinct    bool         `json:"distinct"`
	Operator    bool         `json:"is_operator"`
	ExportState bool         `json:"export_state"`
	Left        *sqlExpr     `json:"left"`
	Right       *sqlExpr     `json:"right"`
	Input       *sqlExpr     `json:"input"`
	Lower       *sqlExpr     `json:"lower"`
	Upper       *sqlExpr     `json:"upper"`
	Cases       []struct {
		When *sqlExpr `json:"when_expr"`
		Then *sqlExpr `json:"then_expr"`
	} `json:"case_checks"`
	Else     *sqlExpr `json:"else_expr"`
	Child    *sqlExpr `json:"child"`
	CastType *struct {
		ID string `json:"id"`
	} `json:"cast_type"`
	TryCast     bool            `json:"try_cast"`
	Value       json.RawMessage `json:"value"`
	Parameter   string          `json:"identifier"`
	Partitions  []*sqlExpr      `json:"partitions"`
	Orders      []sqlOrder      `json:"orders"`
	Start       string          `json:"start"`
	End         string          `json:"end"`
	StartExpr   *sqlExpr        `json:"start_expr"`
	EndExpr     *sqlExpr        `json:"end_expr"`
	OffsetExpr  *sqlExpr        `json:"offset_expr"`
	DefaultExpr *sqlExpr        `json:"default_expr"`
	FilterExpr  *sqlExpr        `json:"filter_expr"`
	IgnoreNulls bool            `json:"ignore_nulls"`
	Exclude     string          `json:"exclude_clause"`

	// Of IN and other subqueries.
	Subquery     json.RawMessage `json:"subquery"`
	SubqueryType string          `json:"subquery_type"`
	Comparison   string          `json:"comparison_type"`

	// Only to name them in a finding.
	Star     any    `json:"columns"`
	StarExpr any    `json:"expr"`
	StarOf   string `json:"relation_name"`
	Index    any    `json:"index"`
}

// parts are the expressions inside e.
func (e *sqlExpr) parts() []*sqlExpr {
	out := append([]*sqlExpr{}, e.Children...)
	out = append(out, e.Filter, e.Left, e.Right, e.Input, e.Lower, e.Upper, e.Else, e.Child,
		e.StartExpr, e.EndExpr, e.OffsetExpr, e.DefaultExpr, e.FilterExpr)
	for _, c := range e.Cases {
		out = append(out, c.When, c.Then)
	}
	out = append(out, e.Partitions...)
	for _, o := range e.Orders {
		out = append(out, o.Expr)
	}
	if e.OrderBy != nil {
		for _, o := range e.OrderBy.Orders {
			out = append(out, o.Expr)
		}
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

// readTree decodes what json_serialize_sql wrote.
func readTree(text string) (*sqlStatement, []Finding) {
	var t sqlTree
	if err := decode(text, &t); err != nil {
		return nil, []Finding{finding("syntax", "uses what templates may not: "+unknownField(err))}
	}
	switch {
	case t.Error:
		return nil, []Finding{finding("syntax", "is not one SELECT: "+t.Message)}
	case len(t.Statements) != 1 || t.Statements[0].Node == nil:
		return nil, []Finding{finding("statements", "must be exactly one statement")}
	}
	return &t.Statements[0], nil
}
