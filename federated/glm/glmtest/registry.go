package glmtest

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/qunxiang/qunxiang/federated/glm"
)

// Record is one line of the registry.
type Record map[string]float64

// Registry reads the German health registry panel from the folder QUNXIANG_DATA, by
// default shared/data beside the repository, or skips.
func Registry(t testing.TB) []Record {
	t.Helper()
	roots := []string{"../../shared/data", "../../../shared/data"}
	if root := os.Getenv("QUNXIANG_DATA"); root != "" {
		roots = []string{root}
	}
	var f *os.File
	err := os.ErrNotExist
	for i := 0; i < len(roots) && err != nil; i++ {
		f, err = os.Open(filepath.Join(roots[i], "registry", "rwm5yr.csv"))
	}
	if err != nil {
		if os.Getenv("QUNXIANG_NO_SKIP") != "" {
			t.Fatal("the registry is not here")
		}
		t.Skip("the registry is not here: set QUNXIANG_DATA to the folder that holds registry/rwm5yr.csv")
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []Record
	for _, line := range lines[1:] {
		r := Record{}
		for i, name := range lines[0] {
			if r[name], err = strconv.ParseFloat(line[i], 64); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, r)
	}
	return out
}

// Expected is a pooled fit made by an independent tool: see glm/testdata/README.md.
type Expected struct {
	Columns      []string
	Coefficients []float64
	Errors       []float64
	Rows         float64
	Deviance     float64
	Pearson      float64
	Dispersion   float64
}

// Pooled reads the expected fits, by the name of a task.
func Pooled(t testing.TB, file string) map[string]Expected {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Expected{}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Task is one model of the registry.
type Task struct {
	Name     string
	spec     glm.Spec
	response func(Record) float64
	keep     func(Record) bool
	income   bool // is household income a feature?
}

func visits(r Record) float64 { return r["docvis"] }
func income(r Record) float64 { return r["hhninc"] }
func everyone(Record) bool    { return true }

// Tasks are all of them.
func Tasks() []Task {
	count := glm.Response{Name: "docvis", Unit: "visits", Lo: 0, Hi: 121}
	money := glm.Response{Name: "hhninc", Unit: "1000 DM", Lo: 0, Hi: 31, Scale: 4}
	positive := glm.Response{Name: "hhninc", Unit: "1000 DM", Lo: 1e-9, Hi: 31, Scale: 4}
	scaled := count
	scaled.Scale = 2
	any := glm.Response{Name: "any visit", Unit: "yes", Lo: 0, Hi: 1}
	return []Task{
		{"poisson", glm.Spec{Family: glm.Poisson, Response: count, StartMean: 3}, visits, everyone, true},
		{"negative-binomial", glm.Spec{Family: glm.NegBin, Theta: 0.75, Response: count, StartMean: 3}, visits, everyone, true},
		{"tweedie", glm.Spec{Family: glm.Tweedie, Power: 1.5, Response: scaled, StartMean: 3}, visits, everyone, true},
		{"logistic", glm.Spec{Family: glm.Logistic, Response: any, StartMean: 0.6}, func(r Record) float64 {
			return math.Min(1, r["docvis"])
		}, everyone, true},
		{"poisson, exposure and weights", glm.Spec{Family: glm.Poisson, Response: count, StartMean: 3, Exposure: true, Weights: true},
			visits, everyone, true},
		{"poisson, ridge", glm.Spec{Family: glm.Poisson, Response: count, StartMean: 3, Ridge: 500}, visits, everyone, true},
		{"linear", glm.Spec{Family: glm.Linear, Response: money, StartMean: 3}, income, everyone, false},
		{"gamma", glm.Spec{Family: glm.Gamma, Response: positive, StartMean: 3}, income,
			func(r Record) bool { return r["hhninc"] > 0 }, false},
	}
}

// Spec is the task's model for this many nodes, at one scale for all of them.
func (k Task) Spec(nodes int) glm.Spec {
	s := k.spec
	s.Features = []glm.Feature{{Name: "age", Unit: "years", Lo: 25, Hi: 64}, {Name: "educ", Unit: "years", Lo: 7, Hi: 18}}
	if k.income {
		s.Features = append(s.Features, glm.Feature{Name: "hhninc", Unit: "1000 DM", Lo: 0, Hi: 31})
	}
	for _, name := range []string{"outwork", "female", "married", "kids"} {
		s.Features = append(s.Features, glm.Feature{Name: name, Levels: []glm.Level{{Name: "0"}, {Name: "1"}}})
	}
	year := glm.Feature{Name: "year"}
	for y := 1984; y <= 1988; y++ {
		year.Levels = append(year.Levels, glm.Level{Name: strconv.Itoa(y)})
	}
	s.Features = append(s.Features, year)
	s.Nodes, s.PeoplePerNode, s.Rho, s.Rounds, s.Bits = nodes, 6127, 1e12, 8, 28
	s.Caps = glm.Caps{Weight: 64, Score: 256, Rows: 5, Exposure: 5, Deviance: 1000, Pearson: 1000}
	return s
}

// Row is a record as the contract of the task wants it.
func (k Task) Row(r Record) glm.Row {
	out := glm.Row{Person: strconv.Itoa(int(r["id"])), Response: k.response(r)}
	if k.spec.Exposure {
		out.Exposure = 0.25 + 0.25*math.Mod(r["rownames"], 4)
	}
	if k.spec.Weights {
		out.Weight = 1 + math.Mod(r["rownames"], 3)
	}
	numbers := []string{"age", "educ"}
	if k.income {
		numbers = append(numbers, "hhninc")
	}
	for _, name := range numbers {
		out.Values = append(out.Values, glm.Value{Number: r[name]})
	}
	for _, name := range []string{"outwork", "female", "married", "kids", "year"} {
		out.Values = append(out.Values, glm.Value{Level: strconv.Itoa(int(r[name]))})
	}
	return out
}

// Split says which of n nodes has a record.
type Split struct {
	Name  string
	Nodes int
	node  func(r Record, n int) int
	Whole bool // does it keep people whole?
}

func evenly(r Record, n int) int { return int(r["id"]) % n }

// unevenly gives nearly everyone to the last node and two people to each other.
func unevenly(r Record, n int) int { return min(int(r["id"])/2, n-1) }

func byYear(r Record, n int) int {
	return (int(r["year"])*31 + int(r["year"]-1984)*int(r["age"])) % n
}

// Splits are over 3, 5 and 20 nodes, evenly and very unevenly, and two that cut people.
func Splits() []Split {
	var out []Split
	for _, n := range []int{3, 5, 20} {
		out = append(out, Split{fmt.Sprintf("%d nodes, evenly", n), n, evenly, true},
			Split{fmt.Sprintf("%d nodes, very unevenly", n), n, unevenly, true})
	}
	return append(out, Split{"5 nodes, a year each", 5, func(r Record, _ int) int { return int(r["year"]) - 1984 }, false},
		Split{"20 nodes, people cut", 20, byYear, false})
}

// Rows gives every node its rows of a task.
func (s Split) Rows(k Task, records []Record) [][]glm.Row {
	parts := make([][]glm.Row, s.Nodes)
	for _, r := range records {
		if k.keep(r) {
			n := s.node(r, s.Nodes)
			parts[n] = append(parts[n], k.Row(r))
		}
	}
	return parts
}

// Compare holds a fit without noise to the expected one: coefficients and standard errors
// to 1e-6.
func Compare(t testing.TB, name string, fit *glm.Fit, want Expected, columns []string) {
	t.Helper()
	if !slices.Equal(columns, want.Columns) || len(fit.Terms) != len(want.Coefficients) {
		t.Fatalf("%s: columns %v, want %v", name, columns, want.Columns)
	}
	if !fit.Converged {
		t.Errorf("%s: not converged", name)
	}
	for i, term := range fit.Terms {
		if math.Abs(term.Estimate-want.Coefficients[i]) > 1e-6 || math.Abs(term.SE-want.Errors[i]) > 1e-6 {
			t.Errorf("%s: %s is %.9f +- %.9f, want %.9f +- %.9f", name, term.Name,
				term.Estimate, term.SE, want.Coefficients[i], want.Errors[i])
		}
	}
	if fit.Rows != want.Rows {
		t.Errorf("%s: %g rows, want %g", name, fit.Rows, want.Rows)
	}
	if want.Dispersion == 0 { // the ridge fit has no more
		return
	}
	for _, c := range []struct {
		what      string
		got, want float64
	}{{"deviance", fit.Deviance, want.Deviance}, {"Pearson", fit.Pearson, want.Pearson}, {"dispersion", fit.Dispersion, want.Dispersion}} {
		if math.Abs(c.got-c.want) > 1e-7*math.Abs(c.want) {
			t.Errorf("%s: %s %.9g, want %.9g", name, c.what, c.got, c.want)
		}
	}
}
