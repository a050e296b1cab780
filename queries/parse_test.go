package queries_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

func pair(t testing.TB, id string) (yaml, sql string) {
	t.Helper()
	y, err := fs.ReadFile(templates.FS, id+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := fs.ReadFile(templates.FS, id+".sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(y), string(s)
}

// A fixture per refusal: one edit of a good template, and what is said of it.
func TestTemplateRefusals(t *testing.T) {
	good, sql := pair(t, "claim-severity")
	if _, err := queries.ParseTemplate("good.yaml", []byte(good), []byte(sql)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, new, says string }{
		{"unknown key", "l0: 2\nmeasures", "l0: 2\nlimit: 3\nmeasures", "x.yaml:51:1"},
		{"repeated key", "l0: 2\nmeasures", "l0: 2\nl0: 3\nmeasures", "x.yaml:51:1"},
		{"second document", "id: claim-severity", "id: claim-severity\n---\nid: other", "document"},
		{"no id", "id: claim-severity", "id: Claim Severity", "id"},
		{"version", "version: 1.1.0", "version: \"1.0\"", "version"},
		{"catalogue", "catalogue: I3", "catalogue: X3", "catalogue"},
		{"no Chinese title", "  zh: 次均费用\n", "", "title"},
		{"missing clamp", "    clamp: [0, 20000000]\n", "", "clamp"},
		{"zero-width clamp", "clamp: [0, 20000000]", "clamp: [5, 5]", "clamp"},
		{"upside-down clamp", "clamp: [0, 20000000]", "clamp: [9, 5]", "clamp"},
		{"zero-width total", "total: [-8400000, 18600000]", "total: [7, 7]", "total"},
		{"no reference", "    reference: 1400000\n", "", "reference"},
		{"no reference size", "    reference_people: 1000\n", "", "reference_people"},
		{"l0", "l0: 2\nmeasures", "l0: 0\nmeasures", "l0"},
		{"no coarse", "coarse:\n  l0: 2\n  keys:\n    age: {bands: {first: 0, width: 30, last: 60}}\n", "", "coarse"},
		{"unknown table", "view: settlement,", "view: settlements,", "no table"},
		{"unknown column", "psn_fen]", "psn_fen, nickname]", "no column"},
		{"person number", "psn_fen]", "psn_fen, pno]", "no column"},
		{"institution as key", "name: level, values", "name: inst_key, values", "no institution may be a key"},
		{"institution beside a private key", "psn_fen]", "psn_fen, inst_key]", "no institution may be a key"},
		{"no window", "{view: settlement, window: window,", "{view: settlement,", "window"},
		{"unknown window", "{view: settlement, window: window,", "{view: settlement, window: other,", "window"},
		{"key without domain", "values: [tertiary, secondary, primary, unknown]}", "}", "key level"},
		{"key with two domains", "values: [tertiary, secondary, primary, unknown]}", "values: [a], private: true}", "key level"},
		{"value twice", "values: [tertiary, secondary, primary, unknown]}", "values: [a, a]}", "twice"},
		{"bands", "width: 10, last: 80", "width: 0, last: 80", "bands"},
		{"bands uneven", "width: 10, last: 80", "width: 30, last: 80", "bands"},
		{"kind of parameter", "type: enum\n    values: [total, fund, person]", "type: text\n    values: [total, fund, person]", "type"},
		{"default", "default: total", "default: totals", "default"},
		{"enum without values", "    values: [total, fund, person]\n", "", "values"},
		{"missing binds", "      pharmacy: [\"41\"]\n", "", "binds"},
		{"window without limit", "    max: 1096\n", "", "max"},
		{"axis where none belongs", "    kind: mean\n", "    kind: mean\n    axis: {column: x, unit: d, bands: {edges: [1]}}\n", "axis"},
		{"reach", "reach: 1200", "reach: 0", "reach"},
		{"no audience", "audiences: [insurer, regulator]", "audiences: []", "audiences"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := strings.Replace(good, test.old, test.new, 1)
			if test.name == "institution beside a private key" {
				bad = strings.Replace(bad, "values: [tertiary, secondary, primary, unknown]}", "private: true}", 1)
			}
			if bad == good {
				t.Fatal("the edit changes nothing")
			}
			_, err := queries.ParseTemplate("x.yaml", []byte(bad), []byte(sql))
			if !errors.Is(err, queries.ErrTemplate) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q", err, test.says)
			}
		})
	}
	if _, err := queries.ParseTemplate("x.yaml", []byte(good), []byte(" \n")); !errors.Is(err, queries.ErrTemplate) {
		t.Errorf("empty SQL: %v", err)
	}
}

