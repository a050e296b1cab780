package console

import (
	"regexp"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy"
)

// withQuota gives insurer-a's grant a quota, of which 0.006 is charged and 0.004 set aside.
func withQuota(quota float64) func(*Options) {
	return func(o *Options) {
		rules := o.Policy()
		for i := range rules.Grants {
			if rules.Grants[i].Principal == "insurer-a" {
				rules.Grants[i].QuotaRho = quota
			}
		}
		o.Policy = func() *policy.Policy { return rules }
		o.Quota = func(grant string) (spent, held float64) {
			if grant == "evaluation-insurer-a" {
				return 0.006, 0.004
			}
			return 0, 0
		}
	}
}

// TestGrantsSayWhatTheyAllow: which questions, how much of the quota is left, and how many
// more that is; the same number stands at every budget, where it runs out before them.
func TestGrantsSayWhatTheyAllow(t *testing.T) {
	s, d := site(t, withQuota(0.05))
	d.add("insurer-a", severity())
	for lang, want := range map[string][]string{
		"en": {"ρ 0.04</p><p>left of its quota of ρ 0.05", "Questions that it allows (2", "I3 Claim severity", "about 4 more", "ρ 0.004 set aside"},
		"zh": {"ρ 0.04</p><p>剩余，配额为 ρ 0.05", "可提的问题（2", "I3 次均费用", "约可再提 4 个", "预留 ρ 0.004"},
	} {
		p := signedIn(t, s, "token-a", lang).get("/console/budgets")
		p.check(t, "budgets")
		for _, w := range append(want, `href="/console/templates/claim-severity@1.1.0"`) {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: the grants have no %q", lang, w)
			}
		}
		for _, m := range regexp.MustCompile(`(?:about |约可再提 )([\d,]+) `).FindAllStringSubmatch(p.body, -1) {
			if m[1] != "4" {
				t.Errorf("%s: %s more are said, where the grant has 4", lang, m[1])
			}
		}
		if other := signedIn(t, s, "token-b", lang).get("/console/budgets").body; strings.Contains(other, "0.05") || strings.Contains(other, "evaluation-insurer-a") {
			t.Errorf("%s: another's grant is shown", lang)
		}
	}
	plenty, e := site(t, withQuota(100))
	e.add("insurer-a", severity())
	if p := signedIn(t, plenty, "token-a", "en").get("/console/budgets"); !strings.Contains(p.body, "about 65 more") {
		t.Error("a large quota is in the way")
	}
}
