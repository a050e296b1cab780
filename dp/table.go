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
	Value, Low, High float64
	// Values is set instead on an axis: one Point per position; for quantiles one
	// per probability ("0.5"); for survival up to where too few are at risk.
	Values []Point
}

// Point is one position of an axis.
type Point struct {
	At               string
	Value, Low, High float64
}
