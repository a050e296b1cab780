package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/glm/glmtest"
)

// The demo's yardstick, written apart, is what the training without protection makes:
// coefficients to 1e-6, standard errors to 1e-6 of themselves.
func TestPooledYardstickIsTheUnprotectedFit(t *testing.T) {
	card, err := federated.ParseCard("card.yaml", []byte(pooledCard(t)))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var rows []glm.Row
	for i := range 3000 {
		age, level := 90*r.Float64(), []string{"a", "b", "c", "d"}[r.IntN(4)]
		mean := math.Exp(-1 + 0.01*age + map[string]float64{"b": 0.3, "c": -0.2, "d": -0.2}[level])
		expo := 0.2 + 0.8*r.Float64()
		n, p := 0, r.Float64()
		for ; p > math.Exp(-mean*expo); n++ {
			p *= r.Float64()
		}
		rows = append(rows, glm.Row{Person: fmt.Sprint(i), Response: float64(n), Exposure: expo, Values: []glm.Value{{Number: age}, {Level: level}}})
	}
	got, err := poolPoisson(card, rows)
	if err != nil {
		t.Fatal(err)
	}
	want := unprotectedFit(t, card, rows)
	for i, term := range want.Terms {
		if got.names[i] != term.Name || math.Abs(got.beta[i]-term.Estimate) > 1e-6 || math.Abs(got.se[i]/term.SE-1) > 1e-6 {
			t.Errorf("%s: %v +- %v, want %s %v +- %v", got.names[i], got.beta[i], got.se[i], term.Name, term.Estimate, term.SE)
		}
	}
}

// unprotectedFit trains without noise and clipping, which only tests can.
func unprotectedFit(t *testing.T, card *federated.Card, rows []glm.Row) *glm.Fit {
	t.Helper()
	plan, err := card.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return fitOver(t, glmtest.Unprotected(plan), [][]glm.Row{rows})
}

// fitOver trains over several nodes' rows, without the secure sum.
func fitOver(t *testing.T, plan *glm.Plan, nodes [][]glm.Row) *glm.Fit {
	t.Helper()
	data := make([]*glm.Data, len(nodes))
	for i, rows := range nodes {
		var err error
		if data[i], err = plan.NewData(rows); err != nil {
			t.Fatal(err)
		}
	}
	beta := plan.Start()
	for k := range plan.Rounds() {
		sum := make([]int64, plan.Cells())
		for _, d := range data {
			sums, err := plan.Encode(d, k, beta)
			if err != nil {
				t.Fatal(err)
			}
			noise, err := plan.DrawNoise(k)
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
		if k == plan.Rounds()-1 {
			fit, err := plan.Fit(beta, sum)
			if err != nil {
				t.Fatal(err)
			}
			return fit
		}
		var err error
		if beta, _, err = plan.Step(k, beta, sum); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

func pooledCard(t *testing.T) string {
	t.Helper()
	var nodes strings.Builder
	key := func(i int) string {
		k := federated.Key{byte(i)}
		return keyText(k)
	}
	for i := range 3 {
		nodes.WriteString(memberBlock(fmt.Sprint("n", i), fmt.Sprint("Firm ", i), federated.Key{1, byte(i)}, federated.Key{2, byte(i)}))
	}
	return fmt.Sprintf(`version: qunxiang-card/1
job: yardstick
purpose: commercial-health-insurance
description: A card for a test
source: {template: rows@1.0.0, digest: "%s", parameters: {window: 2017-01-01..2017-12-31}}
model:
  family: poisson
  start_mean: 0.5
  rounds: 8
  exposure: true
  response: {name: claims, unit: claims, range: [0, 60]}
  features:
    - {name: age, unit: years, range: [0, 90]}
    - name: level
      code_list: levels@1
      levels: [{name: a}, {name: b}, {name: c}, {name: d, into: c}]
privacy: {rho: 0.5, places: 1}
expect: {people: 3000, people_per_node: 3000}
until: 2099-12-31
deadlines: {phase: 60, share: 600}
recipients: [Everybody]
coordinator: {organisation: Nobody, key: %q}
nodes:
%s`, strings.Repeat("0", 64), key(9), nodes.String())
}
