package locality

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// declared is what the documents of this file are held against.
var declared = Declaration{
	Views:      []View{{Name: "bill", Table: "settlement", Reads: []string{"level"}}},
	Parameters: map[string]Kind{"gap": KindInteger, "kinds": KindTexts, "layers": KindIntegers, "day": KindDate, "kind": KindText},
	Columns:    []string{"level"}, Exact: true, Catalog: "snapshot", Schema: "main",
}

const (
	sample = "SELECT psn_key, level FROM bill"
	tree   = `{"error":false,"statements":[{"node":{"type":"SELECT_NODE","select_list":[{"class":"COLUMN_REF","type":"COLUMN_REF","query_location":7,"column_names":["psn_key"]},{"class":"COLUMN_REF","type":"COLUMN_REF","query_location":16,"column_names":["level"]}],"from_table":{"type":"BASE_TABLE","query_location":27,"table_name":"bill"},"aggregate_handling":"STANDARD_HANDLING"}}]}`
	// scan is the part of a plan that reads the view of sample; LO and HI stand for its range.
	scan = `{"type":"LOGICAL_PROJECTION","children":[{"type":"LOGICAL_FILTER","children":[{"type":"LOGICAL_GET","table_index":0,"returned_types":[{"id":"INTEGER"},{"id":"HUGEINT"},{"id":"VARCHAR"},{"id":"BIGINT"}],"names":["pno","psn_key","level","inst_key"],"name":"seq_scan","has_serialize":true,"function_data":{"catalog":"snapshot","schema":"main","table":"settlement","is_index_scan":false,"is_create_index":false},"column_indexes":[{"index":0,"index_type":"FULL_READ","type":{"id":"INVALID"},"has_index":true},{"index":1,"index_type":"FULL_READ","type":{"id":"INVALID"},"has_index":true},{"index":2,"index_type":"FULL_READ","type":{"id":"INVALID"},"has_index":true}]}],"expressions":[` +
		`{"expression_class":"BOUND_COMPARISON","type":"COMPARE_GREATERTHANOREQUALTO","left":{"expression_class":"BOUND_REF","type":"BOUND_REF","index":0},"right":{"expression_class":"BOUND_CONSTANT","type":"VALUE_CONSTANT","value":{"type":{"id":"INTEGER"},"is_null":false,"value":LO}}},` +
		`{"expression_class":"BOUND_COMPARISON","type":"COMPARE_LESSTHANOREQUALTO","left":{"expression_class":"BOUND_REF","type":"BOUND_REF","index":0},"right":{"expression_class":"BOUND_CONSTANT","type":"VALUE_CONSTANT","value":{"type":{"id":"INTEGER"},"is_null":false,"value":HI}}}]}],` +
		`"table_index":1,"expressions":[{"expression_class":"BOUND_REF","type":"BOUND_REF","index":1},{"expression_class":"BOUND_REF","type":"BOUND_REF","index":2}]}`
)

// planned is a plan of one operator tree, in which SCAN stands for the view.
func planned(node string) string {
	lo, hi := Range(sample)
	node = strings.ReplaceAll(node, "SCAN", scan)
	node = strings.NewReplacer("LO", fmt.Sprint(lo), "HI", fmt.Sprint(hi)).Replace(strings.ReplaceAll(node, "LOGICAL", "\x00"))
	return `{"error":false,"plans":[` + strings.ReplaceAll(node, "\x00", "LOGICAL") + `]}`
}

func planCodes(t *testing.T, node string) (*Proof, []string) {
	t.Helper()
	b, err := Bind(sample, declared)
	if err != nil {
		t.Fatal(err)
	}
	proof, found := b.Plan(declared, planned(node), 0)
	var out []string
	for _, f := range found {
		out = append(out, f.Code)
	}
	return proof, out
}

