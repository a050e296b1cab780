package policy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy"
)

const decided = `
version: 1
mode: evaluation
population: demo
k: 30
caps:
  year: {epsilon: 10, delta: 1e-9}
  life: {epsilon: 10, delta: 1e-9}
principals:
  - {id: insurer-a, organisation: a, roles: [insurer]}
  - {id: both, organisation: b, roles: [pharma, insurer]}
  - {id: many, organisation: m, roles: [insurer]}
  - {id: regulator-r, organisation: r, roles: [regulator]}
  - {id: steward-s, organisation: s, roles: [steward]}
grants:
  - {id: old, principal: insurer-a, templates: [severity], purposes: [commercial-health-insurance], until: 2026-11-20}
  - {id: now, principal: insurer-a, templates: [severity], purposes: [elder-care, commercial-health-insurance], until: 2027-12-31}
  - {id: exact, principal: insurer-a, templates: [frequency@1.0.0], purposes: [elder-care], until: 2026-11-21}
  - {id: many, principal: many, templates: [severity], purposes: [drug-development, elder-care, health-management], until: 2027-12-31}
  - {id: both, principal: both, templates: [severity], purposes: [elder-care], until: 2027-12-31}
`

func TestDecide(t *testing.T) {
	p, err := policy.Parse("policy.yaml", []byte(decided))
	must(t, err)
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	severity := policy.TemplateRef{ID: "severity", Version: "1.2.3", Certified: true, Audiences: []string{"insurer"},
		Purposes: []string{"health-management", "commercial-health-insurance", "elder-care"}}
	uncertified := severity
	uncertified.Certified = false
	frequency := policy.TemplateRef{ID: "frequency", Version: "1.0.0", Certified: true, Audiences: []string{"insurer"}, Purposes: []string{"elder-care"}}
	newer := frequency
	newer.Version = "1.1.0"
	for name, tt := range map[string]struct {
		ask     policy.Ask
		rule    policy.Rule
		grant   string
		purpose string
	}{
		"any purpose":        {ask: policy.Ask{Principal: "insurer-a", Template: severity}, grant: "now", purpose: "elder-care"},
		"the only one":       {ask: policy.Ask{Principal: "insurer-a", Template: frequency}, grant: "exact", purpose: "elder-care"},
		"one of several":     {ask: policy.Ask{Principal: "many", Template: severity}, rule: policy.RulePurposeNeeded},
		"one named":          {ask: policy.Ask{Principal: "many", Template: severity, Purpose: "elder-care"}, grant: "many", purpose: "elder-care"},
		"this purpose":       {ask: policy.Ask{Principal: "insurer-a", Template: severity, Purpose: "elder-care"}, grant: "now", purpose: "elder-care"},
		"exact version":      {ask: policy.Ask{Principal: "insurer-a", Template: frequency}, grant: "exact", purpose: "elder-care"},
		"last day":           {ask: policy.Ask{Principal: "insurer-a", Template: frequency, At: noon.Add(12*time.Hour - 1)}, grant: "exact", purpose: "elder-care"},
		"second role":        {ask: policy.Ask{Principal: "both", Template: severity}, grant: "both", purpose: "elder-care"},
		"day after":          {ask: policy.Ask{Principal: "insurer-a", Template: frequency, At: noon.Add(12 * time.Hour)}, rule: policy.RuleGrantExpired},
		"other version":      {ask: policy.Ask{Principal: "insurer-a", Template: newer}, rule: policy.RuleNoGrant},
		"not the grant's":    {ask: policy.Ask{Principal: "insurer-a", Template: severity, Purpose: "health-management"}, rule: policy.RulePurpose},
		"not the template's": {ask: policy.Ask{Principal: "insurer-a", Template: frequency, Purpose: "commercial-health-insurance"}, rule: policy.RulePurpose},
		"nobody's":           {ask: policy.Ask{Principal: "insurer-a", Template: severity, Purpose: "marketing"}, rule: policy.RulePurpose},
		"other audience":     {ask: policy.Ask{Principal: "regulator-r", Template: severity}, rule: policy.RuleAudience},
		"steward":            {ask: policy.Ask{Principal: "steward-s", Template: severity}, rule: policy.RuleAudience},
		"no grant":           {ask: policy.Ask{Principal: "both", Template: frequency}, rule: policy.RuleNoGrant},
		"stranger":           {ask: policy.Ask{Principal: "nobody", Template: severity}, rule: policy.RuleUnknownPrincipal},
		"not certified":      {ask: policy.Ask{Principal: "insurer-a", Template: uncertified, Purpose: "elder-care"}, rule: policy.RuleNotCertified},
		"empty":              {ask: policy.Ask{Template: severity}, rule: policy.RuleUnknownPrincipal},
	} {
		if tt.ask.At.IsZero() {
			tt.ask.At = noon
		}
		d, err := p.Decide(tt.ask)
		var refusal *policy.Refusal
		switch {
		case tt.rule == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.rule == "" && (d.Grant.ID != tt.grant || d.Purpose != tt.purpose || d.K != 30 || d.NoisyK || d.Caps.Year != p.YearCap() || d.Caps.Life != p.LifeCap()):
			t.Errorf("%s: decided %+v", name, d)
		case tt.rule != "" && (!errors.As(err, &refusal) || refusal.Rule != tt.rule || refusal.Detail == ""):
			t.Errorf("%s: %v, want %s", name, err, tt.rule)
		}
	}
}

func TestMay(t *testing.T) {
	p, err := policy.Parse("policy.yaml", []byte(decided))
	must(t, err)
	allowed := map[string]map[policy.Action]bool{
		"insurer-a":   {},
		"both":        {},
		"regulator-r": {policy.ReadReleases: true},
		"steward-s":   {policy.ReadReleases: true, policy.LoadData: true, policy.ManageOptOuts: true, policy.ResumeTemplate: true},
		"nobody":      {},
	}
	for who, may := range allowed {
		for _, a := range []policy.Action{policy.ReadReleases, policy.LoadData, policy.ManageOptOuts, policy.ResumeTemplate, "make-coffee"} {
			err := p.May(who, a)
			var refusal *policy.Refusal
			if (err == nil) != may[a] || err != nil && !errors.As(err, &refusal) {
				t.Errorf("%s, %s: %v", who, a, err)
			}
		}
	}
}
