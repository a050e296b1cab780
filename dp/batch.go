package dp

import (
	"fmt"
	"math"
)

// Batch is the rows of a range of persons, in any order: all rows of every
// person in it. A person whose rows are spread over two batches is bounded twice,
// which breaks the guarantee and cannot be seen from here: the caller cuts
// ranges by person.
type Batch struct {
	Person []uint32   // of row i: index into Keys
	Keys   [][16]byte // psn_key of each person, all different
	Group  []int32    // of row i: code from Group or Spec.Radix; -1 means no group, the row is dropped
	Values [][]int64  // Values[c][i]: column c of row i, in the order of Spec.Columns; Null for none
}

// AddRange bounds the contribution of every person in the batch and adds it. It
// depends on each person's rows as a set, not on their order, and on no other
// person's. ErrBatch, ErrPeople or ErrReleased leave the totals as they were.
func (t *Totals) AddRange(b *Batch) error {
	s, err := t.state()
	if err != nil {
		return err
	}
	if err := s.checkBatch(b); err != nil { // before anything is touched
		return err
	}
	people, err := s.sortByPerson(b)
	if err != nil {
		return err
	}
	if people > s.c.spec.MaxPeople-s.people {
		return ErrPeople
	}
	s.people += people
	from := int32(0)
	for p, to := range s.ends {
		if to > from {
			s.addPerson(b, b.Keys[p], s.order[from:to])
		}
		from = to
	}
	return nil
}

func (s *state) checkBatch(b *Batch) error {
	if b == nil {
		return fmt.Errorf("%w: none", ErrBatch)
	}
	n := len(b.Person)
	if len(b.Group) != n || len(b.Values) != len(s.c.spec.Columns) || n > math.MaxInt32 {
		return fmt.Errorf("%w: columns", ErrBatch)
	}
	for _, v := range b.Values {
		if len(v) != n {
			return fmt.Errorf("%w: columns", ErrBatch)
		}
	}
	return nil
}

// sortByPerson is a counting sort: afterwards order holds the rows that have a
// group, person by person, and ends[p] where those of person p end. It returns
// how many persons have any.
func (s *state) sortByPerson(b *Batch) (people int64, err error) {
	n := len(b.Keys)
	s.ends = resize(s.ends, n)
	clear(s.ends)
	groups, ends := uint32(len(s.words)), s.ends
	for i, p := range b.Person {
		g := b.Group[i]
		if int(p) >= n || g < -1 || g >= 0 && uint32(g) >= groups {
			return 0, fmt.Errorf("%w: person or group out of range", ErrBatch)
		}
		if g >= 0 {
			ends[p]++
		}
	}
	total := int32(0)
	for p, c := range ends {
		if c > 0 {
			people++
		}
		ends[p] = total // where p starts; the next loop moves it to the end
		total += c
	}
	s.order = resize(s.order, int(total))
	order := s.order
	for i, p := range b.Person {
		if b.Group[i] >= 0 {
			order[ends[p]] = int32(i)
			ends[p]++
		}
	}
	return people, nil
}

// resize gives a slice of length n, reusing x. Its content is arbitrary.
func resize[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n, n+n/4)
	}
	return x[:n]
}
