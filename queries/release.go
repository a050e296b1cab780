package queries

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// Release is a noisy answer as it is stored, hashed and handed out. Everything
// in it is post-processed from noisy values or public.
type Release struct {
	ID         string            `json:"id"`
	Template   string            `json:"template"` // id@version
	Catalogue  string            `json:"catalogue"`
	Digest     string            `json:"template_digest"`
	Coarse     bool              `json:"coarse"`
	Title      Text              `json:"title"`
	Parameters map[string]string `json:"parameters"`
	CodeLists  map[string]string `json:"code_lists,omitempty"` // id -> digest
	Purpose    string            `json:"purpose"`              // of the request that was charged; whoever has it from store declared a purpose of their own, which the log has
	Snapshot   string            `json:"snapshot"`
	Epoch      int64             `json:"opt_out_epoch"`
	Released   time.Time         `json:"released"`
	Evaluation bool              `json:"evaluation"`
	Bounding   string            `json:"bounding,omitempty"` // how groups and rows of a person with too many were chosen; see BoundByRequest
	Keys       []string          `json:"keys"`
	Groups     []ReleasedGroup   `json:"groups"`
	Totals     []ReleasedTotal   `json:"totals,omitempty"`
	Flows      []Flow            `json:"flows,omitempty"`
	Synthetic  *Synthetic        `json:"synthetic,omitempty"`
	Privacy    Privacy           `json:"privacy"`
	Notes      []Text            `json:"notes"`
}

// BoundByRequest says that the choice hangs on a secret of the domain and the
// request's id alone, so that the same people give the same totals again.
const BoundByRequest = "by-request"

// ReleasedGroup is one row of the table. A suppressed group has no measures.
type ReleasedGroup struct {
	Keys       map[string]string        `json:"keys"`
	Suppressed bool                     `json:"suppressed"`
	Measures   map[string]ReleasedValue `json:"measures"`
}

// ReleasedValue is a value with the ends of its 95 % interval, or values on an axis.
// The interval is for the noise, on survival curves for the sample too; what
// bounding left out is outside it.
type ReleasedValue struct {
	Unit   string          `json:"unit"`
	Number *ReleasedNumber `json:"-"`
	Values []ReleasedPoint `json:"values,omitempty"`
	// Marginals is what was measured of pairs; Values then has the one-way tables.
	Marginals *ReleasedMarginals `json:"marginals,omitempty"`
}

// ReleasedNumber is a value and its 95 % interval.
type ReleasedNumber struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// NoInterval says that nothing is known of the value's error: Low and High mean
	// nothing, and are not shown. Only a number without an axis may have none.
	NoInterval bool `json:"-"`
}

// ReleasedPoint is a value at one position of an axis. On a survival curve low
// and high carry the error of the sample too, and the noise's own ends are beside
// them.
type ReleasedPoint struct {
	At string `json:"at"`
	ReleasedNumber
	NoiseLow  *float64 `json:"noise_low,omitempty"`
	NoiseHigh *float64 `json:"noise_high,omitempty"`
}

// Privacy says what the release cost and what protects it.
type Privacy struct {
	Rho          float64  `json:"rho"`     // zero-concentrated differential privacy
	Delta        float64  `json:"delta"`   // of the threshold and the sampler
	Epsilon      float64  `json:"epsilon"` // display: rho and delta as (epsilon, DisplayDelta)
	DisplayDelta float64  `json:"epsilon_at_delta"`
	K            int      `json:"k"`
	Scopes       []string `json:"scopes"`
	Charged      bool     `json:"charged"` // false where a stored release was handed out again
}

