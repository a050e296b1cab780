package glm_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/glm/glmtest"
)

// split says which of n nodes has a record.
type split struct {
	name  string
	nodes int
	node  func(r record, n int) int
	whole bool // does it keep people whole?
}

func evenly(r record, n int) int { return int(r["id"]) % n }

// unevenly gives nearly everyone to the last node and two people to each other.
func unevenly(r record, n int) int { return min(int(r["id"])/2, n-1) }

func byYear(r record, n int) int {
	return (int(r["year"])*31 + int(r["year"]-1984)*int(r["age"])) % n
}

func splits() []split {
	var out []split
	for _, n := range []int{3, 5, 20} {
		out = append(out, split{fmt.Sprintf("%d nodes, evenly", n), n, evenly, true},
			split{fmt.Sprintf("%d nodes, very unevenly", n), n, unevenly, true})
	}
	return append(out, split{"5 nodes, a year each", 5, func(r record, _ int) int { return int(r["year"]) - 1984 }, false},
		split{"20 nodes, people cut", 20, byYear, false})
}

// train runs all rounds without the secure sum and without noise.
func train(t *testing.T, p *glm.Plan, parts [][]glm.Row) *glm.Fit {
	t.Helper()
	data := make([]*glm.Data, len(parts))
	for i, rows := range parts {
		var err error
		if data[i], err = p.NewData(rows); err != nil {
			t.Fatal(err)
		}
	}
	beta := p.Start()
	for r := range p.Rounds() {
		sum := sumOf(t, p, data, r, beta)
		if r == p.Rounds()-1 {
			fit, err := p.Fit(beta, sum)
			if err != nil {
				t.Fatal(err)
			}
			return fit
		}
		var err error
		if beta, _, err = p.Step(r, beta, sum); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

// sumOf is what the secure sum would give, noise shares included.
func sumOf(t testing.TB, p *glm.Plan, data []*glm.Data, r int, beta glm.Coefficients) []int64 {
	t.Helper()
	sum := make([]int64, p.Cells())
	for _, d := range data {
		sums, err := p.Encode(d, r, beta)
		if err != nil {
			t.Fatal(err)
		}
		noise, err := p.DrawNoise(r)
		if err != nil {
			t.Fatal(err)
		}
		part, err := sums.Noisy(noise)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range part {
			sum[i] += x
		}
	}
	return sum
}

// Without noise and clipping, coefficients and standard errors equal the pooled
// fit of an independent tool to 1e-6, and splits that keep people whole give the
// same bits.
func TestPooledFit(t *testing.T) {
	records, want := registry(t), pooled(t)
	for _, k := range tasks() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			var first glm.Coefficients
			for _, s := range splits() {
				p := glmtest.Unprotected(k.card(t, s.nodes))
				parts := make([][]glm.Row, s.nodes)
				for _, r := range records {
					if k.keep(r) {
						n := s.node(r, s.nodes)
						parts[n] = append(parts[n], k.row(r))
					}
				}
				fit := train(t, p, parts)
				compare(t, s.name, fit, want[k.name], p.Names())
				if first == nil {
					first = fit.Coefficients
				}
				if s.whole && !slices.Equal(first, fit.Coefficients) {
					t.Errorf("%s: other bits than the first split", s.name)
				}
			}
		})
	}
}

func compare(t *testing.T, name string, fit *glm.Fit, want expected, columns []string) {
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

// Nobody outside can take the protection off: the pass that reflection makes
// opens nothing, and no other can be made.
func TestUnprotectedNeedsThePass(t *testing.T) {
	p := tasks()[0].card(t, 3)
	method := reflect.ValueOf(p).MethodByName("Unprotected")
	if got := method.Call([]reflect.Value{reflect.Zero(method.Type().In(0))}); !got[0].IsNil() {
		t.Error("an empty pass opens the plan")
	}
}
