package queries

import (
	"crypto/sha256"
	"encoding/hex"
)

// Text is a sentence in English and Chinese.
type Text struct {
	EN string `yaml:"en" json:"en"`
	ZH string `yaml:"zh" json:"zh"`
}

// Template is an approved question, or with Features an approved reading of rows
// for training: the parsed pair of <id>.yaml and <id>.sql.
type Template struct {
	ID          string      `yaml:"id"`        // lower-case words with hyphens
	Version     string      `yaml:"version"`   // semantic version
	Catalogue   string      `yaml:"catalogue"` // I1 ... A2, the id in the domain's catalogue
	Title       Text        `yaml:"title"`
	Description Text        `yaml:"description"`
	Audiences   []string    `yaml:"audiences"` // roles that may be granted it
	Purposes    []string    `yaml:"purposes"`
	Parameters  []Parameter `yaml:"parameters"`
	Reads       []Read      `yaml:"reads"`
	Keys        []Key       `yaml:"keys"`
	L0          int         `yaml:"l0"` // most groups one person contributes to
	L0PerYear   bool        `yaml:"l0_per_year"`
	// L0Lists names a code_lists parameter: a person is in at most as many groups as
	// lists were chosen.
	L0Lists  string    `yaml:"l0_lists"`
	Measures []Measure `yaml:"measures"`
	Derived  []Derived `yaml:"derived"`
	// Reach is the share of insured people, in ten-thousandths, that is expected
	// to contribute: public knowledge, used only to warn of empty tables.
	Reach   int64    `yaml:"reach"`
	ReachBy *ReachBy `yaml:"reach_by"`
	Coarse  *Coarse  `yaml:"coarse"`
	// Features, in place of keys, l0, measures, derived, reach and coarse, makes it a
	// feature template: rows of people for training, which no query can ask for.
	Features *Features `yaml:"features"`
	// Example are parameters that meet people of the synthetic population, for
	// certification, measurements and as a worked example.
	Example map[string]string `yaml:"example"`
	// Notes are limits a reader must know; they travel with every release.
	Notes []Text `yaml:"notes"`
	// SourceNotes are added where the snapshot's source declares the fact of that name.
	SourceNotes map[string]Text `yaml:"source_notes"`

	SQL    string `yaml:"-"`
	YAML   string `yaml:"-"` // the text that all of this was read from
	digest [32]byte
}

// Read is one view a template's SQL may select from: the declared columns of
// one canonical table, limited to people in the domain, to the window and to a
// code list before the SQL sees a row.
type Read struct {
	View    string   `yaml:"view"`  // name in the SQL
	Table   string   `yaml:"table"` // canonical table; default the view's name
	Columns []string `yaml:"columns"`
	// Window names the window parameter that limits a dated table.
	Window string `yaml:"window"`
	// Lookback is how many days before the window the view begins, or the name
	// of an integer parameter that says so. Every year it touches is charged.
	Lookback      int64      `yaml:"lookback"`
	LookbackParam string     `yaml:"lookback_parameter"`
	Codes         *CodesRead `yaml:"codes"`
	Where         []Filter   `yaml:"where"`
}

// CodesRead keeps only rows whose code is on a list that a parameter names.
type CodesRead struct {
	Parameter string `yaml:"parameter"`
	// Position, where the parameter is of type code_lists, names an integer column
	// that the view gets: the number of the list, from 0. A row that is on several
	// lists is there once for each.
	Position string `yaml:"position"`
}

// Filter keeps only rows whose column has one of the values that an enums
// parameter chooses, or begins with one. The choice "any" keeps all rows.
type Filter struct {
	Column    string `yaml:"column"`
	Parameter string `yaml:"parameter"`
	Prefix    bool   `yaml:"prefix"`
}

