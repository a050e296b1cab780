package dp

import (
	"encoding/binary"

	"github.com/qunxiang/qunxiang/dp/internal/siphash"
)

// scratch is the working memory of one worker, reused from person to person.
type scratch struct {
	ends, order []int32 // see sortByPerson

	mark    []mark // by group code
	stamp   uint32 // of the person at hand
	local   []int32
	counts  []int32
	which   []int32 // per row: its local group
	grouped []int32 // rows, group by group
	chosen  []int32 // local groups

	who    identity
	ranks  []rank
	kept   [][]int32 // per selection
	series axis
}

// identity gives the hash prefix of the person and group at hand, worked out
// only if something has to be chosen.
type identity struct {
	salt      siphash.Key
	key       [16]byte // psn_key
	word      uint64   // of the group
	person    siphash.State
	group     siphash.State
	hasPerson bool
	hasGroup  bool
}

func (w *identity) ofPerson() *siphash.State {
	if !w.hasPerson {
		w.person = siphash.New(w.salt).
			Word(binary.LittleEndian.Uint64(w.key[:8])).
			Word(binary.LittleEndian.Uint64(w.key[8:]))
		w.hasPerson = true
	}
	return &w.person
}

func (w *identity) inGroup() *siphash.State {
	if !w.hasGroup {
		w.group = w.ofPerson().Word(w.word)
		w.hasGroup = true
	}
	return &w.group
}

// mark says that the person at hand has rows in a group.
type mark struct {
	stamp uint32
	local int32
}

// rank is a candidate (group, row or position) and its hash.
type rank struct {
	hash uint64
	item int32
}

func newScratch(c *compiled) scratch {
	s := scratch{kept: make([][]int32, len(c.selections))}
	for _, m := range c.measures {
		if m.Kind == KindSeries || m.Kind == KindVector {
			s.series.resize(len(m.Positions))
		}
	}
	return s
}

// addPerson bounds and adds one person: at most L0 groups, then each measure
// within each.
func (s *state) addPerson(b *Batch, key [16]byte, rows []int32) {
	s.split(b, rows)
	s.who.key, s.who.hasPerson = key, false
	if len(s.local) == 1 {
		s.addGroup(b, s.local[0], rows)
		return
	}
	if len(s.local) <= s.c.spec.L0 {
		from := int32(0)
		for l, g := range s.local {
			to := from + s.counts[l]
			s.addGroup(b, g, s.grouped[from:to])
			from = to
		}
		return
	}
	from := int32(0)
	for l, n := range s.counts { // counts become ends
		from += n
		s.counts[l] = from
	}
	for _, l := range s.chooseGroups() {
		from := int32(0)
		if l > 0 {
			from = s.counts[l-1]
		}
		s.addGroup(b, s.local[l], s.grouped[from:s.counts[l]])
	}
}

// split sorts a person's rows by group: local lists the groups, counts their
// rows, grouped the rows (only if there is more than one group).
func (s *state) split(b *Batch, rows []int32) {
	s.stamp++
	if s.stamp == 0 { // wrapped: old marks would look new
		clear(s.mark)
		s.stamp = 1
	}
	s.local, s.counts = s.local[:0], s.counts[:0]
	if oneGroup(b, rows) { // the usual case
		s.local = append(s.local, b.Group[rows[0]])
		return
	}
	s.which = resize(s.which, len(rows))
	for i, r := range rows {
		m := &s.mark[b.Group[r]]
		if m.stamp != s.stamp {
			*m = mark{s.stamp, int32(len(s.local))}
			s.local = append(s.local, b.Group[r])
			s.counts = append(s.counts, 0)
		}
		s.counts[m.local]++
		s.which[i] = m.local
	}
	at := int32(0)
	for l, n := range s.counts {
		s.counts[l] = at
		at += n
	}
	s.grouped = resize(s.grouped, len(rows))
	for i, r := range rows {
		l := s.which[i]
		s.grouped[s.counts[l]] = r
		s.counts[l]++
	}
	for l := len(s.counts) - 1; l > 0; l-- { // ends become counts again
		s.counts[l] -= s.counts[l-1]
	}
}

func oneGroup(b *Batch, rows []int32) bool {
	first := b.Group[rows[0]]
	for _, r := range rows[1:] {
		if b.Group[r] != first {
			return false
		}
	}
	return true
}

