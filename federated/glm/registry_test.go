package glm_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/qunxiang/qunxiang/federated/glm"
)

// record is one line of the registry.
type record map[string]float64

// registry reads the German health registry panel, or skips.
func registry(t *testing.T) []record {
	t.Helper()
	root := os.Getenv("QUNXIANG_DATA")
	if root == "" {
		root = "../../../shared/data"
	}
	f, err := os.Open(filepath.Join(root, "registry", "rwm5yr.csv"))
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
	var out []record
	for _, line := range lines[1:] {
		r := record{}
		for i, name := range lines[0] {
			if r[name], err = strconv.ParseFloat(line[i], 64); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, r)
	}
	return out
}

// expected is a pooled fit made by an independent tool: see testdata/README.md.
type expected struct {
	Columns      []string
	Coefficients []float64
	Errors       []float64
	Rows         float64
	Deviance     float64
	Pearson      float64
	Dispersion   float64
}

func pooled(t *testing.T) map[string]expected {
	t.Helper()
	b, err := os.ReadFile("testdata/pooled.json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]expected{}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// task is one model of the registry.
type task struct {
	name     string
	spec     glm.Spec
	response func(record) float64
	keep     func(record) bool
	income   bool // is household income a feature?
}

func visits(r record) float64 { return r["docvis"] }
func income(r record) float64 { return r["hhninc"] }
func everyone(record) bool    { return true }

func tasks() []task {
	count := glm.Response{Name: "docvis", Unit: "visits", Lo: 0, Hi: 121}
	money := glm.Response{Name: "hhninc", Unit: "1000 DM", Lo: 0, Hi: 31, Scale: 4}
	positive := glm.Response{Name: "hhninc", Unit: "1000 DM", Lo: 1e-9, Hi: 31, Scale: 4}
	scaled := count
	scaled.Scale = 2
	any := glm.Response{Name: "any visit", Lo: 0, Hi: 1}
	return []task{
		{"poisson", glm.Spec{Family: glm.Poisson, Response: count, StartMean: 3}, visits, everyone, true},
		{"negative-binomial", glm.Spec{Family: glm.NegBin, Theta: 0.75, Response: count, StartMean: 3}, visits, everyone, true},
		{"tweedie", glm.Spec{Family: glm.Tweedie, Power: 1.5, Response: scaled, StartMean: 3}, visits, everyone, true},
		{"logistic", glm.Spec{Family: glm.Logistic, Response: any, StartMean: 0.6}, func(r record) float64 {
			return math.Min(1, r["docvis"])
		}, everyone, true},
		{"poisson, exposure and weights", glm.Spec{Family: glm.Poisson, Response: count, StartMean: 3, Exposure: true, Weights: true},
			visits, everyone, true},
		{"poisson, ridge", glm.Spec{Family: glm.Poisson, Response: count, StartMean: 3, Ridge: 500}, visits, everyone, true},
		{"linear", glm.Spec{Family: glm.Linear, Response: money, StartMean: 3}, income, everyone, false},
		{"gamma", glm.Spec{Family: glm.Gamma, Response: positive, StartMean: 3}, income,
			func(r record) bool { return r["hhninc"] > 0 }, false},
	}
}

// card is the task's model for this many nodes, at one scale for all of them.
func (k task) card(t *testing.T, nodes int) *glm.Plan {
	t.Helper()
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
	p, err := glm.NewPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// row is a record as the contract of the card wants it.
func (k task) row(r record) glm.Row {
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
