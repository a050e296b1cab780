package duckdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qunxiang/qunxiang/queries"
)

// Finding is one reason why a template's SQL is refused. Code is stable; Line
// counts from 1 in the SQL file and is 0 where no line is to blame.
type Finding struct {
	Code string `json:"code"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

// String is "line 3: star: ...".
func (f Finding) String() string {
	if f.Line > 0 {
		return fmt.Sprintf("line %d: %s: %s", f.Line, f.Code, f.Text)
	}
	return f.Code + ": " + f.Text
}

// Lint proves on the parsed tree that a template's SQL keeps people apart and
// fits its declaration, by default-deny: what is not known to be safe is a
// finding (rule 3). No data are needed. The SQL is then bound against the
// empty canonical schema. An error means that the linter itself could not run.
func Lint(t *queries.Template) ([]Finding, error) {
	return lint(context.Background(), templateQuestion(t))
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
		case "enums":
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
	q.columns = slices.DeleteFunc(q.columns, func(c string) bool { return c == "" })
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

// lintOnce lints the SQL of a job at its first use.
func (e *Engine) lintOnce(ctx context.Context, j queries.Job) error {
	q := jobQuestion(j)
	digest := q.digest()
	e.mu.Lock()
	err, known := e.linted[digest]
	e.mu.Unlock()
	if known {
		return err
	}
	findings, err := lint(ctx, q)
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

func lint(ctx context.Context, q question) ([]Finding, error) {
	db, err := openEmpty(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return lintOn(ctx, db, q)
}

func lintOn(ctx context.Context, db *sql.DB, q question) ([]Finding, error) {
	if !utf8.ValidString(q.sql) || strings.ContainsRune(q.sql, 0) {
		return []Finding{{Code: "syntax", Text: "is not plain UTF-8"}}, nil
	}
	var text string
	err := db.QueryRowContext(ctx, "SELECT json_serialize_sql($1::VARCHAR, skip_empty := true, skip_null := true)::VARCHAR", q.sql).Scan(&text)
	if ctx.Err() != nil {
		return nil, opaque(ctx)
	}
	if err != nil {
		return []Finding{{Code: "syntax", Text: "cannot be parsed"}}, nil
	}
	tree, findings := readTree(text)
	if len(findings) > 0 {
		return findings, nil
	}
	l := &linter{question: q}
	l.statement(tree)
	if len(l.findings) > 0 {
		return l.findings, nil
	}
	return bind(ctx, db, q)
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
