package duckdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/locality"
)

// Finding is one reason why a template's SQL is refused.
type Finding = locality.Finding

// Lint proves on the parsed tree and on the bound plan that a template's SQL
// keeps people apart and fits its declaration (rule 3, see [locality]). No data
// are needed: the SQL is bound against the empty canonical schema. An error means
// that the linter itself could not run.
func Lint(t *queries.Template) ([]Finding, error) {
	_, findings, err := Prove(t)
	return findings, err
}

// Prove gives what [Lint] proves: the tables, columns, functions and operators
// of a template's SQL. The proof is nil where there are findings.
func Prove(t *queries.Template) (*locality.Proof, []Finding, error) {
	ctx := context.Background()
	db, err := openEmpty(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	return prove(ctx, db, templateQuestion(t))
}

// question is what the linter knows of a template or a job.
type question struct {
	sql     string
	views   []queries.View
	args    map[string]any
	keys    map[string]bool // by name: true where the column must be an integer
	columns []string        // integer columns
	exact   bool            // every output column must be declared
}

func templateQuestion(t *queries.Template) question {
	q := question{sql: t.SQL, args: map[string]any{}, keys: map[string]bool{}, exact: true}
	day := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, r := range t.Reads {
		v := queries.View{Name: r.View, Table: r.Table, Columns: r.Columns, From: day, To: day, AgeAt: day}
		if r.Codes != nil && r.Codes.Position != "" {
			v.Lists, v.Position = []queries.CodeSet{{}, {}}, r.Codes.Position
		} else if r.Codes != nil {
			v.Codes = queries.CodeSet{"atc": {Exact: []string{"x"}}}
		}
		for _, f := range r.Where {
			v.Where = append(v.Where, queries.Among{Column: f.Column, Values: []string{"x"}, Prefix: f.Prefix})
		}
		q.views = append(q.views, v)
	}
	for _, p := range t.Parameters {
		switch p.Type {
		case "window":
			q.args[p.Name+"_from"], q.args[p.Name+"_to"] = day, day
		case "date":
			q.args[p.Name] = day
		case "amounts":
			q.args[p.Name] = []int64{p.Min}
		case "layers":
			q.args[p.Name+"_cover"], q.args[p.Name+"_above"] = []int64{p.Min}, []int64{p.Min}
		case "integer":
			q.args[p.Name] = p.Min
		case "enum":
			q.args[p.Name] = "x"
			if len(p.Binds) > 0 {
				q.args[p.Name] = []string{"x"}
			}
		case "enums", "code_lists":
			q.args[p.Name] = []string{"x"}
		}
	}
	for _, k := range t.Keys {
		q.keys[k.Name] = len(k.Values) == 0 && !k.Private
	}
	for _, m := range t.Measures {
		q.columns = append(q.columns, m.Column, m.Event)
		if m.Axis != nil {
			q.columns = append(q.columns, m.Axis.Column)
		}
		for _, a := range m.Attributes {
			q.columns = append(q.columns, a.Column)
		}
	}
	if f := t.Features; f != nil {
		for _, c := range slices.Concat([]queries.FeatureColumn{f.Response}, f.Columns) {
			q.feature(c.Name, c.Text)
		}
		for _, c := range []*queries.FeatureColumn{f.Exposure, f.Weight} {
			if c != nil {
				q.feature(c.Name, false)
			}
		}
	}
	q.columns = slices.DeleteFunc(q.columns, func(c string) bool { return c == "" })
	return q
}

// feature adds a column of person-level rows: a text, or an integer.
func (q *question) feature(name string, text bool) {
	if text {
		q.keys[name] = false
	} else if !slices.Contains(q.columns, name) {
		q.columns = append(q.columns, name)
	}
}

// rowsQuestion is [jobQuestion] of person-level rows.
func rowsQuestion(j queries.FeatureJob) question {
	q := question{sql: j.SQL, views: j.Views, args: j.Args, keys: map[string]bool{}, exact: true}
	for _, c := range j.Columns {
		q.feature(c.Name, c.Text)
	}
	return q
}

// jobQuestion serves the check before a job's first run. A coarse variant drops
// keys that the SQL still selects, hence not exact.
func jobQuestion(j queries.Job) question {
	q := question{sql: j.SQL, views: j.Views, args: j.Args, keys: map[string]bool{}}
	for _, k := range j.Keys {
		q.keys[k.Name] = k.Bands != nil
	}
	for _, c := range j.Columns {
		q.columns = append(q.columns, c.Name)
	}
	return q
}

// digest names what a finding can depend on: not parameters, not windows.
func (q question) digest() [32]byte {
	views := slices.Clone(q.views)
	for i := range views {
		views[i].From, views[i].To, views[i].AgeAt = time.Time{}, time.Time{}, time.Time{}
		views[i].Codes, views[i].Lists, views[i].Where = nil, nil, nil
	}
	kinds := map[string]string{}
	for name, v := range q.args {
		kinds[name] = fmt.Sprintf("%T", v)
	}
	b, _ := json.Marshal([]any{q.sql, views, kinds, q.keys, q.columns}) // maps are written in order of their keys
	return sha256.Sum256(b)
}

// lintOnce lints the SQL of a question at its first use.
func (e *Engine) lintOnce(ctx context.Context, q question) error {
	digest := q.digest()
	e.mu.Lock()
	err, known := e.linted[digest]
	e.mu.Unlock()
	if known {
		return err
	}
	db, err := openEmpty(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	_, findings, err := prove(ctx, db, q)
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		texts := make([]string, len(findings))
		for i, f := range findings {
			texts[i] = f.String()
		}
		err = fmt.Errorf("%w: %s", ErrLint, strings.Join(texts, "; "))
	}
	e.mu.Lock()
	e.linted[digest] = err
	e.mu.Unlock()
	return err
}

// declaration is what locality is told of a question.
func (q question) declaration() locality.Declaration {
	d := locality.Declaration{Parameters: map[string]locality.Kind{}, Exact: q.exact, Catalog: SnapshotCatalog, Schema: "main"}
	for _, v := range q.views {
		d.Views = append(d.Views, locality.View{Name: v.Name, Table: v.Table, Reads: viewReads(v)})
	}
	for name, v := range q.args {
		switch v.(type) {
		case time.Time:
			d.Parameters[name] = locality.KindDate
		case int64:
			d.Parameters[name] = locality.KindInteger
		case string:
			d.Parameters[name] = locality.KindText
		case []string:
			d.Parameters[name] = locality.KindTexts
		case []int64:
			d.Parameters[name] = locality.KindIntegers
		}
	}
	d.Columns = append(slices.Sorted(maps.Keys(q.keys)), q.columns...)
	return d
}

// cutColumns are what windows and code lists of views look at.
var cutColumns = words(`birth_ym death_ym system dx_code main_dx code item_code atc`)

// viewReads are the columns of its table that a view is made of.
func viewReads(v queries.View) []string {
	table, _ := dataset.Lookup(v.Table)
	var out []string
	for _, c := range table.Columns {
		cut := cutColumns(c.Name) || c.Name == table.Time.Date || c.Name == table.Time.Begin || c.Name == table.Time.End
		cut = cut || slices.ContainsFunc(v.Where, func(a queries.Among) bool { return a.Column == c.Name })
		if cut || slices.Contains(v.Columns, c.Name) && c.Name != "pno" {
			out = append(out, c.Name)
		}
	}
	return out
}

// words makes a set of the words of a text.
func words(text string) func(string) bool {
	list := strings.Fields(text)
	return func(w string) bool { return slices.Contains(list, w) }
}

// prove makes the documents that locality reads, the second only if the first
// has no findings, and binds the types of what comes out.
func prove(ctx context.Context, db *sql.DB, q question) (*locality.Proof, []Finding, error) {
	if !utf8.ValidString(q.sql) || strings.ContainsRune(q.sql, 0) {
		return nil, []Finding{{Code: "syntax", Text: "is not plain UTF-8"}}, nil
	}
	in := locality.Input{SQL: q.sql, Declaration: q.declaration()}
	var err error
	if in.Tree, err = treeOf(ctx, db, q.sql); err != nil {
		return nil, nil, err
	}
	if in.Tree == "" {
		return nil, []Finding{{Code: "syntax", Text: "cannot be parsed"}}, nil
	}
	if found := locality.Tree(in.SQL, in.Declaration, in.Tree); len(found) > 0 {
		return nil, found, nil
	}
	if found, err := bind(ctx, db, q); len(found) > 0 || err != nil {
		return nil, found, err
	}
	bound, err := locality.Bind(q.sql, in.Declaration)
	if err != nil {
		return nil, []Finding{{Code: "parameter", Text: err.Error()}}, nil
	}
	if in.BoundTree, err = treeOf(ctx, db, bound.SQL); err != nil {
		return nil, nil, err
	}
	if in.Plan, in.Before, err = planOf(ctx, db, q, bound.SQL); err != nil {
		return nil, nil, err
	}
	proof, found := locality.Prove(in)
	return proof, found, nil
}

// treeOf is the parsed tree of a text, "" if there is none.
func treeOf(ctx context.Context, db *sql.DB, text string) (string, error) {
	return serialized(ctx, db, "SELECT json_serialize_sql($1::VARCHAR, skip_empty := true, skip_null := true)::VARCHAR", text)
}

// planOf is the bound plan of a text without parameters behind the views of a
// question, with psn_key as its first column, and the place of the text in what
// was planned. There are no data below it.
func planOf(ctx context.Context, db *sql.DB, q question, bound string) (plan string, before int, err error) {
	lo, hi := locality.Range(q.sql)
	with, err := withViews(q.views, within(lo, hi, nil))
	if err != nil {
		return "", 0, err
	}
	with += "SELECT t.psn_key, t.* FROM (\n"
	plan, err = serialized(ctx, db, "SELECT json_serialize_plan($1::VARCHAR, skip_empty := true, skip_null := true, optimize := false)::VARCHAR",
		with+trimSQL(bound)+"\n) AS t")
	return plan, len(with), err
}

func serialized(ctx context.Context, db *sql.DB, call, text string) (string, error) {
	var out string
	err := db.QueryRowContext(ctx, call, text).Scan(&out)
	if ctx.Err() != nil {
		return "", opaque(ctx)
	}
	if err != nil {
		return "", nil
	}
	return out, nil
}

// openEmpty opens the canonical schema without rows and without reach.
func openEmpty(ctx context.Context) (*sql.DB, error) {
	db, err := open(ctx, attachments{{path: ":memory:", name: SnapshotCatalog}}, limits{memory: 256 << 20, threads: 1})
	if err != nil {
		return nil, opaque(ctx)
	}
	for _, create := range emptySchema() {
		if _, err := db.ExecContext(ctx, create); err != nil {
			db.Close()
			return nil, opaque(ctx)
		}
	}
	return db, nil
}
