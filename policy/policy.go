package policy

import (
	"errors"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// ErrPolicy marks a policy file that is not understood, with line and column
// where they are known.
var ErrPolicy = errors.New("policy is not valid")

// Role is what a principal is in the domain.
type Role string

// The roles.
const (
	Insurer   Role = "insurer"
	Pharma    Role = "pharma"
	Regulator Role = "regulator"
	Steward   Role = "steward"
	// Node is the domain's own node in federated training: feature templates are for
	// it alone, and it is for them alone.
	Node Role = "node"
)

// roles lists every role.
var roles = []Role{Insurer, Pharma, Regulator, Steward, Node}

// purposes are the declared uses of the data, after the six industries the
// authority opens it to, and the supervision of the fund.
var purposes = []string{
	"medical-engineering", "artificial-intelligence", "drug-development",
	"commercial-health-insurance", "elder-care", "health-management", "fund-regulation",
}

// Purposes lists the declared uses.
func Purposes() []string { return slices.Clone(purposes) }

// ModeEvaluation marks a domain in which no approvals are needed.
const ModeEvaluation = "evaluation"

// KFloor is the least k_floor, and the default: nobody lowers it alone, and an
// evaluation domain has nobody else to ask.
const KFloor = 20

// Principal is a person or a program that asks.
type Principal struct {
	ID           string
	Organisation string
	Person       string // who stands behind it; "" for a program, and where it is not said
	Roles        []Role
	Certificates []string  // keys of client certificates, see [Policy.ByCertificate]
	Accounts     []Account // at OpenID providers
}

// Grant says who may ask what, for which purposes, until when, and up to how much.
type Grant struct {
	ID        string
	Principal string
	Templates []string // "claim-severity@1.0.0", or "claim-severity" for any version
	Purposes  []string // the first is meant where a request names none
	Until     string   // last day, 2006-01-02 in UTC
	QuotaRho  float64  // most rho charged under it in all; 0: only the caps limit it
}

// Cap is a budget as people say it: (epsilon, delta) for all releases together.
type Cap struct{ Epsilon, Delta float64 }

// Caps are the budgets of one calendar year of records, and of a lifetime.
type Caps struct{ Year, Life Cap }

// SlotClass is the time an answer takes in a population of up to so many people.
type SlotClass struct {
	People int64
	Slot   time.Duration
}

// Policy is one domain's rules, read with [Load] or [Parse] and not changed
// after that: whoever holds one only reads it.
type Policy struct {
	Mode         string
	Population   string
	PublicPeople int64 // declared size; 0: undeclared
	// PublicFrom and PublicTo are the declared first and last day of the data; zero: undeclared.
	PublicFrom, PublicTo time.Time
	K                    int  // threshold on the people of a group, at least k_floor
	NoisyK               bool // public keys: threshold on the noisy count only
	Caps                 Caps
	ConversionDelta      float64       // delta at which epsilon is shown
	Undeclared           time.Duration // slot where the size is undeclared
	Classes              []SlotClass   // slots by declared size, ascending
	Regions              []string      // public list of regions; nil: none is declared
	Principals           []Principal
	Grants               []Grant
	Supervision          Supervision // of the mode supervised

	publicWindow string // as the file has it
	floor        int    // k_floor
	digest       string
	year, life   dp.Cost
}

// Digest is the SHA-256 of the file the policy was read from, in hex.
func (p *Policy) Digest() string { return p.digest }

// YearCap is the cap of one calendar year of records, in the ledger's units.
func (p *Policy) YearCap() dp.Cost { return p.year }

// LifeCap is the cap of everything about a person.
func (p *Policy) LifeCap() dp.Cost { return p.life }

func (p *Policy) principal(id string) *Principal {
	i := slices.IndexFunc(p.Principals, func(x Principal) bool { return x.ID == id })
	if i < 0 {
		return nil
	}
	return &p.Principals[i]
}

// Nodes are the principals with the role Node, in the order of the file.
func (p *Policy) Nodes() []string {
	var out []string
	for _, x := range p.Principals {
		if slices.Contains(x.Roles, Node) {
			out = append(out, x.ID)
		}
	}
	return out
}

// Organisation is a principal's organisation, "" for one not in the policy.
func (p *Policy) Organisation(principal string) string {
	if x := p.principal(principal); x != nil {
		return x.Organisation
	}
	return ""
}

// Slot is how long after its charge an answer appears: by the declared size of
// the population, never by what a run takes.
func (p *Policy) Slot() time.Duration {
	if p.PublicPeople == 0 || len(p.Classes) == 0 {
		return p.Undeclared
	}
	return p.class(p.PublicPeople)
}

func (p *Policy) class(people int64) time.Duration {
	for _, c := range p.Classes {
		if people <= c.People {
			return c.Slot
		}
	}
	return p.Classes[len(p.Classes)-1].Slot
}

// SlotSuits says whether the slot is long enough for a snapshot of so many
// people, by the policy's own classes. The answer is a fact about the data: it
// is for the steward, inside the domain.
func (p *Policy) SlotSuits(people int64) bool {
	return len(p.Classes) == 0 || p.class(people) <= p.Slot()
}