// Key is one group-by key.
type Key struct {
	Name    string   `yaml:"name"` // also the SQL's column
	Values  []string `yaml:"values"`
	Bands   *Bands   `yaml:"bands"`
	Years   string   `yaml:"years"`    // calendar years of this window parameter
	Quarter string   `yaml:"quarters"` // calendar quarters of this window parameter
	Lists   string   `yaml:"lists"`    // the lists of this code_lists parameter; the SQL gives their number
	Private bool     `yaml:"private"`  // values found by thresholding; absent when small
	// Strata names a strata parameter: the key divides only where it is chosen.
	Strata string `yaml:"strata"`
}

// Axis is the public positions inside a group.
type Axis struct {
	Column string `yaml:"column"`
	Bands  *Bands `yaml:"bands"`
	// Months and Quarters number the calendar periods of a window parameter from 0.
	Months   string `yaml:"months"`
	Quarters string `yaml:"quarters"`
	// Lists and Layers number the choices of a code_lists or layers parameter, Values
	// fixed labels, all from 0.
	Lists  string   `yaml:"lists"`
	Layers string   `yaml:"layers"`
	Values []string `yaml:"values"`
	Unit   string   `yaml:"unit"`
}

// Measure is one number per group and position; see [dp.Measure] for the rules.
type Measure struct {
	Name   string `yaml:"name"`
	Title  Text   `yaml:"title"`
	Kind   string `yaml:"kind"`
	Unit   string `yaml:"unit"`
	Column string `yaml:"column"`
	Event  string `yaml:"event"`
	Axis   *Axis  `yaml:"axis"`
	// Clamp bounds one row's value, Total the person's total in a group or position.
	Clamp []int64 `yaml:"clamp"`
	Total []int64 `yaml:"total"`
	// ClampTo names an integer parameter that is the upper end of Clamp and Total,
	// where it is below theirs.
	ClampTo string `yaml:"clamp_to"`
	Rows    int    `yaml:"rows"`
	// PerYear multiplies Rows, Total and MaxPositions by the calendar years of the window.
	PerYear      bool      `yaml:"per_year"`
	Centre       int64     `yaml:"centre"`
	RowsName     string    `yaml:"rows_name"` // mean: also shows the number of rows, under this name
	MaxPositions int       `yaml:"max_positions"`
	Probs        []float64 `yaml:"probs"`
	ProbsParam   string    `yaml:"probs_parameter"`
	Octaves      bool      `yaml:"octaves"` // quantiles: bins that grow with the value
	// Unit2 and Total2 bound a spread's second moment; see [dp.Measure] for Unit2 and Hi2.
	Unit2       int64   `yaml:"unit2"`
	Total2      int64   `yaml:"total2"`
	ReferenceSD float64 `yaml:"reference_sd"`
	Competing   bool    `yaml:"competing"` // survival: the event column may be 2, a competing event
	// TotalAt, for a series, is the upper end of Total position by position, or the
	// list parameter that says so.
	TotalAt      []int64 `yaml:"total_at"`
	TotalAtParam string  `yaml:"total_at_parameter"`
	// Attributes, for marginals, are what may be asked of a person; AttributesParam
	// names the strata parameter that chooses at least two of them, SyntheticParam
	// the integer parameter that says how many synthetic rows are drawn.
	Attributes      []Attribute `yaml:"attributes"`
	AttributesParam string      `yaml:"attributes_parameter"`
	SyntheticParam  string      `yaml:"synthetic_parameter"`
	Reference       float64     `yaml:"reference"`
	People          int         `yaml:"reference_people"`
	Weight          float64     `yaml:"weight"`
	// By replaces bounds for single values of an enum parameter: what is typical
	// of a stay is not typical of a visit.
	By *MeasureBy `yaml:"by"`
}

// MeasureBy holds bounds by the value of an enum parameter.
type MeasureBy struct {
	Parameter string                   `yaml:"parameter"`
	Values    map[string]MeasureBounds `yaml:"values"`
}

