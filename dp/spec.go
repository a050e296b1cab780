package dp

// Null is the value of a measure column that has no value in a row: the row
// then does not contribute to measures of that column.
const Null int64 = -1 << 63

// Spec is everything public about one question: what a person can change, and
// nothing about the data.
type Spec struct {
	L0        int       // most groups one person contributes to; >= 1
	K         int       // threshold on the people of a group; >= 2
	NoisyK    bool      // public keys only: a group is shown iff its noisy people >= K+3 sigma; costs no delta
	Keys      []Key     // the group key; none means one group, everyone
	Columns   []string  // the int64 measure columns a row carries, in order
	Measures  []Measure // besides the people of each group, which are always released
	MaxRows   int64     // most rows one person has; for the overflow proof
	MaxPeople int64     // most people there are; for the overflow proof
}

// Key is one column of the group key.
type Key struct {
	Name    string
	Values  []string // the public domain, in order; nil when Private
	Private bool     // values come from the data: a group is shown only past the threshold
}

// Kind says what a measure computes.
type Kind string

// The kinds. All act per person p and group g, after at most L0 groups of p
// were chosen. A row is eligible for a measure if the columns the measure
// names are not Null and its position is one of Positions.
const (
	// KindPeople is no measure of its own: such an entry only sets the Weight and Unit of the people count.
	KindPeople Kind = "people"
	// KindRows counts eligible rows, at most Rows of a person.
	KindRows Kind = "rows"
	// KindSum adds rows clamped to [RowLo, RowHi], at most Rows of them, and clamps the person's total to [Lo, Hi].
	KindSum Kind = "sum"
	// KindMean is over rows: Centre plus the sum of (clamped row - Centre), the person's total clamped to [Lo, Hi], divided by the kept rows.
	KindMean Kind = "mean"
	// KindQuantiles is over people: the person's total as for a sum, in 256 bins of [Lo, Hi], as a tree of 16 times 16; see Octaves.
	KindQuantiles Kind = "quantiles"
	// KindHistogram counts rows by position, at most Rows of a person.
	KindHistogram Kind = "histogram"
	// KindSeries is a sum per position, each clamped to [Lo, Hi], in at most MaxPositions positions of a person and group.
	KindSeries Kind = "series"
	// KindVector is what one person spreads over the positions: rows clamped to [RowLo, RowHi], RowLo at least 0, summed per
	// position; a person's whole vector in a group is scaled down so that its parts add up to at most Hi. Lo must be 0.
	// It costs what one sum of that Hi costs, however many positions a person fills.
	KindVector Kind = "vector"
	// KindSpread is over rows like a mean, and adds their standard deviation (Name_sd) and coefficient of variation (Name_cv),
	// from a second moment about Centre in units of Unit2 squared, a person's total clamped to [0, Hi2].
	KindSpread Kind = "spread"
	// KindSurvival takes one row per person, the earliest position, an event before a censoring; the result is a Kaplan-Meier curve.
	// With Competing it is the curve of those free of either event, and Name_incidence the Aalen-Johansen cumulative incidence of event 1.
	// L0 must be 1.
	KindSurvival Kind = "survival"
	// KindMarginals takes one row per person, whose columns place the person in each of the Attributes: one-way and pair tables of
	// them, chosen and measured with noise, and a synthetic population drawn from those. There must be no keys, and L0 must be 1.
	KindMarginals Kind = "marginals"
)

