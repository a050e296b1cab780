package glm_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/glm/glmtest"
)

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
	records, want := glmtest.Registry(t), glmtest.Pooled(t, "testdata/pooled.json")
	for _, k := range glmtest.Tasks() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			var first glm.Coefficients
			for _, s := range glmtest.Splits() {
				p := glmtest.Unprotected(planned(t, k, s.Nodes))
				fit := train(t, p, s.Rows(k, records))
				glmtest.Compare(t, s.Name, fit, want[k.Name], p.Names())
				if first == nil {
					first = fit.Coefficients
				}
				if s.Whole && !slices.Equal(first, fit.Coefficients) {
					t.Errorf("%s: other bits than the first split", s.Name)
				}
			}
		})
	}
}

func planned(t *testing.T, k glmtest.Task, nodes int) *glm.Plan {
	t.Helper()
	p, err := glm.NewPlan(k.Spec(nodes))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Nobody outside can take the protection off: the pass that reflection makes
// opens nothing, and no other can be made.
func TestUnprotectedNeedsThePass(t *testing.T) {
	p := planned(t, glmtest.Tasks()[0], 3)
	method := reflect.ValueOf(p).MethodByName("Unprotected")
	if got := method.Call([]reflect.Value{reflect.Zero(method.Type().In(0))}); !got[0].IsNil() {
		t.Error("an empty pass opens the plan")
	}
}