func TestProve(t *testing.T) {
	in := Input{SQL: sample, Declaration: declared, Tree: tree, BoundTree: tree, Plan: planned("SCAN")}
	proof, found := Prove(in)
	if proof == nil || len(found) > 0 {
		t.Fatalf("%v", found)
	}
	want := Proof{Reads: []Read{{Table: "settlement", Columns: []string{"level", "psn_key"}}}, Operators: []string{"filter", "get", "projection"}}
	if fmt.Sprint(*proof) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", *proof, want)
	}
	for name, broken := range map[string]func(*Input){
		"no tree":       func(in *Input) { in.Tree = "" },
		"no bound tree": func(in *Input) { in.BoundTree = "{}" },
		"other tree":    func(in *Input) { in.BoundTree = strings.Replace(tree, `"level"`, `"inst_key"`, 1) },
		"no plan":       func(in *Input) { in.Plan = "" },
		"plan's error":  func(in *Input) { in.Plan = `{"error":true,"error_type":"binder","error_message":"no"}` },
		"no operator":   func(in *Input) { in.Plan = `{"error":false,"plans":[null]}` },
		"two plans":     func(in *Input) { in.Plan = planned("SCAN,SCAN") },
		"other SQL":     func(in *Input) { in.SQL += " " }, // another range
		"undeclared":    func(in *Input) { in.Declaration.Columns = nil },
	} {
		other := in
		broken(&other)
		if proof, found := Prove(other); proof != nil || len(found) == 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}

