package dp

// Table is a noisy answer. All of it is safe to show.
type Table struct {
	Groups []Group // public keys: every group in the order of the domain; else the shown groups by key
}

// Group is one group of a Table.
type Group struct {
	Keys       []string   // one value per Spec.Keys
	Suppressed bool       // a public group that failed the threshold: no measures
	Measures   []Measured // people first, then in the order of the Spec
}

// Measured is a noisy number with its 95 % interval, or a vector of them.
// Intervals are for noise: what clamping and dropping took away is outside them.
type Measured struct {
	Name, Unit       string
	Value, Low, High float64 // Low and High are NaN where a derived number has no interval
	// Values is set instead on an axis: one Point per position; for quantiles one
	// per probability ("0.5"); for survival up to where too few are at risk.
	Values []Point
	// Marginals is set for marginals; Values then has the one-way tables, at "attribute: value".
	Marginals *Marginals
}

// Point is one position of an axis. On survival curves Low and High carry the
// error of the sample too, and Noise is the interval of the noise alone.
type Point struct {
	At               string
	Value, Low, High float64
	Noise            *[2]float64
}

// Marginals is what was measured of several attributes at once, and a synthetic
// population that agrees with it. Pairs is a tree over the attributes.
type Marginals struct {
	Pairs     []PairTable // the chosen pairs, measured
	Left      []PairError // the others, not measured
	Fit       []Fit       // of the synthetic rows, per attribute
	Synthetic Synthetic
}

// PairError says how far the counts of a pair of attributes are from what the
// one-way tables give if the two are independent: the sum over the cells of the
// distances, in people, with the interval of the noise.
type PairError struct {
	A, B             string
	Value, Low, High float64
}

// PairTable is a measured pair. Cells are as drawn, by values of A and then of B.
type PairTable struct {
	PairError // of independence, by which it was chosen
	Fit       float64
	Cells     []PairCell
}

// PairCell is the people with value A of the one and B of the other attribute.
type PairCell struct {
	A, B             string
	Value, Low, High float64
}

// Fit is the total variation distance, 0 to 1, between the synthetic rows and the
// released table of an attribute, after the table was made consistent: what
// drawing few rows costs.
type Fit struct {
	Name  string
	Value float64
}

// Synthetic is a population of nobody: rows drawn independently from the noisy
// tables.
type Synthetic struct {
	Columns []string
	Rows    [][]string
}
