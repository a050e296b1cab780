package duckdb

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

// frame turns the rows of one range into a [dp.Batch]. It belongs to one
// worker and is used again for its next range.
type frame struct {
	keys    []keyReader
	columns []queries.IntColumn
	radix   []int // values of each key; nil if a key is private
	groups  *groupCodes
	people  personIndex
	batch   dp.Batch
	code    []int32 // group of each row of the record; -1 drops the row
	value   []int64
}

func newFrame(s *statement, spec dp.Spec, totals *dp.Totals) *frame {
	f := &frame{keys: s.keys, columns: s.columns, radix: spec.Radix()}
	f.batch.Values = make([][]int64, len(s.columns))
	if f.radix == nil {
		f.groups = newGroupCodes(s.keys, totals)
	}
	return f
}

func (f *frame) reset() {
	f.people.reset()
	f.batch.Person, f.batch.Group = f.batch.Person[:0], f.batch.Group[:0]
	for c := range f.batch.Values {
		f.batch.Values[c] = f.batch.Values[c][:0]
	}
}

// add takes the rows of one record: psn_key, then the keys, then the measure
// columns. Rows without psn_key or with a key outside the public values are
// dropped here, before any bounding.
func (f *frame) add(r arrow.RecordBatch) error {
	if int(r.NumCols()) != 1+len(f.keys)+len(f.columns) {
		return errShape
	}
	person, ok := r.Column(0).(*array.Decimal128)
	if !ok {
		return errShape
	}
	if err := f.codes(r); err != nil {
		return err
	}
	for i, code := range f.code {
		if code < 0 || person.IsNull(i) {
			f.code[i] = -1
			continue
		}
		k := person.Value(i)
		f.batch.Person = append(f.batch.Person, f.people.number(k.LowBits(), uint64(k.HighBits())))
		f.batch.Group = append(f.batch.Group, code)
	}
	f.batch.Keys = f.people.keys
	for c, column := range f.columns {
		if err := f.integers(r.Column(1+len(f.keys)+c), column); err != nil {
			return err
		}
		out := f.batch.Values[c]
		for i, code := range f.code {
			if code >= 0 {
				out = append(out, f.value[i])
			}
		}
		f.batch.Values[c] = out
	}
	return nil
}

// integers reads a BIGINT column into f.value: divided, then banded.
func (f *frame) integers(a arrow.Array, c queries.IntColumn) error {
	col, ok := a.(*array.Int64)
	if !ok {
		return errShape
	}
	f.value = append(f.value[:0], col.Int64Values()...)
	for i, v := range f.value {
		if c.Source > 1 {
			v = floorDiv(v, c.Source)
		}
		if c.Bands != nil {
			v = int64(c.Bands.Position(v))
		}
		f.value[i] = v
	}
	if col.NullN() > 0 {
		for i := range f.value {
			if col.IsNull(i) {
				f.value[i] = dp.Null
			}
		}
	}
	return nil
}

func floorDiv(v, by int64) int64 {
	q := v / by
	if v%by < 0 {
		q--
	}
	return q
}

// codes fills f.code with the group of each row.
func (f *frame) codes(r arrow.RecordBatch) error {
	n := int(r.NumRows())
	if cap(f.code) < n {
		f.code = make([]int32, n)
	}
	f.code = f.code[:n]
	clear(f.code)
	for k, reader := range f.keys {
		column := r.Column(1 + k)
		if f.groups != nil {
			if err := f.groups.add(k, reader, column, f.code); err != nil {
				return err
			}
			continue
		}
		radix := int32(f.radix[k])
		if err := eachPosition(reader, column, func(i int, p int32) {
			if f.code[i] < 0 || p < 0 {
				f.code[i] = -1
			} else {
				f.code[i] = f.code[i]*radix + p
			}
		}); err != nil {
			return err
		}
	}
	if f.groups != nil {
		return f.groups.resolve(f.code)
	}
	return nil
}

// eachPosition gives the position of every row's key among its public values, or -1.
func eachPosition(k keyReader, a arrow.Array, yield func(row int, position int32)) error {
	if k.kind == keyBands {
		col, ok := a.(*array.Int64)
		if !ok {
			return errShape
		}
		for i, v := range col.Int64Values() {
			if col.IsNull(i) {
				yield(i, -1)
			} else {
				yield(i, k.bands.Position(v))
			}
		}
		return nil
	}
	col, ok := a.(*array.Int32)
	if !ok {
		return errShape
	}
	first := int32(0)
	if k.kind == keyPosition {
		first = 1
	}
	for i, v := range col.Int32Values() {
		if col.IsNull(i) {
			yield(i, -1)
		} else {
			yield(i, v-first)
		}
	}
	return nil
}