// The plan says more than the rules understand: whatever is not known is refused.
func TestPlanDeniesByDefault(t *testing.T) {
	ref := func(i string) string { return `{"expression_class":"BOUND_REF","type":"BOUND_REF","index":` + i + `}` }
	over := func(exprs string) string {
		return `{"type":"LOGICAL_PROJECTION","children":[SCAN],"expressions":[` + exprs + `]}`
	}
	call := func(name, catalog string) string {
		return over(ref("0") + `,{"expression_class":"BOUND_FUNCTION","name":"` + name + `","catalog_name":"` + catalog + `","schema_name":"main","children":[` + ref("1") + `]}`)
	}
	group := func(rest string) string {
		return `{"type":"LOGICAL_AGGREGATE_AND_GROUP_BY","children":[SCAN],"groups":[` + ref("0") + `,` + ref("1") + `]` + rest + `}`
	}
	join := func(rest string) string {
		return `{"type":"LOGICAL_COMPARISON_JOIN","children":[SCAN,SCAN],"join_type":"INNER","conditions":[{"left":` + ref("0") + `,"right":` + ref("0") + `,"comparison":"COMPARE_EQUAL"}]` + rest + `}`
	}
	cast := func(from, to string) string {
		return over(ref("0") + `,{"expression_class":"BOUND_CAST","return_type":{"id":"` + to + `"},"child":{"expression_class":"BOUND_CAST","return_type":{"id":"` + from + `"},"child":` + ref("1") + `,"try_cast":true}}`)
	}
	for name, c := range map[string]struct{ code, node string }{
		"fine":                {"", over(ref("0"))},
		"a function":          {"", call("upper", "system")},
		"a full group":        {"", group(`,"grouping_sets":[[0,1]]`)},
		"a join":              {"", join("")},
		"a wide cast":         {"", cast("INTEGER", "BIGINT")},
		"unknown operator":    {"plan", `{"type":"LOGICAL_MAGIC","children":[SCAN]}`},
		"unknown field":       {"plan", `{"type":"LOGICAL_FILTER","children":[SCAN],"projection_map":[0]}`},
		"projection map":      {"plan", join(`,"left_projection_map":[1]`)},
		"two inputs":          {"plan", `{"type":"LOGICAL_FILTER","children":[SCAN,SCAN]}`},
		"unknown class":       {"plan", over(ref("0") + `,{"expression_class":"BOUND_LAMBDA"}`)},
		"column reference":    {"plan", over(ref("0") + `,{"expression_class":"BOUND_COLUMN_REF","binding":{}}`)},
		"index too large":     {"plan", over(ref("0") + `,` + ref("7"))},
		"no index":            {"plan", over(ref("0") + `,{"expression_class":"BOUND_REF"}`)},
		"unknown function":    {"function", call("random", "system")},
		"another catalog's":   {"function", call("upper", "snapshot")},
		"unknown operator ex": {"operator", over(ref("0") + `,{"expression_class":"BOUND_OPERATOR","type":"OPERATOR_MAGIC","children":[` + ref("1") + `]}`)},
		"unknown comparison":  {"plan", over(ref("0") + `,{"expression_class":"BOUND_COMPARISON","type":"COMPARE_MAGIC"}`)},
		"narrow cast":         {"cast", cast("BIGINT", "INTEGER")},
		"cast of a text":      {"cast", cast("VARCHAR", "DATE")},
		"no key":              {"psn_key", over(ref("1"))},
		"key not first":       {"psn_key", over(ref("1") + `,` + ref("0"))},
		"no group":            {"group_by", `{"type":"LOGICAL_AGGREGATE_AND_GROUP_BY","children":[SCAN]}`},
		"no set":              {"group_by", group("")},
		"half a set":          {"group_by", group(`,"grouping_sets":[[0]]`)},
		"a set twice":         {"group_by", group(`,"grouping_sets":[[0,0]]`)},
		"two sets":            {"group_by", group(`,"grouping_sets":[[0,1],[0,1]]`)},
		"grouping function":   {"group_by", group(`,"grouping_sets":[[0,1]],"grouping_functions":[[0]]`)},
		"unknown join":        {"join", strings.Replace(join(""), "INNER", "SINGLE", 1)},
		"null-safe join":      {"join", strings.Replace(join(""), "COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM", 1)},
		"inequality":          {"join", strings.Replace(join(""), "COMPARE_EQUAL", "COMPARE_GREATERTHANOREQUALTO", 1)},
		"other column":        {"join", strings.Replace(join(""), `"right":`+ref("0"), `"right":`+ref("1"), 1)},
		"in two columns":      {"subquery", strings.Replace(strings.Replace(join(""), "INNER", "MARK", 1), `"conditions":[`, `"conditions":[{"left":`+ref("1")+`,"right":`+ref("1")+`,"comparison":"COMPARE_EQUAL"},`, 1)},
		"other range":         {"table", strings.ReplaceAll(strings.ReplaceAll(scan, "LOGICAL", "\x00"), "LO", "7")},
		"other table":         {"table", strings.Replace(scan, `"settlement"`, `"encounter"`, 1)},
		"other catalog":       {"table", strings.Replace(scan, `"catalog":"snapshot"`, `"catalog":"memory"`, 1)},
		"no view":             {"table", `{"type":"LOGICAL_PROJECTION","children":[` + scan[strings.Index(scan, `{"type":"LOGICAL_GET"`):strings.Index(scan, `],"expressions":`)] + `],"expressions":[` + ref("1") + `]}`},
		"table function":      {"table_function", strings.Replace(scan, "seq_scan", "read_csv", 1)},
		"rowid":               {"column", strings.Replace(scan, `{"index":2,`, `{"index":18446744073709551615,`, 1)},
		"undeclared column":   {"column", strings.Replace(scan, `{"index":2,`, `{"index":3,`, 1)},
		"person number":       {"column", strings.Replace(scan, `"expressions":[{"expression_class":"BOUND_REF","type":"BOUND_REF","index":1},{"expression_class":"BOUND_REF","type":"BOUND_REF","index":2}]`, `"expressions":[`+ref("1")+`,`+ref("0")+`]`, 1)},
		"recursive reference": {"plan", `{"type":"LOGICAL_CTE_REF","cte_index":4,"chunk_types":[{"id":"HUGEINT"}]}`},
		"distinct of some":    {"distinct_on", `{"type":"LOGICAL_DISTINCT","children":[SCAN],"distinct_type":"DISTINCT","distinct_targets":[` + ref("1") + `]}`},
		"narrow union":        {"union", `{"type":"LOGICAL_UNION","children":[SCAN,` + over(ref("0")) + `],"column_count":2}`},
		"unnest of no list":   {"plan", `{"type":"LOGICAL_UNNEST","children":[SCAN],"expressions":[` + ref("1") + `]}`},
	} {
		proof, codes := planCodes(t, c.node)
		if c.code == "" && proof == nil || c.code != "" && !slices.Contains(codes, c.code) {
			t.Errorf("%s: %v, want %q", name, codes, c.code)
		}
	}
}

