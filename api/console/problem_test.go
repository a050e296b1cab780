package console

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// TestExhaustedBudgetsAreNamed: which budget does not suffice, what it has left, and what
// helps, which is not the same for a year, for life and for a quota.
func TestExhaustedBudgetsAreNamed(t *testing.T) {
	s, d := site(t)
	for scope, want := range map[string]map[string][]string{
		"city/2025": {"en": {"“Records of 2025” has ρ 0.0125 left", "another period", "larger error"}, "zh": {"“2025 年度记录”尚余 ρ 0.0125", "换一个时间段", "放宽误差"}},
		"city/life": {"en": {"“For life” has ρ 0.0125 left", "whatever its period", "data steward"}, "zh": {"“终身”尚余 ρ 0.0125", "数据管理员"}},
		"grant:g-1": {"en": {"“Quota of the grant g-1” has ρ 0.0125 left", "larger quota"}, "zh": {"授权 g-1 的配额", "更高的配额"}},
	} {
		d.err = &ledger.BudgetError{Scope: scope, Left: dp.Cost{Rho: 12_500_000_000}}
		for lang, says := range want {
			b := signedIn(t, s, "token-a", lang)
			for _, path := range []string{"/console/templates/I3", "/console/templates/I3/price"} {
				p := b.post(path, question())
				p.check(t, "budget")
				for _, w := range says {
					if p.status != http.StatusConflict || !strings.Contains(p.body, w) {
						t.Errorf("%s in %s: %s is %d without %q", scope, lang, path, p.status, w)
					}
				}
			}
		}
	}
}

// elsewhere are the problems that no page shows: of the API's bodies and formats, of nodes
// and their coordinator, and those that are the page of what does not exist.
var elsewhere = []string{
	"malformed", "validation", "too-large", "media-type", "not-acceptable", "no-such-method", "too-many-streams",
	"unknown-request", "unknown-template", "unknown-job",
	"client-certificate", "enrolment", "unknown-enrolment", "name-enrolled", "fingerprint", "too-many-enrolments", "job-card", "statement", "not-taken", "not-a-member", "request-signature",
	"item-malformed", "sum-malformed", "sum-order", "sum-roster", "sum-context", "sum-signature", "sum-evidence", "sum-commitment",
}

// TestEveryProblemSaysWhatToDo: in both languages, and of a refusal by its rule.
func TestEveryProblemSaysWhatToDo(t *testing.T) {
	goldens, _ := filepath.Glob("../testdata/problems/*.json")
	if len(goldens) < 40 {
		t.Fatalf("only %d kinds of problems", len(goldens))
	}
	names := []string{"form"}
	for _, file := range goldens {
		if name := strings.TrimSuffix(filepath.Base(file), ".json"); !slices.Contains(elsewhere, name) {
			names = append(names, name)
		}
	}
	for key := range english {
		if name, ok := strings.CutPrefix(key, "problem "); ok && !slices.Contains(names, name) {
			t.Errorf("there is no problem %q", name)
		}
	}
	for lang, all := range map[string]map[string]string{"en": english, "zh": chinese} {
		general := all["next any"]
		for _, name := range names {
			v := view{words: words{lang}}
			shown := v.problem(&api.Problem{Type: "urn:qunxiang:problem:" + name, Title: "as the server says it"})
			if shown.Title == "as the server says it" || shown.Next == "" || shown.Next == general {
				t.Errorf("%s: the problem %s is %q: %q", lang, name, shown.Title, shown.Next)
			}
		}
		v := view{words: words{lang}}
		refused := v.problem(&api.Problem{Type: "urn:qunxiang:problem:refused"})
		for _, rule := range []string{policy.RuleNotCertified, policy.RuleAudience, policy.RuleNoGrant, policy.RuleGrantExpired, policy.RulePurpose, policy.RulePurposeNeeded, "approval", "policy-changed"} {
			if shown := v.problem(&api.Problem{Type: "urn:qunxiang:problem:refused", Rule: rule}); shown.Next == refused.Next || shown.Rule == rule {
				t.Errorf("%s: refused by %s: %q", lang, rule, shown.Next)
			}
		}
	}
	// What stands in a handler's hands only, as an own page.
	for _, file := range []string{"problem.html", "parts.html"} {
		if text, err := os.ReadFile("html/" + file); err != nil || !strings.Contains(string(text), "{{with .Next}}") {
			t.Errorf("%s does not say what to do (%v)", file, err)
		}
	}
}