// Every byte of either file is in the digest, and so is where one ends.
func TestDigestBindsBothFiles(t *testing.T) {
	y, s := pair(t, "claim-severity")
	a, err := queries.ParseTemplate("a.yaml", []byte(y), []byte(s))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][2]string{{y + "\n", s}, {y, s + "\n"}} {
		b, err := queries.ParseTemplate("b.yaml", []byte(other[0]), []byte(other[1]))
		if err != nil {
			t.Fatal(err)
		}
		if a.Digest() == b.Digest() {
			t.Error("two pairs of files share a digest")
		}
	}
}

func FuzzParseTemplate(f *testing.F) {
	y, s := pair(f, "persistence")
	f.Add(y)
	f.Add("id: x")
	f.Fuzz(func(t *testing.T, text string) {
		tpl, err := queries.ParseTemplate("f.yaml", []byte(text), []byte(s))
		if (tpl == nil) == (err == nil) {
			t.Fatal("either a template or an error")
		}
	})
}

func TestCodeListRefusals(t *testing.T) {
	const good = "id: a-list\nversion: 1\nkind: diagnosis\ntitle: {en: A, zh: 甲}\ncodes:\n  icd10: [\"I10*\"]\n"
	if _, err := queries.ParseCodeList("a-list.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, test := range [][2]string{
		{"kind: diagnosis", "kind: food"}, {"icd10", "atc"}, {"I10*", "I1%"}, {"I10*", "*"}, {"I10*", "' OR 1=1"},
		{"version: 1", "version: 0"}, {"id: a-list", "id: A"}, {"zh: 甲", "zh: ''"},
	} {
		if _, err := queries.ParseCodeList("a-list.yaml", []byte(strings.Replace(good, test[0], test[1], 1))); !errors.Is(err, queries.ErrTemplate) {
			t.Errorf("%q: %v", test[1], err)
		}
	}
}

func TestBands(t *testing.T) {
	b := queries.Bands{First: 0, Width: 5, Last: 90}
	if l := b.Labels(); l[0] != "0-4" || l[18] != "90+" || len(l) != 19 {
		t.Errorf("labels %v", l)
	}
	for v, want := range map[int64]int32{-1: -1, 0: 0, 4: 0, 5: 1, 89: 17, 90: 18, 1 << 40: 18} {
		if got := b.Position(v); got != want {
			t.Errorf("Position(%d) = %d, want %d", v, got, want)
		}
	}
	e := queries.Bands{Edges: []int64{0, 1, 3, 7}}
	if l := strings.Join(e.Labels(), " "); l != "0 1-2 3-6 7+" {
		t.Errorf("labels %q", l)
	}
	for v, want := range map[int64]int32{-5: -1, 0: 0, 2: 1, 3: 2, 6: 2, 7: 3, 99: 3} {
		if got := e.Position(v); got != want {
			t.Errorf("Position(%d) = %d, want %d", v, got, want)
		}
	}
	closed := queries.Bands{First: 2016, Width: 1, Last: 2018, Closed: true}
	for v, want := range map[int64]int32{2015: -1, 2016: 0, 2018: 2, 2019: -1} {
		if got := closed.Position(v); got != want {
			t.Errorf("Position(%d) = %d, want %d", v, got, want)
		}
	}
}