// chooseGroups is the L0 local groups with the smallest hash of salt, psn_key and
// group, ties broken by the group's own key.
func (s *state) chooseGroups() []int32 {
	person := s.who.ofPerson()
	s.ranks = s.ranks[:0]
	for l, g := range s.local {
		s.ranks = append(s.ranks, rank{person.SumWord(s.words[g]), int32(l)})
	}
	l0 := s.c.spec.L0
	smallest(s.ranks, l0, func(a, b int32) bool { return s.keyLess(s.local[a], s.local[b]) })
	s.chosen = s.chosen[:0]
	for _, r := range s.ranks[:l0] {
		s.chosen = append(s.chosen, r.item)
	}
	return s.chosen
}

// keyLess orders groups by their canonical keys.
func (s *state) keyLess(a, b int32) bool {
	x := string(s.canonical(s.nameOf(int(a))))
	return x < string(s.canonical(s.nameOf(int(b))))
}

// addGroup adds one person's rows in one group.
func (s *state) addGroup(b *Batch, g int32, rows []int32) {
	base := int(g) * s.c.stride
	s.cells[base]++
	s.who.word, s.who.hasGroup = s.words[g], false
	for i := range s.c.selections {
		if sel := &s.c.selections[i]; sel.rows > 0 && len(rows) > sel.rows {
			s.kept[i] = s.keep(b, sel, rows, s.kept[i][:0])
		} else {
			s.kept[i] = s.kept[i][:0]
		}
	}
	for i := range s.c.measures {
		m := &s.c.measures[i]
		if m.selection < 0 {
			s.addSurvival(b, m, base, rows)
			continue
		}
		kept := rows
		if k := s.kept[m.selection]; len(k) > 0 {
			kept = k
		}
		s.addMeasure(b, m, base, kept)
	}
}

// eligible says whether a row counts for a selection.
func (sel *selection) eligible(b *Batch, r int32) bool {
	if sel.col >= 0 && b.Values[sel.col][r] == Null {
		return false
	}
	return sel.at < 0 || uint64(b.Values[sel.at][r]) < uint64(sel.positions)
}

// keep appends to into the rows with the smallest hashes when there are more
// eligible ones than the selection allows, and nothing when all may stay.
func (s *state) keep(b *Batch, sel *selection, rows, into []int32) []int32 {
	s.ranks = s.ranks[:0]
	for _, r := range rows {
		if sel.eligible(b, r) {
			s.ranks = append(s.ranks, rank{item: r})
		}
	}
	if len(s.ranks) <= sel.rows {
		return into
	}
	s.hashRows(b, s.ranks)
	smallest(s.ranks, sel.rows, func(x, y int32) bool {
		for _, col := range b.Values {
			if col[x] != col[y] {
				return col[x] < col[y]
			}
		}
		return false // rows with equal values are interchangeable
	})
	for _, x := range s.ranks[:sel.rows] {
		into = append(into, x.item)
	}
	return into
}

// hashRows sets the hash of psn_key, group and the values of each row.
func (s *state) hashRows(b *Batch, ranks []rank) {
	prefix := s.who.inGroup()
	if len(b.Values) == 0 {
		for i := range ranks {
			ranks[i].hash = prefix.Sum()
		}
		return
	}
	first, last := b.Values[:len(b.Values)-1], b.Values[len(b.Values)-1]
	for i, x := range ranks {
		h := *prefix
		for _, col := range first {
			h = h.Word(uint64(col[x.item]))
		}
		ranks[i].hash = h.SumWord(uint64(last[x.item]))
	}
}

// smallest puts the k smallest elements of x, by hash, ties by less, into its
// front; what follows them is arbitrary. k is at most len(x).
func smallest(x []rank, k int, less func(a, b int32) bool) {
	before := func(a, b rank) bool {
		return a.hash < b.hash || a.hash == b.hash && less(a.item, b.item)
	}
	if k <= 16 { // insertion: most elements fail the first comparison
		for i, v := range x {
			j := min(i, k-1)
			if i >= k && !before(v, x[j]) {
				continue
			}
			for ; j > 0 && before(v, x[j-1]); j-- {
				x[j] = x[j-1]
			}
			x[j] = v
		}
		return
	}
	// Hoare's quickselect; hashes are random, so the middle is a good pivot.
	lo, hi := 0, len(x)-1
	for lo < hi {
		pivot := x[lo+(hi-lo)/2]
		i, j := lo, hi
		for i <= j {
			for before(x[i], pivot) {
				i++
			}
			for before(pivot, x[j]) {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case k-1 <= j:
			hi = j
		case k-1 >= i:
			lo = i
		default:
			return
		}
	}
}
