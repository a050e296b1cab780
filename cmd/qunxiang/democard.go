package main

import (
	"fmt"
	"time"
)

// cardYAML is a job card of the demo.
func (f *four) cardYAML(job string, rounds int, rho string, phase int) string {
	return fmt.Sprintf(demoCard, job, rounds, rho, len(f.parties)*int(f.persons), f.persons, time.Now().AddDate(0, 1, 0).Format(time.DateOnly), phase, f.hello.Key, f.members)
}

const demoCard = `version: qunxiang-card/1
job: %s
purpose: commercial-health-insurance
description: How often insured persons see a doctor, by age and sector
model:
  family: poisson
  start_mean: 0.3
  rounds: %d
  response: {name: visits, unit: visits, range: [0, 60]}
  features:
    - {name: age, unit: years, range: [20, 60]}
    - name: sector
      code_list: sectors@2024-1
      levels:
        - {name: industry}
        - {name: services}
privacy: {rho: %s}
expect: {people: %d, people_per_node: %d}
until: %s
deadlines: {phase: %d, share: 600}
recipients: [Health Fund, North Mutual, South Life, Pharma East]
coordinator: {organisation: Health Fund, key: %q}
%s`
