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
	Policy     string  // digest of the policy
	Mode       string  // "evaluation" or "supervised"
	Year, Life dp.Cost // caps of each population/year and of population/life
	Grants     []Granted

	// What follows is of format 2; only the mode "supervised" needs it.

	By        string     // the principal who put the policy forward
	K         string     // the threshold, in the policy's words
	Approvers []Approver // whose signatures count, in the order of their persons
	Persons   []Person   // who stands behind which principal, in the order of those
	Retention int64      // days that released files are kept, at least
	Witnesses Witnesses

	// Of format 2, in both modes.

	Readers []Reader // who reads every release by their role, in the order of principals
	// Replaces is the GRANT leaf that this one takes the place of, -1 for the first; see
	// Succession. Approvals bind it, so that they serve once: a policy of before comes
	// back by new ones only.
	Replaces int64
}

// Reader is a principal who reads every release by their role: a regulator, a steward.
type Reader struct{ Organisation, Principal string }

// Granted is one grant: who may ask what, for which purposes and until when.
type Granted struct {
	ID           string
	Principal    string
	Organisation string   // of the principal; format 2
	Templates    []string // id@version, or id for any version
	Purposes     []string
	Until        string // last day, 2006-01-02 in UTC
	QuotaRho     int64  // most rho (1e-12) charged under it in all; 0 for no quota
}

// Approver is a person whose signature counts, and the key it is made with.
type Approver struct {
	Person string
	Key    string // Ed25519, 32 bytes in base64
}

// Person says which person stands behind a principal. Two principals of one person
// are one for every rule that wants two.
type Person struct{ Person, Principal string }

// Witnesses are whose cosignatures a checkpoint needs, and of how many of them.
type Witnesses struct {
	Keys   []string // verifier keys of C2SP tlog-cosignature, in order
	Quorum int64
}

// Type gives GRANT.
func (g *Grant) Type() Type { return TypeGrant }

func (g *Grant) members(f *form, l *Leaf) {
	if !f.old {
		list(f, "approvers", &g.Approvers, func(e *Approver) {
			f.lit("{")
			f.text("key", &e.Key)
			f.text("person", &e.Person)
			f.lit("}")
		})
		f.text("by", &g.By)
	}
	f.name("caps")
	f.lit("{")
	f.cost("life", &g.Life)
	f.cost("year", &g.Year)
	f.lit("}")
	if !f.old {
		f.name("cosigners")
		f.lit("{")
		f.texts("keys", &g.Witnesses.Keys)
		f.count("quorum", &g.Witnesses.Quorum)
		f.lit("}")
	}
	list(f, "grants", &g.Grants, func(e *Granted) { e.members(f) })
	f.count("index", &l.Index)
	if !f.old {
		f.text("k", &g.K)
	}
	f.text("mode", &g.Mode)
	f.pad()
	if !f.old {
		list(f, "persons", &g.Persons, func(e *Person) {
			f.lit("{")
			f.text("person", &e.Person)
			f.text("principal", &e.Principal)
			f.lit("}")
		})
	}
	f.text("policy", &g.Policy)
	f.text("population", &g.Population)
	f.previous(l)
	if !f.old {
		list(f, "readers", &g.Readers, func(e *Reader) {
			f.lit("{")
			f.text("organisation", &e.Organisation)
			f.text("principal", &e.Principal)
			f.lit("}")
		})
		f.place("replaces", &g.Replaces)
		f.count("retention_days", &g.Retention)
	}
	f.end(l)
}

func (g *Granted) members(f *form) {
	f.lit("{")
	f.text("id", &g.ID)
	if !f.old {
		f.text("organisation", &g.Organisation)
	}
	f.text("principal", &g.Principal)
	f.texts("purposes", &g.Purposes)
	f.decimal("quota_rho", &g.QuotaRho)
	f.texts("templates", &g.Templates)
	f.text("until", &g.Until)
	f.lit("}")
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

// reads says whether a principal of an organisation reads every release by their role.
func (g *Grant) reads(principal, organisation string) bool {
	return slices.Contains(g.Readers, Reader{organisation, principal})
}

// covers says why the grant does not cover a charge at that time, or nil.
func (g *Granted) covers(principal, organisation, template, purpose string, at time.Time) error {
	id, _, _ := strings.Cut(template, "@")
	switch {
	case g.Principal != principal:
		return fmt.Errorf("%w: %s is another principal's", ErrGrant, g.ID)
	case g.Organisation != "" && g.Organisation != organisation:
		return fmt.Errorf("%w: %s is another organisation's", ErrGrant, g.ID)
	case !slices.Contains(g.Templates, template) && !slices.Contains(g.Templates, id):
		return fmt.Errorf("%w: %s is not for this template", ErrGrant, g.ID)
	case !slices.Contains(g.Purposes, purpose):
		return fmt.Errorf("%w: %s is not for this purpose", ErrGrant, g.ID)
	case past(g.Until, at):
		return fmt.Errorf("%w: %s has expired", ErrGrant, g.ID)
	}
	return nil
}

// past says whether a last day is over at a time. Years have four digits, as text and as
// time: what is later than year 9999 is past every day.
func past(day string, at time.Time) bool {
	last, err := time.Parse(time.DateOnly, day)
	return err != nil || !at.Before(last.AddDate(0, 0, 1))
}
