package dp

import (
	"math"
	"testing"
)

// A curve's band is wider than its noise by the error of the sample, and the
// prediction says both: 1,000 people of whom one half are left at the end.
func TestBandsNameTheirParts(t *testing.T) {
	s := survivalSpec(12)
	s.Measures[0].Reference = 0.5
	p, err := Price(s, Want{Rho: 0.1}, DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	name := s.Measures[0].Name
	noise, err1 := p.HalfWidth(name, 1000)
	band, err2 := p.HalfWidth(name+"_band", 1000)
	if want := math.Hypot(noise, z95*math.Sqrt(0.25/1000)); err1 != nil || err2 != nil || math.Abs(band-want) > 1e-9 {
		t.Errorf("band %g, want %g (%v, %v)", band, want, err1, err2)
	}
	m, cells := p.c.measures[0], make([]int64, 24)
	for j := range 12 {
		cells[2*j+1] = 42 // events
	}
	cells[22] = 496 // left at the end
	sigma := p.Sigmas()[name]
	for _, x := range m.survival(cells, sigma, 20) {
		inside := x.Low <= x.Noise[0] && x.Noise[0] <= x.Value && x.Value <= x.Noise[1] && x.Noise[1] <= x.High
		if !inside || x.High-x.Low <= x.Noise[1]-x.Noise[0] {
			t.Errorf("%s: %g [%g, %g], noise alone %v", x.At, x.Value, x.Low, x.High, *x.Noise)
		}
		if x.At == m.Positions[11] {
			if got := (x.High - x.Low) / 2; math.Abs(got-band) > 0.1*band {
				t.Errorf("the band at the end is %g, predicted %g", got, band)
			}
		}
	}
}

// Where a mean is half of what is usual, its error is that of the row count too.
func TestMeanAwayFromItsReference(t *testing.T) {
	s := peopleSpec()
	s.Columns = []string{"x"}
	s.Measures = []Measure{{Name: "m", Unit: "fen", Kind: KindMean, Column: "x", Rows: 6, RowHi: 20_000_000, Lo: -8_400_000, Hi: 18_600_000, Centre: 1_400_000, Reference: 1_400_000}}
	p, err := Price(s, Want{Rho: 0.1}, DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	usual, _ := p.HalfWidth("m", 1000)
	half, err := p.HalfWidth("m_half", 1000)
	sum, rows := p.Sigmas()["m/sum"], p.Sigmas()["m/rows"]
	if want := z95 * math.Hypot(sum, 700_000*rows) / 1000; err != nil || half <= usual || math.Abs(half-want) > 0.05*want {
		t.Errorf("half-width %g at half of the reference, want %g; %g at it (%v)", half, want, usual, err)
	}
}
