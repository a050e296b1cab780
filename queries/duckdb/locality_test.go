package duckdb

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/locality"
)

// corpusFile is one SQL file with the declaration and the verdicts of its header.
type corpusFile struct {
	name       string
	question   question
	accepted   bool
	tree, plan string // the code that each proof alone must find, or "passes"
}

func corpus(t testing.TB) []corpusFile {
	t.Helper()
	names, err := filepath.Glob("../locality/testdata/*.sql")
	if err != nil || len(names) < 64 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	var out []corpusFile
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := corpusFile{name: filepath.Base(name)}
		f.question = question{sql: string(text), args: map[string]any{}, keys: map[string]bool{}, exact: true}
		for line := range strings.Lines(string(text)) {
			if field, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "-- "), ": "); ok && strings.HasPrefix(line, "-- ") {
				f.header(t, field, value)
			}
		}
		if f.tree == "" || f.plan == "" {
			t.Fatalf("%s: no verdict", name)
		}
		out = append(out, f)
	}
	return out
}

func (f *corpusFile) header(t testing.TB, field, value string) {
	q := &f.question
	for item := range strings.SplitSeq(value, "; ") {
		words := strings.FieldsFunc(item, func(r rune) bool { return strings.ContainsRune(" ,()", r) })
		switch field {
		case "views":
			q.views = append(q.views, queries.View{Name: words[0], Table: words[1], Columns: words[2:],
				From: day("2016-01-01"), To: day("2019-12-31"), AgeAt: day("2017-01-01")})
		case "parameters":
			q.args[words[0]] = map[string]any{
				"integer": int64(3), "text": "b", "date": day("2017-03-01"), "texts": []string{"a", "b"}, "integers": []int64{2, 5},
			}[words[1]]
		case "keys":
			q.keys[item] = false
		case "measures":
			q.columns = append(q.columns, item)
		case "verdict":
			switch {
			case len(words) == 1:
				f.accepted = words[0] == "accepted"
			case words[0] == "tree":
				f.tree = words[1]
			case words[0] == "plan":
				f.plan = words[1]
			}
		}
	}
}

func codes(found []Finding) []string {
	var out []string
	for _, f := range found {
		out = append(out, f.Code)
	}
	if len(out) == 0 {
		return []string{"passes"}
	}
	return slices.Compact(slices.Sorted(slices.Values(out)))
}

// alone gives the codes of the proof on the tree and of the proof on the plan,
// each without the other.
func alone(t testing.TB, w *smallWorld, q question) (tree, plan []string) {
	t.Helper()
	ctx, d := context.Background(), q.declaration()
	text, err := treeOf(ctx, w.db, q.sql)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := locality.Bind(q.sql, d)
	if err != nil {
		t.Fatal(err)
	}
	document, before, err := planOf(ctx, w.db, q, bound.SQL)
	if err != nil {
		t.Fatal(err)
	}
	proof, found := bound.Plan(d, document, before)
	if (proof == nil) == (len(found) == 0) {
		t.Errorf("a proof and findings, or neither: %v", found)
	}
	return codes(locality.Tree(q.sql, d, text)), codes(found)
}

// Every file of the corpus has the verdict that its header says, from each proof
// alone and from both; what is accepted maps people one by one.
func TestCorpus(t *testing.T) {
	w := newSmallWorld(t, 8)
	var violations, byTree, byPlan, byBoth, shown int
	for _, f := range corpus(t) {
		tree, plan := alone(t, w, f.question)
		if !slices.Contains(tree, f.tree) {
			t.Errorf("%s: the tree alone finds %v, want %s", f.name, tree, f.tree)
		}
		if !slices.Contains(plan, f.plan) {
			t.Errorf("%s: the plan alone finds %v, want %s", f.name, plan, f.plan)
		}
		proof, found, err := prove(context.Background(), w.db, f.question)
		if err != nil {
			t.Fatal(err)
		}
		if f.accepted != (len(found) == 0) || f.accepted != (proof != nil) {
			t.Errorf("%s: accepted should be %v; %v", f.name, f.accepted, found)
		}
		difference, rows, err := w.apart(f.question)
		if f.accepted {
			if err != nil || difference != "" {
				t.Errorf("%s: %v %s", f.name, err, difference)
			}
			if rows == 0 && f.name != "ok-false.sql" {
				t.Errorf("%s: no row: the equation says nothing", f.name)
			}
			continue
		}
		violations++
		onTree, onPlan := f.tree != "passes", f.plan != "passes"
		switch {
		case onTree && onPlan:
			byBoth++
		case onTree:
			byTree++
		case onPlan:
			byPlan++
		}
		if err == nil && difference != "" {
			shown++
		}
	}
	t.Logf("%d violations: caught by both proofs %d, by the tree alone %d, by the plan alone %d; %d show on the small world",
		violations, byBoth, byTree, byPlan, shown)
	if violations < 32 || byBoth+byTree+byPlan < violations || 2*byBoth < violations {
		t.Error("every violation must be caught by one proof, most by both")
	}
}

