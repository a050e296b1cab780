package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// Grant puts a policy in force: its caps and who may ask what. The newest GRANT
// leaf counts; it may lower a cap, never raise one.
type Grant struct {
	Population string
	Policy     string // digest of the policy
	Mode       string
	Year, Life dp.Cost // caps of each population/year and of population/life
	Grants     []Granted
}

// Granted is one grant: who may ask what, for which purposes and until when.
type Granted struct {
	ID        string
	Principal string
	Templates []string // id@version, or id for any version
	Purposes  []string
	Until     string // last day, 2006-01-02 in UTC
	QuotaRho  int64  // most rho (1e-12) charged under it in all; 0 for no quota
}

// Type gives GRANT.
func (g *Grant) Type() Type { return TypeGrant }

func (g *Grant) members(f *form, l *Leaf) {
	f.name("caps")
	f.lit("{")
	f.cost("life", &g.Life)
	f.cost("year", &g.Year)
	f.lit("}")
	list(f, "grants", &g.Grants, func(e *Granted) {
		f.lit("{")
		f.text("id", &e.ID)
		f.text("principal", &e.Principal)
		f.texts("purposes", &e.Purposes)
		f.decimal("quota_rho", &e.QuotaRho)
		f.texts("templates", &e.Templates)
		f.text("until", &e.Until)
		f.lit("}")
	})
	f.count("index", &l.Index)
	f.text("mode", &g.Mode)
	f.pad()
	f.text("policy", &g.Policy)
	f.text("population", &g.Population)
	f.end(l)
}

func (f *form) cost(name string, c *dp.Cost) {
	f.name(name)
	f.lit("{")
	f.decimal("delta", &c.Delta)
	f.decimal("rho", &c.Rho)
	f.lit("}")
}

// find gives the grant with the id, or nil.
func (g *Grant) find(id string) *Granted {
	for i := range g.Grants {
		if g.Grants[i].ID == id {
			return &g.Grants[i]
		}
	}
	return nil
}

// covers says why the grant does not cover a charge at that time, or nil.
func (g *Granted) covers(principal, template, purpose string, at time.Time) error {
	id, _, _ := strings.Cut(template, "@")
	switch {
	case g.Principal != principal:
		return fmt.Errorf("%w: %s is another principal's", ErrGrant, g.ID)
	case !slices.Contains(g.Templates, template) && !slices.Contains(g.Templates, id):
		return fmt.Errorf("%w: %s is not for this template", ErrGrant, g.ID)
	case !slices.Contains(g.Purposes, purpose):
		return fmt.Errorf("%w: %s is not for this purpose", ErrGrant, g.ID)
	case at.UTC().Format(time.DateOnly) > g.Until:
		return fmt.Errorf("%w: %s has expired", ErrGrant, g.ID)
	}
	return nil
}
