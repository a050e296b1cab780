package queries

import (
	"fmt"
	"math"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// Estimate is what a client sees before spending: computed from the template's
// bounds, the policy and what was spent before, never from the data.
type Estimate struct {
	Template      string            `json:"template"`
	Catalogue     string            `json:"catalogue"`
	Title         Text              `json:"title"`
	Coarse        bool              `json:"coarse"`
	Parameters    map[string]string `json:"parameters"`
	Purpose       string            `json:"purpose"`
	Rho           float64           `json:"rho"`
	Delta         float64           `json:"delta"`
	Epsilon       float64           `json:"epsilon"`
	DisplayDelta  float64           `json:"epsilon_at_delta"`
	K             int               `json:"k"`
	Scopes        []ScopeShare      `json:"scopes"`
	Quota         *QuotaShare       `json:"quota,omitempty"` // where the grant has one
	Measures      []Expected        `json:"measures"`
	Groups        int               `json:"groups"` // 0: found privately
	MaxGroups     int               `json:"groups_per_person"`
	SmallestGroup int               `json:"smallest_group"` // likely to be seen
	PublicPeople  int64             `json:"public_people,omitempty"`
	ExpectedGroup int64             `json:"expected_group,omitempty"` // people, if spread evenly
	Fits          bool              `json:"fits"`
	FitsAt        int               `json:"fits_at,omitempty"` // group size whose accuracy the rest of the cap pays for
	Free          bool              `json:"free"`              // a release the caller already has answers it
	Suspended     bool              `json:"suspended"`         // the template cannot be asked until it is resumed
	SlotSeconds   float64           `json:"slot_seconds"`
	Notes         []Text            `json:"notes"`
}

// ScopeShare is one budget the request would be charged to.
type ScopeShare struct {
	Scope    string  `json:"scope"`
	Cap      float64 `json:"cap_rho"`
	Spent    float64 `json:"spent_rho"`
	Held     float64 `json:"held_rho"` // set aside for training jobs, and not spent
	CapDelta float64 `json:"cap_delta"`
	SpentDlt float64 `json:"spent_delta"`
	Share    float64 `json:"share"` // of the cap, that this request would take
	Fits     bool    `json:"fits"`
}

// QuotaShare is the quota of the grant that the request would be charged under, in rho.
type QuotaShare struct {
	Grant string  `json:"grant"`
	Quota float64 `json:"quota_rho"`
	Spent float64 `json:"spent_rho"`
	Held  float64 `json:"held_rho"` // set aside for training jobs, and not spent
	Fits  bool    `json:"fits"`
}

// Expected is the predicted half-width of a measure's 95 % interval.
type Expected struct {
	Name      string  `json:"name"`
	Title     Text    `json:"title"`
	Unit      string  `json:"unit"`
	HalfWidth float64 `json:"half_width"`
	At        int     `json:"at"` // in a group of so many people
	Reference float64 `json:"reference,omitempty"`
}

// priced is a question with its plan and its place in the books.
type priced struct {
	*Question
	order  *Order
	plan   *dp.Plan
	scopes []string
	key    string
	people int64
	policy int64 // the GRANT leaf it was decided under, -1 where another is in force already

	evaluation bool // by the policy it was priced under
}

// expected predicts the error of every measure at the template's reference size.
func (p *priced) expected() ([]Expected, error) {
	out := []Expected{}
	for _, m := range p.Template.Measures {
		at := m.People
		h, err := p.plan.HalfWidth(m.Name, at)
		if err != nil {
			return nil, err
		}
		unit := m.Unit
		switch m.Kind {
		case "quantiles":
			unit = "share of people"
		case "people":
			at = 0
		}
		out = append(out, Expected{m.Name, m.Title, unit, round(h), at, m.Reference})
		if m.Kind == marginalsKind {
			if h, err = p.plan.HalfWidth(m.Name+"_pair", at); err != nil {
				return nil, err
			}
			out = append(out, Expected{Name: m.Name + "_pair", Title: pairTitle, Unit: unit, HalfWidth: round(h), At: at})
		}
	}
	out = append(out, p.expectedDerived()...)
	if p.Template.measure("people") == nil {
		h, err := p.plan.HalfWidth("people", 0)
		if err != nil {
			return nil, err
		}
		out = append(out, Expected{Name: "people", Title: Text{"People", "人数"}, Unit: "people", HalfWidth: round(h)})
	}
	return out, nil
}

// expectedGroup is the size of a group if the people who contribute spread
// evenly; 0 where the size is undeclared or keys are private.
func (p *priced) expectedGroup() int64 {
	if p.people == 0 || p.Groups == 0 {
		return 0
	}
	return p.people * p.Reach / 10000 / int64(p.Groups)
}

// checkEmpty refuses to sell a table whose groups are expected to be under the
// smallest size likely to be seen.
func (p *priced) checkEmpty(allow bool) error {
	size := p.expectedGroup()
	if p.Groups == 0 {
		size = p.people * p.Reach / 10000 // all who contribute, in a single group
	}
	if allow || p.people == 0 || size >= int64(p.plan.SmallestGroup()) {
		return nil
	}
	hint := "ask for the coarse variant, a longer window or a higher cost"
	if p.Coarse {
		hint = "ask for a longer window or a higher cost"
	}
	if p.Groups == 0 {
		return fmt.Errorf("%w: at rho %.3g, groups under about %d are not shown, and about %d people are in the answer at all; %s, or buy it all the same with allow_empty (--allow-empty)",
			ErrMostlyEmpty, p.plan.Cost().RhoFloat(), p.plan.SmallestGroup(), size, hint)
	}
	return fmt.Errorf("%w: at rho %.3g, %d groups of about %d people each, but groups under about %d are not shown; %s, or buy it all the same with allow_empty (--allow-empty)",
		ErrMostlyEmpty, p.plan.Cost().RhoFloat(), p.Groups, size, p.plan.SmallestGroup(), hint)
}

// checkPrice refuses a charge above the price that was agreed to; 0 agrees to any.
func (p *priced) checkPrice(agreed float64) error {
	rho := p.plan.Cost().RhoFloat()
	switch {
	case agreed == 0 || rho <= agreed:
		return nil
	case agreed <= OnlyFree:
		return fmt.Errorf("%w: no answer that you have covers it now, and it costs rho %.6g; nothing was charged: look at the estimate again", ErrPrice, rho)
	}
	return fmt.Errorf("%w: it costs rho %.6g now, and rho %.6g was agreed to; nothing was charged: look at the estimate again", ErrPrice, rho, agreed)
}

// reference is the size of group that errors are stated for.
func (p *priced) reference() (people int) {
	for _, m := range p.Template.Measures {
		people = max(people, m.People)
	}
	return people
}

// fitsAt is the group size at which the same relative errors would fit into
// what is left: noise and sums both scale, so cost falls with its square.
func fitsAt(reference int, rho, left float64) int {
	if left <= 0 || reference <= 0 {
		return 0
	}
	n := math.Ceil(float64(reference) * math.Sqrt(rho/left))
	if n > maxPeople {
		return 0
	}
	return int(n)
}

// seconds rounds a duration for display.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
