package queries

import (
	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// GrantLeaf is how a policy is put in force in the log: its digest, its caps
// and who may ask what.
func GrantLeaf(p *policy.Policy) ledger.Grant {
	g := ledger.Grant{Population: p.Population, Policy: p.Digest(), Mode: p.Mode, Year: p.YearCap(), Life: p.LifeCap()}
	for _, x := range p.Grants {
		quota, err := dp.Rho(x.QuotaRho)
		if err != nil {
			quota = 0 // 0 is no quota; anything else was checked by the policy
		}
		g.Grants = append(g.Grants, ledger.Granted{
			ID: x.ID, Principal: x.Principal, Templates: x.Templates, Purposes: x.Purposes, Until: x.Until, QuotaRho: quota,
		})
	}
	return g
}