// FuzzProve tries any text: the proofs never panic, and a text that both accept
// keeps people apart on a small world.
func FuzzProve(f *testing.F) {
	for _, c := range corpus(f) {
		_, sql, _ := strings.Cut(c.question.sql, "verdict")
		_, sql, _ = strings.Cut(sql, "\n")
		f.Add(sql)
	}
	w := newSmallWorld(f, 4)
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 2000 {
			return
		}
		q := everything(sql)
		proof, found, err := prove(context.Background(), w.db, q)
		if err != nil {
			t.Fatalf("%q: %v", sql, err)
		}
		if (proof == nil) == (len(found) == 0) {
			t.Errorf("%q: a proof and findings, or neither: %v", sql, found)
		}
		if proof == nil {
			return
		}
		difference, _, err := w.apart(q)
		if err != nil {
			return // a value that fails: the engine leaves its person out
		}
		if difference != "" {
			t.Errorf("%q is accepted and mixes people: %s", sql, difference)
		}
	})
}

// everything declares all that the corpus names, and asks for no columns but psn_key.
func everything(sql string) question {
	view := func(name, table string, columns ...string) queries.View {
		return queries.View{Name: name, Table: table, Columns: columns, From: day("2016-01-01"), To: day("2019-12-31"), AgeAt: day("2017-01-01")}
	}
	return question{
		sql: sql,
		views: []queries.View{
			view("bill", "settlement", "mdtrt_key", "setl_key", "inst_key", "level", "total_fen", "setl_date"),
			view("stay", "encounter", "mdtrt_key", "inst_key", "begn", "end", "level", "med_type"),
			view("person", "person", "age", "sex"),
			view("drug", "fee_line", "mdtrt_key", "date", "ingredient", "atc", "amt_fen", "days_supply"),
			view("cover", "coverage", "insutype", "begn", "end"),
		},
		args: map[string]any{"gap": int64(3), "kind": "b", "window_from": day("2017-03-01"), "kinds": []string{"a", "b"}, "layers": []int64{2, 5}},
	}
}

// Statements spliced from those of the corpus reach places that random bytes do
// not. Each proof stands on its own here: what either accepts keeps people apart.
// Ties are for the tree alone.
func TestSplices(t *testing.T) {
	w := newSmallWorld(t, 5)
	var statements [][]string
	for _, c := range corpus(t) {
		_, sql, _ := strings.Cut(c.question.sql, "verdict")
		_, sql, _ = strings.Cut(sql, "\n")
		statements = append(statements, regexp.MustCompile(`'[^']*'|[\w$.]+|\s+|.`).FindAllString(sql, -1))
	}
	r := rand.New(rand.NewPCG(64, 1))
	byTree, byPlan, bound := 0, 0, 0
	for range 1000 {
		base := slices.Clone(statements[r.IntN(len(statements))])
		for range 1 + r.IntN(3) {
			other := statements[r.IntN(len(statements))]
			base[r.IntN(len(base))] = other[r.IntN(len(other))]
		}
		sql := strings.Join(base, "")
		q := everything(sql)
		if _, err := locality.Bind(sql, q.declaration()); err != nil {
			continue
		}
		tree, plan := alone(t, w, q)
		onTree, onPlan := tree[0] != "passes" && !slices.Equal(tree, []string{"output"}), plan[0] != "passes"
		if onTree && onPlan || slices.Contains(tree, "ties") {
			continue
		}
		difference, _, err := w.apart(q)
		if err != nil {
			continue
		}
		bound++
		if !onTree {
			byTree++
		}
		if !onPlan {
			byPlan++
		}
		if difference != "" {
			t.Errorf("tree %v, plan %v, yet\n%s\n%s", tree, plan, sql, difference)
		}
	}
	t.Logf("%d statements that a proof accepts and that run: the tree %d, the plan %d", bound, byTree, byPlan)
	if byTree < 20 || byPlan < 20 {
		t.Error("too few to say anything")
	}
}
