package federated

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated/glm"
)

const registryModel = `model:
  family: poisson
  start_mean: 3
  rounds: 8
  bits: 28
  response: {name: docvis, unit: visits, range: [0, 121]}
  caps: {weight: 64, score: 256, rows: 5, exposure: 5, deviance: 1000, pearson: 1000}
  features:
    - {name: age, unit: years, range: [25, 64]}
    - {name: educ, unit: years, range: [7, 18]}
    - {name: hhninc, unit: 1000 DM, range: [0, 31]}
    - {name: outwork, code_list: yes-no@1, levels: [{name: "0"}, {name: "1"}]}
    - {name: female, code_list: yes-no@1, levels: [{name: "0"}, {name: "1"}]}
    - {name: married, code_list: yes-no@1, levels: [{name: "0"}, {name: "1"}]}
    - {name: kids, code_list: yes-no@1, levels: [{name: "0"}, {name: "1"}]}
    - {name: year, code_list: years@1, levels: [{name: "1984"}, {name: "1985"}, {name: "1986"}, {name: "1987"}, {name: "1988"}]}
privacy: {rho: 0.5}
expect: {people: 6127, people_per_node: 6127}
`

// The whole protocol on a real registry, split very unevenly: doctor's visits of the
// German health registry equal the pooled fit of an independent tool to 1e-6, standard
// errors too. How the expected values were made is in glm/testdata.
func TestPooledRegistry(t *testing.T) {
	w := newWorldOf(t, 1, 1, func(card string) string {
		from, to := strings.Index(card, "model:"), strings.Index(card, "until:")
		return card[:from] + registryModel + card[to:]
	})
	for i, rows := range registryRows(t) {
		w.parties[i].rows = rows
	}
	w.openNodes().run()
	fit := w.sameModel()
	b, err := os.ReadFile(filepath.Join("glm", "testdata", "pooled.json"))
	must(t, err)
	var all map[string]struct {
		Columns              []string
		Coefficients, Errors []float64
		Rows                 float64
	}
	must(t, json.Unmarshal(b, &all))
	want := all["poisson"]
	if !fit.Converged || fit.Rows != want.Rows || len(fit.Terms) != len(want.Columns) {
		t.Fatalf("converged %v, %g rows, %d terms", fit.Converged, fit.Rows, len(fit.Terms))
	}
	for i, term := range fit.Terms {
		if term.Name != want.Columns[i] || math.Abs(term.Estimate-want.Coefficients[i]) > 1e-6 || math.Abs(term.SE-want.Errors[i]) > 1e-6 {
			t.Errorf("%s is %.9f +- %.9f, want %s %.9f +- %.9f", term.Name, term.Estimate, term.SE, want.Columns[i], want.Coefficients[i], want.Errors[i])
		}
	}
}

// registryRows gives two people to each of the first nodes and the rest to the last.
func registryRows(t *testing.T) (parts [3][]glm.Row) {
	t.Helper()
	root := os.Getenv("QUNXIANG_DATA")
	if root == "" {
		root = "../../shared/data"
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
	must(t, err)
	at := map[string]int{}
	for i, name := range lines[0] {
		at[name] = i
	}
	for _, line := range lines[1:] {
		number := func(name string) float64 {
			x, err := strconv.ParseFloat(line[at[name]], 64)
			must(t, err)
			return x
		}
		id := int(number("id"))
		row := glm.Row{Person: strconv.Itoa(id), Response: number("docvis")}
		for _, name := range []string{"age", "educ", "hhninc"} {
			row.Values = append(row.Values, glm.Value{Number: number(name)})
		}
		for _, name := range []string{"outwork", "female", "married", "kids", "year"} {
			row.Values = append(row.Values, glm.Value{Level: strconv.Itoa(int(number(name)))})
		}
		parts[min(id/2, 2)] = append(parts[min(id/2, 2)], row)
	}
	return parts
}
