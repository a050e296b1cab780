package console

import (
	"time"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries"
)

// grantLine is one of the visitor's own grants.
type grantLine struct {
	policy.Grant
	Questions []link // of the catalogue; Path is "" for one that is not offered
	Over      bool   // its last day is past
	// Quota is nil where only the caps limit it.
	Quota *queries.ScopeShare
	Left  float64 // of the quota, in rho
	More  int     // requests like the visitor's own last ones that still fit; -1 unknown
}

// grants are the visitor's own, with what they allow and what is left of their quotas.
func (v *view) grants() []grantLine {
	typical, _ := v.typical()
	today := v.c.Now().UTC().Format(time.DateOnly) // as policy.Grant counts days
	var out []grantLine
	for _, g := range v.rules.Grants {
		if g.Principal != v.Who.Principal {
			continue
		}
		line := grantLine{Grant: g, Over: today > g.Until, More: -1}
		for _, ref := range g.Templates {
			line.Questions = append(line.Questions, v.granted(ref))
		}
		if quota, ok := v.quota(g.ID); ok {
			line.Quota, line.Left = &quota, max(0, quota.Cap-quota.Spent-quota.Held)
			if typical > 0 {
				line.More = likeThis(quota, typical, 0)
			}
		}
		out = append(out, line)
	}
	return out
}

// granted is the question that a grant names, as id@version or for any version.
func (v *view) granted(ref string) link {
	l := link{Word: v.question(ref)}
	if t, err := v.c.Catalog.Find(ref); err == nil && v.offered(t) {
		l.Path = "/console/templates/" + t.Ref()
	}
	return l
}

// quota is how the quota of a grant stands; false for one without, or that is not in force.
func (v *view) quota(grant string) (queries.ScopeShare, bool) {
	for _, g := range v.rules.Grants {
		if g.ID == grant && g.QuotaRho > 0 {
			spent, held := v.c.Quota(grant)
			return queries.ScopeShare{Scope: quotaScope + grant, Cap: g.QuotaRho, Spent: spent, Held: held}, true
		}
	}
	return queries.ScopeShare{}, false
}
