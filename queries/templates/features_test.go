//go:build duckdb_arrow

package templates_test

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/enginetest"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// features compiles a feature template.
func features(t *testing.T, id string, given map[string]string, src queries.Source) *queries.FeatureQuestion {
	t.Helper()
	c := load(t)
	tpl, err := c.FindFeatures(id)
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.CompileFeatures(tpl, given, src)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// rowsOf reads rows as texts, levels by name, sorted; nil for nobody.
func rowsOf(t *testing.T, e queries.PersonRows, q *queries.FeatureQuestion, job queries.FeatureJob) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := e.People(t.Context(), job, func(list []queries.PersonRow) error {
		for _, r := range list {
			var text []string
			for i, c := range q.Columns {
				if len(c.Levels) > 0 {
					text = append(text, c.Levels[int(r.Value(i))])
				} else {
					text = append(text, fmt.Sprint(r.Value(i)))
				}
			}
			out[r.Person()] = append(out[r.Person()], strings.Join(text, " "))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range out {
		slices.Sort(rows)
	}
	return out
}

func person(n int) string { return queries.NewPersonRow(enginetest.Person(n), nil).Person() }

// sameRows compares people by number.
func sameRows(t *testing.T, got map[string][]string, want map[int][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d people have rows, want %d", len(got), len(want))
	}
	for n, rows := range want {
		if !slices.Equal(got[person(n)], rows) {
			t.Errorf("person %d: got %q, want %q", n, got[person(n)], rows)
		}
	}
}

// frequencyWorld is five people. Day 0 is 2017-01-01; both years have 365 days.
func frequencyWorld() enginetest.World {
	type row = enginetest.Row
	k, day := enginetest.Person, enginetest.Day
	visit := func(p, key, at int, med string) row {
		return row{"psn_key": k(p), "mdtrt_key": int64(key), "begn": day(at), "end": day(at), "med_type": med}
	}
	ill := func(p, at int, code string) row {
		return row{"psn_key": k(p), "date": day(at), "dx_code": code, "system": "icd10"}
	}
	return enginetest.World{
		"person": {
			{"psn_key": k(0), "sex": "female", "birth_ym": int64(197007)},
			{"psn_key": k(1), "sex": "male", "birth_ym": int64(200001)},
			{"psn_key": k(2), "sex": "unknown", "birth_ym": int64(194512)},
			{"psn_key": k(3), "sex": "male"},                                // no year of birth: left out
			{"psn_key": k(4), "sex": "female", "birth_ym": int64(198001)},   // never covered
			{"psn_key": k(5), "sex": "intersex", "birth_ym": int64(198001)}, // no declared level
			{"psn_key": k(6), "sex": "male", "birth_ym": int64(188001)},     // 137 years old
		},
		"coverage": {
			// Two spells that overlap, and one of another scheme in 2018.
			{"psn_key": k(0), "insutype": "resident", "begn": day(0), "end": day(72)},
			{"psn_key": k(0), "insutype": "resident", "begn": day(10), "end": day(50)},
			{"psn_key": k(0), "insutype": "employee", "begn": day(365), "end": day(365 + 364)},
			{"psn_key": k(1), "insutype": "other", "begn": day(-400), "end": day(5000)},
			{"psn_key": k(2), "insutype": "employee", "begn": day(364), "end": day(364)},
			{"psn_key": k(3), "insutype": "employee", "begn": day(0), "end": day(700)},
			{"psn_key": k(5), "insutype": "employee", "begn": day(0), "end": day(700)},
			{"psn_key": k(6), "insutype": "employee", "begn": day(0), "end": day(364)},
		},
		"encounter": {
			visit(0, 1, 3, "11"), visit(0, 2, 4, "12"), visit(0, 3, 5, "21"), visit(0, 4, 400, "13"), visit(0, 5, -1, "11"),
			visit(1, 6, 364, "1101"), visit(1, 7, 365, "11"), visit(1, 8, 366, "11"), visit(4, 9, 3, "11"),
		},
		"diagnosis": {
			// Hypertension in the year before 2017; diabetes in 2017, so in the year before 2018.
			ill(0, -1, "I10"), ill(0, 30, "E11.9"), ill(0, 400, "I10"),
			ill(1, -366, "I10"), ill(1, -365, "E11"), ill(1, -365, "J44.9"), ill(2, 364, "I10"),
		},
	}
}

// The rows of a few people, worked out by hand: visits, cover, age, sex, scheme,
// hypertension, diabetes.
func TestFrequencyFeaturesByHand(t *testing.T) {
	dir := t.TempDir()
	id := enginetest.Snapshot(t, duckdb.OpenWriter, dir, frequencyWorld().Tables()...)
	given := map[string]string{"window": "2017-01-01..2018-12-31", "chronic": "hypertension,diabetes"}
	for name, c := range map[string]struct {
		more  map[string]string
		gone  []int // opted out
		years []int
		want  map[int][]string
	}{
		"outpatient": {nil, nil, []int{2016, 2017, 2018}, map[int][]string{
			0: {"1 1 48 female employee no yes", "2 0.2 47 female resident yes no"},
			1: {"1 1 17 male other no yes", "2 1 18 male other no no"},
			2: {"0 0.002739 72 unknown employee no no"},
			6: {"0 1 120 male employee no no"},
		}},
		"inpatient, without looking back": {map[string]string{"med_type": "inpatient", "history": "0"}, nil, []int{2017, 2018}, map[int][]string{
			0: {"0 1 48 female employee no no", "1 0.2 47 female resident no no"},
			1: {"0 1 17 male other no no", "0 1 18 male other no no"},
			2: {"0 0.002739 72 unknown employee no no"},
			6: {"0 1 120 male employee no no"},
		}},
		"part of a year": {map[string]string{"window": "2017-01-05..2017-03-14", "history": "10"}, nil, []int{2016, 2017}, map[int][]string{
			0: {"1 0.189041 47 female resident yes no"}, // one of two visits; 69 days
			1: {"0 0.189041 17 male other no no"},
			6: {"0 0.189041 120 male employee no no"},
		}},
		"one opted out": {map[string]string{"window": "2018-01-01..2018-12-31"}, []int{0}, []int{2017, 2018}, map[int][]string{
			1: {"2 1 18 male other no no"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := duckdb.Open(duckdb.Options{Domain: dir, Threads: 1, RangeRows: 3, OptOuts: func(epoch int64) ([][16]byte, error) {
				var keys [][16]byte
				for _, p := range c.gone {
					keys = append(keys, enginetest.Person(p))
				}
				return keys, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			with := map[string]string{}
			for _, m := range []map[string]string{given, c.more} {
				for k, v := range m {
					with[k] = v
				}
			}
			q := features(t, "F1", with, queries.Source{Snapshot: id, MaxRows: 1000})
			if !slices.Equal(q.Years, c.years) {
				t.Errorf("charges %v, want %v", q.Years, c.years)
			}
			sameRows(t, rowsOf(t, e, q, q.Job), c.want)
		})
	}
}

// The mean of a claim by person and year, to the nearest fen, and the number of claims:
// refunds as bills of less than nothing lessen the mean and are no claims, and sums of
// nothing and less are no rows.
func TestCostFeaturesByHand(t *testing.T) {
	type row = enginetest.Row
	k, day := enginetest.Person, enginetest.Day
	bill := func(p, key, at int, med, scheme string, total, psn int) row {
		return row{"psn_key": k(p), "setl_key": int64(key), "setl_date": day(at), "med_type": med, "insutype": scheme, "total_fen": int64(total), "psn_fen": int64(psn)}
	}
	w := enginetest.World{
		"person": {
			{"psn_key": k(0), "sex": "female", "birth_ym": int64(197007)}, {"psn_key": k(1), "sex": "male", "birth_ym": int64(200001)},
			{"psn_key": k(2), "sex": "male", "birth_ym": int64(200001)}, {"psn_key": k(3), "sex": "male", "birth_ym": int64(200001)},
			{"psn_key": k(4), "sex": "male", "birth_ym": int64(200001)},
		},
		"settlement": {
			bill(0, 1, 0, "21", "resident", 123_456, 1), bill(0, 2, 364, "11", "employee", 100, 0), bill(0, 3, 365, "11", "resident", 7, 0),
			bill(1, 4, 3, "11", "other", 500, 100), bill(1, 5, 4, "11", "other", -500, -90),
			bill(2, 6, 3, "11", "unknown", 2_000_000_000, 5), bill(3, 7, -1, "11", "other", 500, 500),
			bill(4, 8, 3, "21", "other", 40, 0), bill(4, 9, 4, "21", "other", 10, 0), bill(4, 10, 5, "21", "other", 12, 0), bill(4, 11, 6, "21", "other", -30, 0),
		},
		"diagnosis": {{"psn_key": k(0), "date": day(-3), "dx_code": "J44.1", "system": "icd10"}},
	}
	dir := t.TempDir()
	id := enginetest.Snapshot(t, duckdb.OpenWriter, dir, w.Tables()...)
	e, err := duckdb.Open(duckdb.Options{Domain: dir, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	src := queries.Source{Snapshot: id, MaxRows: 1000}
	q := features(t, "F2", map[string]string{"window": "2017-01-01..2018-12-31", "chronic": "copd"}, src)
	sameRows(t, rowsOf(t, e, q, q.Job), map[int][]string{
		0: {"0.07 1 48 female resident no", "617.78 2 47 female employee yes"},
		2: {"1e+07 1 17 male unknown no"}, // cut to ten million yuan
		4: {"0.11 3 17 male other no"},    // 32 fen of three claims
	})
	q = features(t, "F2", map[string]string{"window": "2017-01-01..2018-12-31", "chronic": "copd", "amount": "person", "med_type": "outpatient"}, src)
	sameRows(t, rowsOf(t, e, q, q.Job), map[int][]string{1: {"0.1 1 17 male other no"}, 2: {"0.05 1 17 male unknown no"}})
}

// Rows stay those of their people whatever the ranges, and anything that stands in
// a table makes rows or none, never an error.
func TestFeaturesOfRandomPeople(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	w := enginetest.Random(r, 60)
	w.Patients(r, 60, 30)
	dir := t.TempDir()
	id := enginetest.Snapshot(t, duckdb.OpenWriter, dir, w.Tables()...)
	for _, ref := range []string{"F1", "F2"} {
		q := features(t, ref, map[string]string{"window": "2016-06-01..2018-12-31", "history": "100"}, queries.Source{Snapshot: id, MaxRows: 1000})
		var first map[string][]string
		for _, size := range []int64{1, 37, 1 << 18} {
			e, err := duckdb.Open(duckdb.Options{Domain: dir, Threads: 1, RangeRows: size})
			if err != nil {
				t.Fatal(err)
			}
			got := rowsOf(t, e, q, q.Job)
			e.Close()
			if first == nil {
				first = got
			}
			if len(got) < 30 || fmt.Sprint(got) != fmt.Sprint(first) {
				t.Fatalf("%s: %d people in ranges of %d rows, %d before, or other rows", ref, len(got), size, len(first))
			}
		}
	}
}

// Of more rows than a job takes of a person, some of that person's own stay, the
// same ones whoever else is there.
func TestFeaturesBoundRows(t *testing.T) {
	dir := t.TempDir()
	id := enginetest.Snapshot(t, duckdb.OpenWriter, dir, frequencyWorld().Tables()...)
	var gone [][16]byte
	e, err := duckdb.Open(duckdb.Options{Domain: dir, Threads: 1, OptOuts: func(epoch int64) ([][16]byte, error) { return gone[:epoch], nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	gone = append(gone, enginetest.Person(1))
	q := features(t, "F1", map[string]string{"window": "2017-01-01..2018-12-31"}, queries.Source{Snapshot: id, MaxRows: 1000})
	all := rowsOf(t, e, q, q.Job)
	q.Job.Rows = 1
	one := rowsOf(t, e, q, q.Job)
	q.Job.Epoch = 1
	fewer := rowsOf(t, e, q, q.Job)
	if len(all[person(0)]) != 2 || len(one) != len(all) || len(fewer) != len(all)-1 {
		t.Fatalf("%d, %d and %d people", len(all), len(one), len(fewer))
	}
	for p, rows := range one {
		if len(rows) != 1 || !slices.Contains(all[p], rows[0]) {
			t.Errorf("%q stay of %q", rows, all[p])
		}
		if p != person(1) && !slices.Equal(fewer[p], rows) {
			t.Errorf("%q without another person, %q with", fewer[p], rows)
		}
	}
}

// Feature SQL is held to the proof that questions are held to. Each of these reads
// more people than the one whose row it makes, or lets others decide.
func TestHostileFeaturesAreRefused(t *testing.T) {
	yaml, err := fs.ReadFile(templates.FS, "claim-frequency-features.yaml")
	if err != nil {
		t.Fatal(err)
	}
	good, err := fs.ReadFile(templates.FS, "claim-frequency-features.sql")
	if err != nil {
		t.Fatal(err)
	}
	e, err := duckdb.Open(duckdb.Options{Domain: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const rest = " AS cover, p.birth_ym AS age, p.sex, 0 AS insutype, 0 AS chronic FROM person AS p"
	for name, sql := range map[string]string{
		"window over everyone":   "SELECT p.psn_key, count(*) OVER () AS visits, 1" + rest,
		"rank among all":         "SELECT p.psn_key, row_number() OVER (ORDER BY p.birth_ym, p.psn_key) AS visits, 1" + rest,
		"join of two people":     "SELECT p.psn_key, q.birth_ym AS visits, 1" + rest + " JOIN person AS q ON q.sex = p.sex",
		"cross join":             "SELECT p.psn_key, q.birth_ym AS visits, 1" + rest + " CROSS JOIN person AS q",
		"population mean":        "SELECT p.psn_key, (SELECT sum(birth_ym) // count(*) FROM person) AS visits, 1" + rest,
		"limit":                  "SELECT p.psn_key, 0 AS visits, 1" + rest + " LIMIT 10",
		"sample":                 "SELECT p.psn_key, 0 AS visits, 1" + rest + " USING SAMPLE 10",
		"group of many":          "SELECT max(psn_key) AS psn_key, count(*) AS visits, 1 AS cover, 0 AS age, sex, 0 AS insutype, 0 AS chronic FROM person GROUP BY sex",
		"another's key":          "SELECT p.psn_key + 1 AS psn_key, 0 AS visits, 1" + rest,
		"random":                 "SELECT p.psn_key, (random() * 10)::INTEGER AS visits, 1" + rest,
		"today":                  "SELECT p.psn_key, year(today()) AS visits, 1" + rest,
		"file":                   "SELECT p.psn_key, 0 AS visits, 1" + rest + " JOIN 'x.csv' AS f USING (psn_key)",
		"snapshot's own table":   "SELECT p.psn_key, 0 AS visits, 1" + strings.Replace(rest, "FROM person", "FROM snapshot.main.person", 1),
		"undeclared column":      "SELECT p.psn_key, p.pno AS visits, 1" + rest,
		"one column too many":    "SELECT p.psn_key, 0 AS visits, p.birth_ym AS born, 1" + rest,
		"text as a number":       "SELECT p.psn_key, p.sex AS visits, 1" + rest,
		"number as a text":       "SELECT p.psn_key, 0 AS visits, 1 AS cover, p.birth_ym AS age, 1 AS sex, 0 AS insutype, 0 AS chronic FROM person AS p",
		"float":                  "SELECT p.psn_key, 0.5::DOUBLE AS visits, 1" + rest,
		"rows of nobody":         "SELECT p.psn_key, 0 AS visits, 1" + rest + " UNION ALL SELECT 1::HUGEINT, 0, 1, 0, 'male', 0, 0",
		"two statements":         "SELECT p.psn_key, 0 AS visits, 1" + rest + "; DROP TABLE person",
		"most common of a table": "SELECT p.psn_key, mode(p.birth_ym) OVER (PARTITION BY p.sex) AS visits, 1" + rest,
	} {
		tpl, err := queries.ParseTemplate("x.yaml", yaml, []byte(sql))
		if err != nil {
			t.Fatal(err)
		}
		found, err := duckdb.Lint(tpl)
		if err != nil || len(found) == 0 {
			t.Errorf("%s: nothing is found (%v)", name, err)
		}
		// Nor does the engine run it, whatever a certificate says.
		q, err := load(t).CompileFeatures(tpl, map[string]string{"window": "2017"}, queries.Source{MaxRows: 10})
		if err != nil {
			t.Fatal(err)
		}
		err = e.People(t.Context(), q.Job, func([]queries.PersonRow) error { return nil })
		if err == nil || !strings.Contains(err.Error(), duckdb.ErrLint.Error()) {
			t.Errorf("%s: the engine says %v", name, err)
		}
	}
	tpl, err := queries.ParseTemplate("x.yaml", yaml, good)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := duckdb.Lint(tpl); err != nil || len(found) > 0 {
		t.Fatalf("the good one: %v, %v", found, err)
	}
}

// The real registry: rows, people and all doctor's visits are those of the file.
func TestFeaturesOfTheRegistry(t *testing.T) {
	root := os.Getenv("QUNXIANG_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	source := filepath.Join(root, "registry")
	if _, err := os.Stat(source); err != nil {
		t.Skip("the registry is not here: set QUNXIANG_DATA to the folder that holds registry/rwm5yr.csv")
	}
	dir := t.TempDir()
	key, err := dataset.LoadOrCreateKey(filepath.Join(dir, "person.key"))
	if err != nil {
		t.Fatal(err)
	}
	binding, err := dataset.LoadBinding("registry")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := dataset.Import(t.Context(), dataset.Options{
		Domain: dir, Key: key, Binding: binding, Source: source, OnError: dataset.Abort, Open: duckdb.OpenWriter, Arrow: duckdb.Arrow(),
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := duckdb.Open(duckdb.Options{Domain: dir, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	src := queries.Source{Snapshot: m.ID, MaxRows: m.MostRows(), Currency: m.Currency}
	q := features(t, "F1", map[string]string{"window": "1984-01-01..1988-12-31", "history": "0", "chronic": "diabetes"}, src)
	var visits, cover, age float64
	rows, female, people := 0, 0, map[string]bool{}
	err = e.People(t.Context(), q.Job, func(list []queries.PersonRow) error {
		for _, r := range list {
			rows, visits, cover, age = rows+1, visits+r.Value(0), cover+r.Value(1), age+r.Value(2)
			people[r.Person()] = true
			if q.Columns[3].Levels[int(r.Value(3))] == "female" {
				female++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := registryTotals(t, filepath.Join(source, "rwm5yr.csv"))
	if rows != want.rows || len(people) != want.people || int(visits) != want.visits || int(cover) != rows || female != want.female {
		t.Fatalf("%d rows of %d people, %g visits, %g years, %d female; want %+v", rows, len(people), visits, cover, female, want)
	}
	if math.Abs(age-float64(want.age)) > float64(rows)/50 { // a person's year of birth is what most rows say
		t.Errorf("ages add up to %g, in the file to %d", age, want.age)
	}
	_, err = load(t).CompileFeatures(mustFind(t, "F2"), map[string]string{"window": "1984..1988"}, src)
	if err == nil || !strings.Contains(err.Error(), queries.ErrNoMoney.Error()) {
		t.Errorf("costs of a source without money: %v", err)
	}
}

func mustFind(t *testing.T, ref string) *queries.Template {
	t.Helper()
	tpl, err := load(t).FindFeatures(ref)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

type registrySums struct{ rows, people, visits, female, age int }

// registryTotals reads the file by itself.
func registryTotals(t *testing.T, path string) (s registrySums) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(line []string, name string) int {
		x, err := strconv.ParseFloat(line[slices.Index(lines[0], name)], 64)
		if err != nil {
			t.Fatal(err)
		}
		return int(x)
	}
	people := map[int]bool{}
	for _, line := range lines[1:] {
		s.rows++
		people[number(line, "id")] = true
		s.visits, s.female, s.age = s.visits+number(line, "docvis"), s.female+number(line, "female"), s.age+number(line, "age")
	}
	s.people = len(people)
	return s
}
