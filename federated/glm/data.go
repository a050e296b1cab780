package glm

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// Row is one record of one person, in the contract's units. It prints as "redacted".
type Row struct {
	Person   string // the privacy unit; rows of one person need not be adjacent
	Response float64
	Exposure float64 // Required if Spec.Exposure, else 0; its logarithm is the offset
	Weight   float64 // Required if Spec.Weights, else 0
	Values   []Value // one per feature, in the contract's order
}

// Format writes "redacted" under every verb.
func (r Row) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// LogValue is "redacted".
func (r Row) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes "redacted"; JSON takes it too.
func (r Row) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalBinary writes "redacted"; gob takes it too.
func (r Row) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }

// Value is a number or a level. It prints as "redacted".
type Value struct {
	Number float64
	Level  string // of a factor
}

// Format writes "redacted" under every verb.
func (v Value) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// LogValue is "redacted".
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes "redacted"; JSON takes it too.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalBinary writes "redacted"; gob takes it too.
func (v Value) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }

// Data is one node's design matrix, checked against the contract. It prints as
// "redacted".
type Data struct {
	columns int
	people  []person
	offsets []float64
	weights []float64
	y       []float64
	expo    []float64
	// entries of row r are at index[start[r]:start[r+1]], by rising column.
	start []int
	index []int32
	value []float64
}

// person is a run of rows.
type person struct{ from, to int }

// Format writes "redacted" under every verb.
func (d *Data) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// LogValue is "redacted".
func (d *Data) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes "redacted".
func (d *Data) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// NewData checks rows against the contract and builds the design matrix: the
// preflight check and the reading are one. A *FieldError names the first field,
// in the contract's order, that any row breaks; it says nothing of where or how
// often. Rows of a person are used in an order that does not depend on theirs.
func (p *Plan) NewData(rows []Row) (*Data, error) { return p.contract.read(rows) }

// contract is what rows must keep.
type contract struct {
	spec   Spec
	design *design
}

func (c *contract) read(rows []Row) (*Data, error) {
	if err := c.preflight(rows); err != nil {
		return nil, err
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rows[a].Person, rows[b].Person) })
	d := &Data{columns: len(c.design.columns), start: []int{0}}
	for i, r := range order {
		if i == 0 || rows[r].Person != rows[order[i-1]].Person {
			d.people = append(d.people, person{from: i, to: i})
		}
		d.people[len(d.people)-1].to++
		c.appendRow(d, &rows[r])
	}
	return d, nil
}

func (c *contract) appendRow(d *Data, r *Row) {
	offset, weight, exposure := 0.0, 1.0, 1.0
	if c.spec.Exposure {
		exposure = r.Exposure
		offset = log(exposure)
	}
	if c.spec.Weights {
		weight = r.Weight
	}
	d.offsets = append(d.offsets, offset)
	d.weights = append(d.weights, weight)
	d.expo = append(d.expo, exposure)
	d.y = append(d.y, r.Response/c.spec.Response.Scale)
	d.add(0, 1)
	for i, f := range c.design.features {
		v := r.Values[i]
		if c.design.places[i] == nil {
			d.add(c.design.first[i], f.scaled(v.Number))
		} else if at := c.design.places[i][v.Level]; at >= 0 {
			d.add(at, 1)
		}
	}
	d.start = append(d.start, len(d.index))
}

func (d *Data) add(column int, x float64) {
	if x != 0 {
		d.index = append(d.index, int32(column))
		d.value = append(d.value, x)
	}
}

// preflight finds the first field, in the contract's order, that fails.
func (c *contract) preflight(rows []Row) error {
	s := &c.spec
	fail := func(field, why string) error { return &FieldError{Field: field, Why: why} }
	every := func(ok func(*Row) bool) bool {
		for i := range rows {
			if !ok(&rows[i]) {
				return false
			}
		}
		return true
	}
	if !every(func(r *Row) bool { return r.Person != "" }) {
		return fail("person", "missing")
	}
	if !every(func(r *Row) bool { return len(r.Values) == len(c.design.features) }) {
		return fail("features", "another number of features than the contract")
	}
	if !every(func(r *Row) bool { return r.Response >= s.Response.Lo && r.Response <= s.Response.Hi }) {
		return fail(s.Response.Name, "out of range")
	}
	if s.Exposure && !every(func(r *Row) bool { return r.Exposure > 0 && r.Exposure <= s.Caps.Exposure }) {
		return fail("exposure", "not positive or above the cap")
	}
	if s.Weights && !every(func(r *Row) bool { return r.Weight >= 0 && r.Weight <= maxWeight }) {
		return fail("weight", "negative or too large")
	}
	for i, f := range c.design.features {
		if places := c.design.places[i]; places != nil {
			if !every(func(r *Row) bool { _, ok := places[r.Values[i].Level]; return ok }) {
				return fail(f.Name, "a level that the contract does not list")
			}
		} else if !every(func(r *Row) bool { v := r.Values[i].Number; return v >= f.Lo && v <= f.Hi }) {
			return fail(f.Name, "out of range")
		}
	}
	return c.preflightPeople(rows)
}

// preflightPeople holds the declared number of rows per person. How many people there
// are is nobody's business: see Encode.
func (c *contract) preflightPeople(rows []Row) error {
	count := map[string]int{}
	for i := range rows {
		if count[rows[i].Person]++; count[rows[i].Person] > c.spec.Caps.Rows {
			return &FieldError{Field: "person", Why: "more rows than the cap"}
		}
	}
	return nil
}
