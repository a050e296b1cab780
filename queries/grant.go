package queries

import (
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// GrantLeaf is how a policy is put in force in the log: its digest, its caps, who may
// ask what, who reads every release and, in a supervised domain, who approves and who witnesses.
func GrantLeaf(p *policy.Policy) ledger.Grant {
	g := ledger.Grant{Population: p.Population, Policy: p.Digest(), Mode: p.Mode, Year: p.YearCap(), Life: p.LifeCap()}
	for _, x := range p.Grants {
		quota, err := dp.Rho(x.QuotaRho)
		if err != nil {
			quota = 0 // 0 is no quota; anything else was checked by the policy
		}
		g.Grants = append(g.Grants, ledger.Granted{
			ID: x.ID, Principal: x.Principal, Organisation: p.Organisation(x.Principal), Templates: x.Templates, Purposes: x.Purposes, Until: x.Until, QuotaRho: quota,
		})
	}
	for _, x := range p.Principals {
		if p.May(x.ID, policy.ReadReleases) == nil {
			g.Readers = append(g.Readers, ledger.Reader{Organisation: x.Organisation, Principal: x.ID})
		}
	}
	slices.SortFunc(g.Readers, func(a, b ledger.Reader) int { return strings.Compare(a.Principal, b.Principal) })
	if s := p.Supervision; p.Mode == policy.ModeSupervised {
		g.By, g.K, g.Retention = s.Author, p.Threshold(), int64(s.Retention)
		g.Witnesses = ledger.Witnesses{Keys: s.Witnesses, Quorum: int64(s.Quorum)}
		for _, a := range s.Approvers {
			g.Approvers = append(g.Approvers, ledger.Approver(a))
		}
		for _, x := range p.Principals {
			if x.Person != "" {
				g.Persons = append(g.Persons, ledger.Person{Person: x.Person, Principal: x.ID})
			}
		}
		slices.SortFunc(g.Persons, func(a, b ledger.Person) int { return strings.Compare(a.Principal, b.Principal) })
	}
	return g
}