// MarshalJSON puts a scalar's value, low and high beside its unit.
func (r ReleasedValue) MarshalJSON() ([]byte, error) {
	if r.Number != nil && r.Number.NoInterval {
		return json.Marshal(struct {
			Unit  string  `json:"unit"`
			Value float64 `json:"value"`
		}{r.Unit, r.Number.Value})
	}
	if r.Number != nil {
		return json.Marshal(struct {
			Unit string `json:"unit"`
			ReleasedNumber
		}{r.Unit, *r.Number})
	}
	type plain ReleasedValue
	return json.Marshal(plain(r))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *ReleasedValue) UnmarshalJSON(b []byte) error {
	var all struct {
		Unit   string             `json:"unit"`
		Values []ReleasedPoint    `json:"values"`
		Pairs  *ReleasedMarginals `json:"marginals"`
		Value  *float64           `json:"value"`
		Low    *float64           `json:"low"`
		High   *float64           `json:"high"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*r = ReleasedValue{Unit: all.Unit, Values: all.Values, Marginals: all.Pairs}
	if all.Value != nil {
		r.Number = &ReleasedNumber{Value: *all.Value, NoInterval: all.Low == nil || all.High == nil}
		if !r.Number.NoInterval {
			r.Number.Low, r.Number.High = *all.Low, *all.High
		}
	}
	return nil
}

// Banded says whether a value's low and high carry the error of the sample too.
func (r ReleasedValue) Banded() bool { return len(r.Values) > 0 && r.Values[0].NoiseLow != nil }

// Select keeps the groups that have one of the values wanted of each key,
// several by comma, and the totals of such groups alone. Flows add all paths and
// do not stay.
func (r *Release) Select(only map[string]string) {
	if len(only) > 0 {
		r.Flows = nil
	}
	r.Totals = slices.DeleteFunc(r.Totals, func(t ReleasedTotal) bool {
		for key, values := range only {
			if !slices.Contains(strings.Split(values, ","), t.Keys[key]) {
				return true
			}
		}
		return false
	})
	r.Groups = slices.DeleteFunc(r.Groups, func(g ReleasedGroup) bool {
		for key, values := range only {
			if !slices.Contains(strings.Split(values, ","), g.Keys[key]) {
				return true
			}
		}
		return false
	})
}

// groups turns a noisy table into released rows.
func (q *Question) groups(t *dp.Table) []ReleasedGroup {
	out := []ReleasedGroup{}
	for _, g := range t.Groups {
		r := ReleasedGroup{Keys: map[string]string{}, Suppressed: g.Suppressed, Measures: map[string]ReleasedValue{}}
		for i, k := range q.Job.Spec.Keys {
			r.Keys[k.Name] = g.Keys[i]
		}
		for _, m := range g.Measures {
			r.Measures[m.Name] = released(m)
		}
		out = append(out, r)
	}
	return out
}

func released(m dp.Measured) ReleasedValue {
	out := ReleasedValue{Unit: m.Unit, Marginals: releasedMarginals(m.Marginals)}
	if m.Values == nil {
		n := releasedNumber(m.Value, m.Low, m.High)
		out.Number = &n
		return out
	}
	for _, p := range m.Values {
		x := ReleasedPoint{At: p.At, ReleasedNumber: releasedNumber(p.Value, p.Low, p.High)}
		if p.Noise != nil {
			low, high := round(p.Noise[0]), round(p.Noise[1])
			x.NoiseLow, x.NoiseHigh = &low, &high
		}
		out.Values = append(out.Values, x)
	}
	return out
}

// releasedNumber rounds a number as it is shown; without an interval dp gives NaN.
func releasedNumber(value, low, high float64) ReleasedNumber {
	if math.IsNaN(low) || math.IsNaN(high) {
		return ReleasedNumber{Value: round(value), NoInterval: true}
	}
	return ReleasedNumber{Value: round(value), Low: round(low), High: round(high)}
}

// round keeps nine significant digits: more would only look exact.
func round(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	scale := math.Pow(10, 8-math.Floor(math.Log10(math.Abs(x))))
	if math.IsInf(scale, 0) || scale == 0 {
		return x
	}
	return math.Round(x*scale) / scale
}
