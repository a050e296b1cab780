package glm

import (
	"fmt"
	"math"
	"slices"
)

// Feature is a column of the public contract: a number with a range, or a factor
// with levels.
type Feature struct {
	Name string
	Unit string // of a number; display only
	// Lo and Hi are the range of a number; the model sees it scaled to [-1, 1].
	Lo, Hi float64
	// Levels of a factor, at least two once merged ones are counted out; the first
	// is the reference and the others become one dummy each. Empty for a number.
	Levels []Level
}

// Level is one value of a factor.
type Level struct {
	Name string
	// Into names the level that this one is merged into, on the card, because it
	// is rare (see Plan.Predict); "" keeps it.
	Into string
	// Share is the public expected share of people, for predictions only; 0 means
	// equal shares.
	Share float64
}

// Response is what is modelled.
type Response struct {
	Name string
	Unit string // display only
	// Lo and Hi are the range that the data must keep.
	Lo, Hi float64
	// Scale divides the response before it is modelled, so that bounds and numbers
	// are near 1; results are in the response's own units. Default 1; only linear,
	// gamma and Tweedie may set it.
	Scale float64
}

// column is one column of the design matrix.
type column struct {
	name    string
	feature int // -1 for the intercept
	level   int // of a factor; -1 for a number
	share   float64
}

// design is the contract compiled: how fields become a row of the design matrix.
type design struct {
	features []Feature
	columns  []column
	// first is each feature's first column; place each level's column, -1 for the
	// reference.
	first  []int
	places []map[string]int
	// norm2 is R^2, the most that the squared length of a row can be.
	norm2 int
}

func newDesign(features []Feature) (*design, error) {
	features = cloned(features)
	d := &design{features: features, columns: []column{{name: "(intercept)", feature: -1, level: -1, share: 1}}, norm2: 1}
	seen := map[string]bool{"": true}
	for i, f := range features {
		if seen[f.Name] {
			return nil, fmt.Errorf("%w: a feature without a name, or two of one name", ErrSpec)
		}
		seen[f.Name] = true
		d.first = append(d.first, len(d.columns))
		if len(f.Levels) == 0 {
			if !finite(f.Lo) || !finite(f.Hi) || !(f.Lo < f.Hi) {
				return nil, fmt.Errorf("%w: feature %q needs a range", ErrSpec, f.Name)
			}
			if max(math.Abs(f.Lo), math.Abs(f.Hi)) > maxValue || f.half() < minScale {
				return nil, fmt.Errorf("%w: feature %q: its range must be within 1e15 and not narrower than 2e-9", ErrSpec, f.Name)
			}
			d.columns = append(d.columns, column{name: f.Name, feature: i, level: -1})
			d.places = append(d.places, nil)
		} else if err := d.addFactor(i, f); err != nil {
			return nil, err
		}
		d.norm2++
	}
	return d, nil
}

// cloned is a copy that the caller cannot change.
func cloned(features []Feature) []Feature {
	out := slices.Clone(features)
	for i := range out {
		out[i].Levels = slices.Clone(out[i].Levels)
	}
	return out
}

// addFactor gives every level that is not merged its column.
func (d *design) addFactor(i int, f Feature) error {
	kept := 0
	for _, l := range f.Levels {
		if l.Into == "" {
			kept++
		}
	}
	if f.Levels[0].Into != "" || kept < 2 || f.Lo != 0 || f.Hi != 0 {
		return fmt.Errorf("%w: factor %q needs a reference, another level and no range", ErrSpec, f.Name)
	}
	places := map[string]int{}
	for l, level := range f.Levels {
		if _, twice := places[level.Name]; twice || level.Name == "" || !(level.Share >= 0 && level.Share <= 1) {
			return fmt.Errorf("%w: factor %q has a level without a name or share, or two of one name", ErrSpec, f.Name)
		}
		places[level.Name] = -1
		if l == 0 || level.Into != "" {
			continue
		}
		places[level.Name] = len(d.columns)
		share := level.Share
		if share == 0 {
			share = 1 / float64(kept)
		}
		d.columns = append(d.columns, column{name: f.Name + "=" + level.Name, feature: i, level: l, share: share})
	}
	for _, level := range f.Levels {
		if level.Into == "" {
			continue
		}
		into, ok := places[level.Into]
		if !ok || isMerged(f, level.Into) {
			return fmt.Errorf("%w: factor %q merges a level into none that is kept", ErrSpec, f.Name)
		}
		places[level.Name] = into
	}
	d.places = append(d.places, places)
	return nil
}

func isMerged(f Feature, name string) bool {
	for _, l := range f.Levels {
		if l.Name == name {
			return l.Into != ""
		}
	}
	return false
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// half is what one unit of a number's scaled column is in its own unit.
func (f Feature) half() float64 { return float64((f.Hi - f.Lo) / 2) }

// scaled is a number of the feature on [-1, 1].
func (f Feature) scaled(v float64) float64 {
	return min(max((v-(f.Lo+f.half()))/f.half(), -1), 1)
}