// Measure is a number, or a vector over public positions, per group.
// A person keeps the rows with the smallest SipHash-2-4 of salt, psn_key, group
// and the row's values, so neither row order nor other people matter.
type Measure struct {
	Name, Unit string
	Kind       Kind
	Column     string // value column: sum, mean, spread, quantiles, series, vector; for rows optional: only rows where it is not Null count
	At         string // position column, 0-based: histogram, series, vector, survival
	Event      string // survival: column with 1 = event at that position, 0 = censored, with Competing also 2 = competing event
	Competing  bool   // survival: column Event may be 2; of one position an event comes before a competing one, that before a censoring

	RowLo, RowHi int64 // clamp of each row's value, RowLo < RowHi: sum, mean, spread, quantiles, series, vector
	Rows         int   // at most this many rows per person and group; 0 = all, only where the person's total is clamped (sum, quantiles, series, vector)
	Lo, Hi       int64 // clamp of the person's total in a group (sum, quantiles), of the centred total (mean, spread), per position (series), or of all positions together (vector); Lo < Hi
	Centre       int64 // mean, spread: subtracted from every clamped row; near it the noise of the row count hardly matters

	// Unit2, for a spread, is the unit of deviations from Centre before they are
	// squared, 10,000 making one yuan^2 times 10,000 out of fen: a row's square is
	// rounded to the nearest whole number of Unit2^2. Hi2 clamps a person's sum of them.
	Unit2, Hi2 int64
	// ReferenceSD, for a spread, is a typical standard deviation, public: it only
	// decides how the cost is split. 0 means Reference.
	ReferenceSD float64

	// HiAt, for a series, replaces Hi position by position (layers of different
	// covers), each above Lo; empty means Hi everywhere.
	HiAt []int64

	// RowsName, for a mean or spread, also shows the noisy number of kept rows, under this
	// name and in this unit: it is drawn and paid for in any case.
	RowsName string

	Positions    []string  // labels of the positions, in order: histogram, series, vector, survival
	MaxPositions int       // series: most positions one person fills in a group
	Probs        []float64 // quantiles: wanted probabilities in (0, 1), ascending
	// Octaves, for quantiles, makes the bins grow with the value, for amounts that
	// spread over orders of magnitude: [Lo, Lo+w) and 15 doublings up to Hi, each
	// cut in 16, so that a bin above w is at most a sixteenth as wide as it is high.
	// Hi-Lo must be at least 2^19. Without it all bins are equal.
	Octaves bool

	// Attributes, for marginals, are 2 to 12 properties of a person.
	Attributes []Attribute
	// Synthetic, for marginals, is the public number of rows of the synthetic
	// population; it says nothing about how many people there are.
	Synthetic int

	// Reference is a typical value, public, for relative errors: of the mean
	// itself (also of a spread), of the survival probability, or per person (sum,
	// rows) or per person and position (histogram, series, vector) or cell (marginals). Quantiles and people need none.
	Reference       float64
	ReferencePeople int     // a typical group size, public: errors of means, quantiles and survival are stated at it
	Weight          float64 // share of the cost when the wish is a cost; 0 means 1
}

// Attribute is one property of a person with its public values, 2 to 64. The
// last value stands for unknown: whoever's number is Null or that of no value
// counts there, so that everyone is in every table.
type Attribute struct {
	Name   string
	Column string // number of the value from 0
	Values []string
}

// Radix is the number of values of each key when all keys are public: the code
// of a group is then the mixed-radix number of its value indexes, the first
// key slowest. Nil if any key is private; empty, for one group with code 0, if
// there are no keys.
func (s Spec) Radix() []int {
	radix := make([]int, len(s.Keys))
	for i, k := range s.Keys {
		if k.Private {
			return nil
		}
		radix[i] = len(k.Values)
	}
	return radix
}

// clone copies what the caller could change behind our back.
func (s Spec) clone() Spec {
	s.Keys = append([]Key(nil), s.Keys...)
	for i := range s.Keys {
		s.Keys[i].Values = append([]string(nil), s.Keys[i].Values...)
	}
	s.Columns = append([]string(nil), s.Columns...)
	s.Measures = append([]Measure(nil), s.Measures...)
	for i := range s.Measures {
		m := &s.Measures[i]
		m.Positions = append([]string(nil), m.Positions...)
		m.Probs = append([]float64(nil), m.Probs...)
		m.HiAt = append([]int64(nil), m.HiAt...)
		m.Attributes = append([]Attribute(nil), m.Attributes...)
		for j := range m.Attributes {
			m.Attributes[j].Values = append([]string(nil), m.Attributes[j].Values...)
		}
	}
	return s
}
