package dp

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// spreadKinds has the kinds that spread a person: over positions, around a mean,
// over layers of different covers.
func spreadKinds() Spec {
	s := everyKind()
	pos := s.Measures[4].Positions
	s.Measures = []Measure{
		{Name: "v", Unit: "fen", Kind: KindVector, Column: "fee", At: "pos", RowLo: 0, RowHi: 500, Hi: 600, Positions: pos, Reference: 30},
		{Name: "d", Unit: "fen", Kind: KindSpread, Column: "fee", RowLo: 0, RowHi: 500, Rows: 3, Centre: 100, Lo: -300, Hi: 500, Unit2: 10, Hi2: 1600, Reference: 80, ReferenceSD: 75, ReferencePeople: 1000, RowsName: "kept"},
		{Name: "l", Unit: "fen", Kind: KindSeries, Column: "fee", At: "pos", RowLo: 0, RowHi: 500, Lo: 0, Hi: 300, HiAt: []int64{100, 200, 300, 400, 50}, Positions: pos, MaxPositions: 2, Reference: 30},
	}
	return s
}

// By hand: a vector costs one sum of its Hi however long it is, a spread its
// three parts, layers the squares of the two largest covers.
func TestSpreadSensitivities(t *testing.T) {
	c, err := compile(spreadKinds())
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, ch := range c.channels {
		got += fmt.Sprintf("%s cells %d linf %d moved %d delta2 %s\n", ch.name, ch.cells, ch.linf, ch.moved, ch.delta2)
	}
	want := `people cells 1 linf 1 moved 1 delta2 1
v cells 5 linf 600 moved 5 delta2 360000
d/sum cells 1 linf 500 moved 1 delta2 250000
d/rows cells 1 linf 3 moved 1 delta2 9
d/squares cells 1 linf 1600 moved 1 delta2 2560000
l cells 5 linf 400 moved 2 delta2 250000
`
	if got != want {
		t.Errorf("channels:\n%swant:\n%s", got, want)
	}
	s := survivalSpec(4)
	s.Measures[0].Competing = true
	if c, err = compile(s); err != nil {
		t.Fatal(err)
	}
	if ch := c.channels[1]; ch.cells != 12 || ch.linf != 1 || ch.moved != 1 || ch.delta2.Int64() != 1 {
		t.Errorf("competing events: %+v", ch)
	}
}

// At equal cost a vector of 5 filled positions is sqrt(5) times as accurate as a
// series of the same clamp.
func TestVectorIsCheaperThanSeries(t *testing.T) {
	sigma := func(m Measure) float64 {
		s := spreadKinds()
		s.Measures = []Measure{m}
		return mustPrice(t, s, Want{Rho: 0.02}, DeltaRule{Fixed: 1e-9}).Sigmas()[m.Name]
	}
	v := spreadKinds().Measures[0]
	series := v
	series.Kind, series.MaxPositions = KindSeries, 5
	if r := sigma(series) / sigma(v); math.Abs(r-math.Sqrt(5)) > 0.01 {
		t.Errorf("the series has %g times the noise of the vector", r)
	}
}

func TestSpreadRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Spec)
		want   error
	}{
		"vector of negatives":    {func(s *Spec) { s.Measures[0].RowLo = -1 }, ErrBounds},
		"vector from below 0":    {func(s *Spec) { s.Measures[0].Lo = -1 }, ErrBounds},
		"vector from above 0":    {func(s *Spec) { s.Measures[0].Lo = 1 }, ErrBounds},
		"vector without Hi":      {func(s *Spec) { s.Measures[0].Hi = 0 }, ErrBounds},
		"vector, no positions":   {func(s *Spec) { s.Measures[0].Positions = nil }, ErrBounds},
		"vector, no column":      {func(s *Spec) { s.Measures[0].Column = "" }, ErrSpec},
		"vector, people too big": {func(s *Spec) { s.Measures[0].Hi = 1 << 42 }, ErrOverflow},
		"spread, no unit":        {func(s *Spec) { s.Measures[1].Unit2 = 0 }, ErrBounds},
		"spread, negative unit":  {func(s *Spec) { s.Measures[1].Unit2 = -5 }, ErrBounds},
		"spread, vast unit":      {func(s *Spec) { s.Measures[1].Unit2 = 1 << 31 }, ErrBounds},
		"spread, no clamp":       {func(s *Spec) { s.Measures[1].Hi2 = 0 }, ErrBounds},
		"spread, no rows":        {func(s *Spec) { s.Measures[1].Rows = 0 }, ErrBounds},
		"spread, squares of people": {func(s *Spec) {
			s.Measures[1].Hi2 = 1 << 42
		}, ErrOverflow},
		"spread, unit too fine": {func(s *Spec) {
			m := &s.Measures[1]
			m.RowHi, m.Unit2 = 1<<40, 1
		}, ErrOverflow},
		"spread, infinite deviation": {func(s *Spec) { s.Measures[1].ReferenceSD = math.Inf(1) }, ErrSpec},
		"spread, name taken":         {func(s *Spec) { s.Measures[0].Name = "d_sd" }, ErrSpec},
		"spread, rows called people": {func(s *Spec) { s.Measures[1].RowsName = "people" }, ErrSpec},
		"unit on a vector":           {func(s *Spec) { s.Measures[0].Unit2 = 1 }, ErrSpec},
		"square clamp on a series":   {func(s *Spec) { s.Measures[2].Hi2 = 1 }, ErrSpec},
		"layers too few":             {func(s *Spec) { s.Measures[2].HiAt = []int64{1} }, ErrBounds},
		"layer without cover":        {func(s *Spec) { s.Measures[2].HiAt = []int64{1, 2, 0, 4, 5} }, ErrBounds},
		"layer beyond 2^61":          {func(s *Spec) { s.Measures[2].HiAt = []int64{1, 2, 1<<61 + 1, 4, 5} }, ErrOverflow},
		"layer times people":         {func(s *Spec) { s.Measures[2].HiAt = []int64{1, 2, 1 << 42, 4, 5} }, ErrOverflow},
		"layers on a vector":         {func(s *Spec) { s.Measures[0].HiAt = []int64{1, 2, 3, 4, 5} }, ErrSpec},
		"competing vector":           {func(s *Spec) { s.Measures[0].Competing = true }, ErrSpec},
	} {
		s := spreadKinds()
		c.change(&s)
		for what, err := range map[string]error{"Check": s.Check(), "Price": priceErr(s, Want{Rho: 0.1}), "NewTotals": totalsErr(s)} {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %s says %v, want %v", name, what, err, c.want)
			}
		}
	}
	if err := spreadKinds().Check(); err != nil {
		t.Errorf("the good question: %v", err)
	}
}

// Fees of up to 20 wan squared in fen pass 2^63 with 11,530 people; in units of
// 10,000 fen a billion people fit.
func TestSquaresInFenOverflow(t *testing.T) {
	s := spreadKinds()
	s.MaxPeople = 11_530
	s.Measures = s.Measures[1:2]
	m := &s.Measures[0]
	m.RowHi, m.Rows, m.Centre, m.Lo, m.Hi = 20_000_000, 2, 0, 0, 40_000_000
	m.Unit2, m.Hi2 = 1, 800_000_000_000_000
	if err := s.Check(); !errors.Is(err, ErrOverflow) {
		t.Errorf("fen squared: %v, want ErrOverflow", err)
	}
	s.MaxPeople, m.Unit2, m.Hi2 = 1_000_000_000, 10_000, 8_000_000
	if err := s.Check(); err != nil {
		t.Errorf("coarser: %v", err)
	}
}

// Scaling against big numbers is dptest's; here the L1 norm and the proportions.
func TestScaleKeepsWithinHi(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Int64Range(0, 1<<50), 1, 40).Draw(t, "parts")
		hi := rapid.Int64Range(1, 1<<61).Draw(t, "hi")
		total, scaled := int64(0), int64(0)
		for _, x := range parts {
			total += x
		}
		if total <= hi {
			return
		}
		for _, x := range parts {
			y := scale(x, hi, total)
			if want := float64(x) / float64(total) * float64(hi); math.Abs(float64(y)-want) > 1+want*1e-12 {
				t.Fatalf("%d of %d becomes %d, want %g", x, total, y, want)
			}
			scaled += y
		}
		if scaled > hi || scaled < hi-int64(len(parts)) {
			t.Fatalf("parts add up to %d of %d", scaled, hi)
		}
	})
}

// More rows than were declared may saturate a person's total; what is added
// still is at most Hi.
func TestVectorHoldsBeyondItsProof(t *testing.T) {
	s := spreadKinds()
	s.Keys, s.MaxRows, s.MaxPeople = nil, 1, 2
	s.Measures = s.Measures[:1]
	m := &s.Measures[0]
	m.RowHi, m.Hi = 1<<60, 1<<59
	c, err := compile(s)
	if err != nil {
		t.Fatal(err)
	}
	st := newState(c, [16]byte{})
	b := &Batch{Keys: make([][16]byte, 1), Values: make([][]int64, 2)}
	for i := range 50 {
		b.Person, b.Group = append(b.Person, 0), append(b.Group, 0)
		b.Values[0], b.Values[1] = append(b.Values[0], math.MaxInt64), append(b.Values[1], int64(i%5))
	}
	if err := seal(st).AddRange(b); err != nil {
		t.Fatal(err)
	}
	left := m.Hi
	for _, x := range st.cells[1:] {
		if x < 0 || x > left {
			t.Fatalf("cells %v pass %d together", st.cells[1:], m.Hi)
		}
		left -= x
	}
}