func TestBind(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"SELECT $gap", "SELECT CAST(1 AS INTEGER)"},
		{"SELECT $kinds[1], $layers,$day+$gap", "SELECT CAST(['x'] AS VARCHAR[])[1], CAST([1] AS BIGINT[]),CAST('2017-01-01' AS DATE)+CAST(1 AS INTEGER)"},
		{"-- $gap is\nSELECT '$gap', \"$gap\", 'it''s $gap' /* $gap */, 1 -- $gap", "-- $gap is\nSELECT '$gap', \"$gap\", 'it''s $gap' /* $gap */, 1 -- $gap"},
		{"SELECT $kind/*", "SELECT CAST('x' AS VARCHAR)/*"},
		{"SELECT '", "SELECT '"},
	} {
		b, err := Bind(c.sql, declared)
		if err != nil || b.SQL != c.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", c.sql, err, b.SQL, c.want)
		}
	}
	for _, sql := range []string{"SELECT $other", "SELECT $1"} {
		if _, err := Bind(sql, declared); err == nil {
			t.Errorf("%s: bound", sql)
		}
	}
}

// A place in the bound text is the place in the source of the same token.
func TestOffset(t *testing.T) {
	source := "SELECT $gap + x, $kinds, y"
	b, err := Bind(source, declared)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"SELECT", "x,", "y"} {
		if at := strings.LastIndex(b.SQL, token); b.offset(at) != strings.LastIndex(source, token) {
			t.Errorf("%s: %d -> %d", token, at, b.offset(at))
		}
	}
	if at := strings.Index(b.SQL, "INTEGER"); b.offset(at) != strings.Index(source, "$gap") {
		t.Errorf("inside a parameter: %d", b.offset(at))
	}
}

func TestFindingPlace(t *testing.T) {
	f := findingAt("-- 群像\n  甲 x", "star", uint64(len("-- 群像\n  甲 ")), "no %s", "stars")
	if f.Line != 2 || f.Column != 5 || f.String() != "line 2:5: star: no stars; list the columns" {
		t.Errorf("%v %+v", f, f)
	}
	if f := findingAt("x", "from", noPlace, "n"); f.Line != 0 || f.Column != 0 {
		t.Errorf("%+v", f)
	}
}

func FuzzReadPlan(f *testing.F) {
	f.Add(planned("SCAN"), sample)
	f.Add(planned(`{"type":"LOGICAL_UNION","children":[SCAN,SCAN],"column_count":2}`), "SELECT $gap")
	f.Add(`{"plans":[{"type":"LOGICAL_PROJECTION","expressions":[null],"children":[null]}]}`, "")
	f.Add(`{"plans":[{"type":"LOGICAL_ANY_JOIN","condition":{"expression_class":"BOUND_CONJUNCTION","type":"CONJUNCTION_AND","children":[null]},"children":[{"type":"LOGICAL_CTE_REF"},{}]}]}`, "")
	f.Add(`{"plans":[{"type":"LOGICAL_WINDOW","expressions":[null,{"expression_class":"BOUND_WINDOW","partitions":[null]}],"children":[{"type":"LOGICAL_MATERIALIZED_CTE"}]}]}`, "")
	f.Fuzz(func(t *testing.T, plan, sql string) {
		b, err := Bind(sql, declared)
		if err != nil {
			return
		}
		proof, found := b.Plan(declared, plan, 0)
		if (proof == nil) == (len(found) == 0) {
			t.Errorf("a proof and findings, or neither: %v", found)
		}
		if proof != nil && (len(proof.Reads) == 0 || !contains(proof.Reads[0].Columns, personKey)) {
			t.Errorf("a proof about nobody: %v", proof)
		}
	})
}

func FuzzReadTree(f *testing.F) {
	f.Add(tree, sample)
	f.Add(`{"statements":[{"node":{"type":"SET_OPERATION_NODE","setop_type":"UNION","setop_all":true,"left":{},"right":null}}]}`, "")
	f.Add(`{"statements":[{"node":{"type":"SELECT_NODE","select_list":[null],"group_expressions":[null],"where_clause":{"type":"CONJUNCTION_AND","children":[null]},"from_table":{"type":"JOIN"}}}]}`, "")
	f.Fuzz(func(t *testing.T, document, sql string) {
		found := Tree(sql, declared, document)
		if len(found) == 0 && !strings.Contains(strings.ToLower(document), personKey) {
			t.Errorf("accepted without psn_key: %s", document)
		}
		sameTree(document, tree) // does not panic
	})
}
