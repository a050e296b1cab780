package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// demoPersons is how many people each node has if nobody says otherwise.
const demoPersons = 15_000

// demoParties are the organisations of the demo, in a directory.
func demoParties(dir string) (out []*party) {
	for _, p := range [][2]string{{"fund", "Health Fund"}, {"north", "North Mutual"}, {"south", "South Life"}, {"pharma", "Pharma East"}} {
		out = append(out, &party{p[0], p[1], filepath.Join(dir, p[0])})
	}
	return out
}

// firstCard is the card that the guide for node operators shows.
func (f *four) firstCard() (string, error) { return f.cardYAML("hospital-admissions", 5, "0.4", 30) }

// cardYAML is a job card of the demo. phase is the time a phase may take, in seconds.
func (f *four) cardYAML(job string, rounds int, rho string, phase int) (string, error) {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return "", err
	}
	t, err := catalog.FindFeatures("claim-frequency-features")
	if err != nil {
		return "", err
	}
	until := time.Now().AddDate(0, 1, 0).UTC().Format(time.DateOnly)
	people := f.persons * int64(len(f.parties))
	return fmt.Sprintf(demoCard, job, t.Ref(), t.Digest(), rounds, rho, people, f.persons, until, phase, f.hello.Key, f.members), nil
}

const demoCard = `version: qunxiang-card/1
job: %s
purpose: commercial-health-insurance
description: How often insured people are admitted to hospital, for pricing

# Which rows every node reads of its own people: qunxiang template show claim-frequency-features
source:
  template: %s
  digest: "%s"
  parameters: {window: 2017-01-01..2017-12-31, med_type: inpatient, history: 365, chronic: "hypertension,diabetes"}

model:
  family: poisson
  start_mean: 0.15         # admissions in a year of cover, as publicly expected
  rounds: %d
  exposure: true
  caps: {rows: 1}          # one calendar year: one row of a person
  response: {name: visits, unit: visits, range: [0, 366]}
  features:
    - {name: age, unit: years, range: [0, 90]}
    - name: sex
      code_list: schema/sex@1
      levels: [{name: female}, {name: male}, {name: unknown, into: male}]
    - name: insutype
      code_list: schema/insutype@1
      levels: [{name: resident}, {name: employee, share: 0.27}, {name: other, into: resident}, {name: unknown, into: resident}]
    - name: hypertension
      code_list: hypertension@1
      levels: [{name: "no"}, {name: "yes", share: 0.16}]
    - name: diabetes
      code_list: diabetes@1
      levels: [{name: "no"}, {name: "yes", share: 0.12}]

privacy: {rho: %s, places: 1}   # of a person, who is at one node only, for all rounds together
expect: {people: %d, people_per_node: %d}
until: %s
deadlines: {phase: %d, share: 600, pace_ms: 250}
recipients: [Health Fund, North Mutual, South Life, Pharma East]
coordinator: {organisation: Health Fund, key: %q}
%s`
