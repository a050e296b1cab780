package main

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
)

// modelCard is a linear model of a number on [20, 60] and a factor.
func modelCard() *federated.Card {
	return &federated.Card{Job: "visits", Model: federated.Model{
		Family: glm.Linear, StartMean: 1, Rounds: 1, Response: federated.Response{Name: "y", Unit: "visits", Range: [2]float64{-100, 100}},
		Features: []federated.Feature{
			{Name: "age", Unit: "years", Range: &[2]float64{20, 60}},
			{Name: "sex", CodeList: "sex@1", Levels: []federated.Level{{Name: "female"}, {Name: "male"}}},
		},
	}, Nodes: make([]federated.Member, 3), Privacy: federated.Privacy{Rho: 1e12}, Expect: federated.Expect{PeoplePerNode: 100}}
}

// The intercept that is shown, with the slopes that are shown, gives the mean only from
// where it is said to be.
func TestModelSaysWhereItsInterceptIs(t *testing.T) {
	c := modelCard()
	plan, err := c.Plan()
	if err != nil {
		t.Fatal(err)
	}
	sum := make([]int64, plan.Cells())
	for i := range 3 { // a diagonal H and g: every coefficient becomes 0.5, the first 1.5
		sum[i*3-i*(i-1)/2], sum[6+i] = 40<<plan.Bits(), 20<<plan.Bits()
	}
	fit, err := plan.Fit(plan.Start(), sum)
	if err != nil {
		t.Fatal(err)
	}
	mean := func(age float64) float64 { // as the model has it: the column of age is (age - 40)/20
		return fit.Terms[0].Estimate + fit.Terms[1].Estimate*(age-40)/20
	}
	var out strings.Builder
	if err := printFit(&out, c, fit); err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`intercept is at age = ([0-9.]+) years, sex = female`).FindStringSubmatch(out.String())
	if found == nil {
		t.Fatalf("it is not said where the intercept is:\n%s", out.String())
	}
	at, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, age := range []float64{20, 33, 60} {
		shown := fit.Terms[0].PerUnit + fit.Terms[1].PerUnit*(age-at)
		if math.Abs(shown-mean(age)) > 1e-9 || math.Abs(fit.Terms[1].PerUnit) < 0.01 {
			t.Errorf("at %g what is shown gives %g, the model %g", age, shown, mean(age))
		}
	}
	b, err := json.Marshal(modelOf(&federated.Verified{Card: c, Fit: fit}))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"intercept_at":[{"feature":"age","number":40,"unit":"years"},{"feature":"sex","level":"female"}]`; !strings.Contains(string(b), want) {
		t.Errorf("no %s in %s", want, b)
	}
}
