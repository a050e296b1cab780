//go:build duckdb_arrow

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/glm/glmtest"
)

var writeRows = flag.Bool("write-rows", false, "write the rows of the severity model for the independent tool")

// glmData is where the independent tool has its input and its fits.
var glmData = filepath.Join("..", "..", "federated", "glm", "testdata")

// severityCard is a gamma regression of the cost of a claim over template F2, weighted by
// the number of claims.
func severityCard(t *testing.T, d *domain, replace ...string) *federated.Card {
	t.Helper()
	template, err := d.catalog.FindFeatures("F2")
	if err != nil {
		t.Fatal(err)
	}
	f1, err := d.catalog.FindFeatures("F1")
	if err != nil {
		t.Fatal(err)
	}
	return trainingCard(t, d.catalog, append(replace,
		"claim-frequency-features@1.0.0", template.Ref(), f1.Digest(), template.Digest(), "job: visits-by-age", "job: cost-of-a-claim",
		"2018-12-31,", `2018-12-31, amount: total,`, "med_type: outpatient", "med_type: all", "family: poisson", "family: gamma", "start_mean: 2", "start_mean: 1000\n  rounds: 14",
		"exposure: true", "weights: true", "{name: visits, unit: visits, range: [0, 60]}", "{name: cost, unit: yuan, range: [0.01, 10000000]}",
		"exposure: 2, weight: 8, score: 20", "weight: 40, score: 60",
	)...)
}

// The cost of a claim over template F2: a gamma model with the numbers of claims as
// weights, over three nodes and without noise or clipping, has the coefficients, errors
// and dispersion that statsmodels finds for the same rows at one place.
func TestSeverityIsThePooledFit(t *testing.T) {
	d := trainingDomain(t, 300)
	card := severityCard(t, d)
	rows := rowsOf(t, d, card)
	sameRows(t, rows)
	plan, err := card.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if plan.Spec().Family != glm.Gamma || !plan.Spec().Weights {
		t.Fatalf("the card is another: %+v", plan.Spec())
	}
	want, ok := glmtest.Pooled(t, filepath.Join(glmData, "pooled.json"))["severity"]
	if !ok {
		t.Fatal("pooled.json has no severity")
	}
	nodes := make([][]glm.Row, 3)
	for _, r := range rows {
		n := int(r.Person[0]) % len(nodes)
		nodes[n] = append(nodes[n], r)
	}
	fit := fitOver(t, glmtest.Unprotected(plan), nodes)
	glmtest.Compare(t, "severity", fit, want, plan.Names())

	// Without the weights the model is another, and so would be this test's answer.
	for n := range nodes {
		for i := range nodes[n] {
			nodes[n][i].Weight = 1
		}
	}
	if other := fitOver(t, glmtest.Unprotected(plan), nodes); other.Terms[0].Estimate == fit.Terms[0].Estimate {
		t.Error("the weights change nothing")
	}
}

// sameRows wants the rows that the independent tool had.
func sameRows(t *testing.T, rows []glm.Row) {
	t.Helper()
	lines := make([]string, len(rows))
	several := 0
	for i, r := range rows {
		lines[i] = fmt.Sprintf("%.2f,%g,%g,%s,%s\n", r.Response, r.Weight, r.Values[1].Number, r.Values[2].Level, r.Values[0].Level)
		if r.Weight > 1 {
			several++
		}
	}
	if several < len(rows)/4 {
		t.Fatalf("%d of %d rows have several claims", several, len(rows))
	}
	slices.Sort(lines)
	text := "cost,claims,age,sex,diabetes\n" + strings.Join(lines, "")
	path := filepath.Join(glmData, "severity.csv")
	if *writeRows {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(stored) != text {
		t.Fatal("the rows are others than those of the pooled fit: run with -write-rows, and then pooled.py")
	}
}

// A card without weights takes the same rows as one cost for a year each; the response
// of another name is refused.
func TestSeverityCards(t *testing.T) {
	d := trainingDomain(t, 30)
	for _, r := range rowsOf(t, d, severityCard(t, d, "exposure: true", "ridge: 1")) {
		if r.Weight != 0 {
			t.Fatal("weights that the card does not have")
		}
	}
	if _, err := d.trainingRows(t.Context(), severityCard(t, d, "{name: visits, unit: visits, range: [0, 60]}", "{name: bills, unit: bills, range: [1, 60]}")); !errors.Is(err, federated.ErrCard) {
		t.Errorf("another response: %v", err)
	}
}
