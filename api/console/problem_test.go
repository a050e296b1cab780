package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
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