// MeasureBounds replace those of a [Measure] that are set.
type MeasureBounds struct {
	Clamp     []int64 `yaml:"clamp"`
	Total     []int64 `yaml:"total"`
	Rows      int     `yaml:"rows"`
	Centre    int64   `yaml:"centre"`
	Reference float64 `yaml:"reference"`
	Unit2     int64   `yaml:"unit2"`
	Total2    int64   `yaml:"total2"`
}

// ReachBy holds the reach by the value of an enum parameter.
type ReachBy struct {
	Parameter string           `yaml:"parameter"`
	Values    map[string]int64 `yaml:"values"`
}

// Derived is a number computed after noise from released ones; [Question.derive]
// says how each kind carries the noise.
//
//	ratio       of / by * scale; of may have an axis, and by the same one
//	share       of / the sum of it over the shown groups that agree on Within
//	funnel      of, a histogram of the furthest step one person reached: how many reached each, and Name_conversion
//	change      of, an axis: its mean from Position on less the mean before, or with Relative over it
//	loss_ratio  of, the benefits, / sum of Factors by Key times by, the exposure; also as a total
//	times       of, an axis, times Factors by position
//	distance    of, an axis: how far the group's distribution is from that of all shown groups, by feature of labels "feature=bin"
//	totals      no number: sums of the shown groups by Within, see [ReleasedTotal]
//	flows       no number: people by step of the paths "A>B>C" in Key, see [Flow]
type Derived struct {
	Name  string `yaml:"name"`
	Title Text   `yaml:"title"`
	Kind  string `yaml:"kind"`
	Unit  string `yaml:"unit"`
	Of    string `yaml:"of"` // numerator
	By    string `yaml:"by"` // denominator (ratio); "people" is always there
	// Scale multiplies the ratio: 365250 turns events per day into events per 1,000 years;
	// for times and loss_ratio, where it may be left out, it multiplies each of Factors.
	Scale float64 `yaml:"scale"`
	// Within, for a share, lists the keys whose shown groups add up to the whole;
	// for totals, the keys that stay.
	Within []string `yaml:"within"`
	// Position is the first one after the event, 0-based, or the integer parameter that says so.
	Position      int    `yaml:"position"`
	PositionParam string `yaml:"position_parameter"`
	Relative      bool   `yaml:"relative"`
	Key           string `yaml:"key"`
	// Factors are public numbers, one per position or per value of Key, or the
	// parameter that lists them.
	Factors      []float64 `yaml:"factors"`
	FactorsParam string    `yaml:"factors_parameter"`
}

// Coarse is the variant for small populations: fewer, larger groups.
type Coarse struct {
	L0   int                `yaml:"l0"`
	Keys map[string]Coarser `yaml:"keys"`
	Axes map[string]Coarser `yaml:"axes"` // by measure
	// Attributes coarsens those of marginals: wider bands, or dropped.
	Attributes map[string]Coarser `yaml:"attributes"`
	Reach      int64              `yaml:"reach"`
}

// Coarser replaces one key's or axis' division, or drops the key.
type Coarser struct {
	Drop  bool   `yaml:"drop"`
	Bands *Bands `yaml:"bands"`
	// Quarters turns a month axis into quarters of the same window.
	Quarters bool `yaml:"quarters"`
}

// Ref names the exact version, "claim-severity@1.0.0".
func (t *Template) Ref() string { return t.ID + "@" + t.Version }

// Digest is the SHA-256 an approval binds: both files, with their lengths.
func (t *Template) Digest() string { return hex.EncodeToString(t.digest[:]) }

func pairDigest(yaml, sql []byte) [32]byte {
	h := sha256.New()
	for _, b := range [][]byte{yaml, sql} {
		var n [8]byte
		for i := range n {
			n[i] = byte(uint64(len(b)) >> (56 - 8*i))
		}
		h.Write(n[:])
		h.Write(b)
	}
	return [32]byte(h.Sum(nil))
}

func (t *Template) parameter(name string) *Parameter {
	for i := range t.Parameters {
		if t.Parameters[i].Name == name {
			return &t.Parameters[i]
		}
	}
	return nil
}
