//go:build duckdb_arrow

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// trainingCard is a card over the frequency template; replace changes its text.
func trainingCard(t *testing.T, catalog *queries.Catalog, replace ...string) *federated.Card {
	t.Helper()
	template, err := catalog.FindFeatures("F1")
	if err != nil {
		t.Fatal(err)
	}
	key := func() string {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(public)
	}
	var nodes strings.Builder
	for i, org := range []string{"North Mutual", "South Life", "Pharma East"} {
		fmt.Fprintf(&nodes, "  - {name: node-%d, organisation: %s, key: %q, owner: %q}\n", i, org, key(), key())
	}
	text := fmt.Sprintf(trainingCardText, template.Digest(), key(), nodes.String())
	text = strings.NewReplacer(replace...).Replace(text)
	card, err := federated.ParseCard("card.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return card
}

const trainingCardText = `version: qunxiang-card/1
job: visits-by-age
purpose: commercial-health-insurance
description: How often insured persons see a doctor, by age, sex and diabetes
source:
  template: claim-frequency-features@1.0.0
  digest: %q
  parameters: {window: 2017-01-01..2018-12-31, chronic: "hypertension,diabetes", history: 365, med_type: outpatient}
model:
  family: poisson
  start_mean: 2
  exposure: true
  response: {name: visits, unit: visits, range: [0, 60]}
  caps: {rows: 2, exposure: 2, weight: 8, score: 20}
  features:
    - {name: diabetes, code_list: diabetes@1, levels: [{name: "no"}, {name: "yes"}]}
    - {name: age, unit: years, range: [20, 80]}
    - {name: sex, code_list: schema/sex@1, levels: [{name: male}, {name: female}, {name: unknown, into: male}]}
privacy: {rho: 0.5, places: 1}
expect: {people: 900, people_per_node: 1000}
until: 2099-12-31
deadlines: {phase: 60, share: 3600}
recipients: [North Mutual]
coordinator: {organisation: Health Fund, key: %q}
nodes:
%s`

func trainingDomain(t *testing.T, people int64) *domain {
	t.Helper()
	d, err := synthDomain(t.Context(), filepath.Join(t.TempDir(), "D"), synthOptions{persons: people, settlements: 20 * people, seed: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// oneNumber asks the snapshot itself.
func oneNumber(t *testing.T, d *domain, query string) int64 {
	t.Helper()
	var n int64
	err := d.askNewest(context.Background(), func(db *sql.DB) error {
		if _, err := db.Exec("USE " + duckdb.SnapshotCatalog); err != nil {
			return err
		}
		return db.QueryRow(query).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A new evaluation domain is a node as it is: its own principal, grant, years and
// rows, and these keep the card's contract.
func TestTrainingRowsOfANewDomain(t *testing.T) {
	d := trainingDomain(t, 300)
	card := trainingCard(t, d.catalog)
	var o federated.NodeOptions
	if err := d.train(t.Context(), card, &o); err != nil {
		t.Fatal(err)
	}
	// What the template would fill in by itself, an owner does not read on the card.
	silent := *card
	silent.Source.Parameters = maps.Clone(card.Source.Parameters)
	delete(silent.Source.Parameters, "history")
	if err := d.train(t.Context(), &silent, &federated.NodeOptions{}); !errors.Is(err, federated.ErrCard) || !strings.Contains(err.Error(), "history") {
		t.Errorf("a card that does not name a parameter: %v", err)
	}
	books := o.Books.(*federated.LedgerBooks)
	var want []string
	for _, s := range []string{"life", "2016", "2017", "2018"} { // 2016 by looking back
		want = append(want, d.policy().Population+"/"+s)
	}
	if !slices.Equal(books.Scopes, want) || books.Principal != "node-n" || books.Grant != "evaluation-node-n" || books.Organisation != "domain" {
		t.Fatalf("scopes %v of %s under %s", books.Scopes, books.Principal, books.Grant)
	}
	tr, err := d.trainingRows(t.Context(), card)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one insured person in one calendar year", "at most 2 of them", "the years 2016, 2017, 2018, and the lifetime"} {
		if !strings.Contains(tr.text(), want) {
			t.Errorf("%q does not say %q", tr.text(), want)
		}
	}
	plan, err := card.Plan()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := o.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.NewData(rows); err != nil {
		t.Fatal(err)
	}
	cost, err := plan.Cost()
	if err != nil {
		t.Fatal(err)
	}
	if err := books.Room(t.Context(), federated.Aside{Source: card.Source, Purpose: card.Purpose, Whole: cost}); err != nil {
		t.Fatal(err)
	}
	visits, ill := 0.0, 0
	for _, r := range rows {
		visits += r.Response
		if r.Values[0].Level == "yes" {
			ill++
		}
		if r.Exposure <= 0 || r.Exposure > 1 || r.Values[1].Number < 20 || r.Values[1].Number > 80 || r.Values[2].Level == "" {
			t.Fatal("a value is not the card's")
		}
	}
	counted := oneNumber(t, d, `SELECT count(*) FROM encounter AS e JOIN person USING (psn_key)
		WHERE begn >= '2017-01-01' AND "end" <= '2018-12-31' AND begn <= "end" AND left(med_type, 2) IN ('11', '12', '13') AND birth_ym IS NOT NULL
		  AND EXISTS (FROM coverage AS c WHERE c.psn_key = e.psn_key AND year(c.begn) <= year(e.begn) AND year(c."end") >= year(e.begn))`)
	if len(rows) < 300 || int64(visits) != counted || ill == 0 || ill > len(rows)/2 {
		t.Fatalf("%d rows, %g visits (%d in the snapshot), %d with diabetes", len(rows), visits, counted, ill)
	}
}

// Whoever opts out is gone from the next epoch's rows, and nobody else.
func TestTrainingRespectsOptOuts(t *testing.T) {
	d := trainingDomain(t, 60)
	card := trainingCard(t, d.catalog)
	before := rowsOf(t, d, card)
	at := time.Now().Add(time.Hour) // never an epoch that is over
	if err := dataset.AddOptOut(d.dir, d.keys.person, []string{"P7"}, at); err != nil {
		t.Fatal(err)
	}
	if same := rowsOf(t, d, card); !reflect.DeepEqual(same, before) {
		t.Fatal("an opt-out acts before its epoch ends")
	}
	if err := dataset.AddOptOut(d.dir, d.keys.person, []string{"P8"}, at.Add(-72*time.Hour)); err != nil {
		t.Fatal(err)
	}
	after := rowsOf(t, d, card)
	left := map[string]bool{}
	for _, r := range after {
		left[r.Person] = true
	}
	gone := map[string]bool{}
	want := slices.DeleteFunc(slices.Clone(before), func(r glm.Row) bool {
		if !left[r.Person] {
			gone[r.Person] = true
		}
		return !left[r.Person]
	})
	if len(gone) != 1 || !reflect.DeepEqual(after, want) {
		t.Fatalf("%d rows before, %d after; %d people are gone", len(before), len(after), len(gone))
	}
}

// A job that is open follows the opt-out epoch: the same training reads other rows the
// day after somebody has opted out.
func TestOpenTrainingFollowsTheEpoch(t *testing.T) {
	d := trainingDomain(t, 60)
	tr, err := d.trainingRows(t.Context(), trainingCard(t, d.catalog))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	tr.now = func() time.Time { return at }
	if err := dataset.AddOptOut(d.dir, d.keys.person, []string{"P8"}, at); err != nil {
		t.Fatal(err)
	}
	before, err := tr.rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	epoch := tr.epoch()
	at = at.Add(dataset.EpochLength)
	after, err := tr.rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tr.epoch() != epoch+1 || len(after) >= len(before) {
		t.Fatalf("%d rows in the epoch %d, %d in %d", len(before), epoch, len(after), tr.epoch())
	}
}

func rowsOf(t *testing.T, d *domain, card *federated.Card) []glm.Row {
	t.Helper()
	tr, err := d.trainingRows(t.Context(), card)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := tr.rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Every reason for which a domain refuses a card, before it reads anything.
func TestTrainingIsRefused(t *testing.T) {
	d := trainingDomain(t, 20)
	for name, c := range map[string]struct {
		replace []string
		want    error
		says    string
	}{
		"unknown template":  {[]string{"claim-frequency-features@", "claim-severity-features@"}, federated.ErrCard, "no feature template"},
		"a question":        {[]string{"claim-frequency-features@1.0.0", "claim-frequency@1.1.0"}, federated.ErrCard, "no feature template"},
		"another version":   {[]string{"features@1.0.0", "features@1.0.1"}, federated.ErrCard, "no feature template"},
		"purpose":           {[]string{"purpose: commercial-health-insurance", "purpose: fund-regulation"}, federated.ErrRefused, "purpose"},
		"parameter":         {[]string{"history: 365", "history: 5000"}, federated.ErrCard, "history"},
		"unknown parameter": {[]string{"history: 365", "histories: 5"}, federated.ErrCard, "histories"},
		"outside the data":  {[]string{"2017-01-01..2018", "2016-01-01..2018"}, federated.ErrCard, "public range"},
		"response":          {[]string{"name: visits", "name: claims"}, federated.ErrCard, `no response "claims"`},
		"unit":              {[]string{"unit: years", "unit: months"}, federated.ErrCard, "age is in years, not in months"},
		"range":             {[]string{"range: [20, 80]", "range: [20, 180]"}, federated.ErrCard, "age is from 0 to 120"},
		"feature":           {[]string{"name: age", "name: height"}, federated.ErrCard, `no feature "height"`},
		"list not chosen":   {[]string{`"hypertension,diabetes"`, "hypertension"}, federated.ErrCard, `no feature "diabetes"`},
		"code list":         {[]string{"diabetes@1", "diabetes@2"}, federated.ErrCard, "code list diabetes@1"},
		"level missing":     {[]string{", {name: unknown, into: male}", ""}, federated.ErrCard, `level "unknown" of sex is missing`},
		"level unknown":     {[]string{"{name: female}", "{name: female}, {name: other}"}, federated.ErrCard, `no level "other"`},
		"weights":           {[]string{"exposure: true", "weights: true"}, federated.ErrCard, "no weight"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.trainingRows(t.Context(), trainingCard(t, d.catalog, c.replace...))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, want %q", err, c.says)
			}
		})
	}
	card := trainingCard(t, d.catalog)
	card.Source.Digest = strings.Repeat("0", 64)
	if _, err := d.trainingRows(t.Context(), card); !errors.Is(err, federated.ErrCard) || !strings.Contains(err.Error(), "digest") {
		t.Fatalf("another digest: %v", err)
	}
}
