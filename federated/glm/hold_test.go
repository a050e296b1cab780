package glm

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whoever is there beyond the declared number of people, no data are refused, and the
// sums are the exact ones taken to what the declared number can add.
func TestPeopleAreNotCounted(t *testing.T) {
	s := small(Poisson)
	s.PeoplePerNode = 12
	p := plan(t, s)
	row := Row{Response: 50, Values: []Value{{Number: 0}, {Number: 5}, {Level: "west"}}}
	person := func(i int) []Row {
		row.Person = fmt.Sprint(i)
		return []Row{row, row}
	}
	one, cut := encode(t, p, person(0), 3, p.Start()), false
	var rows []Row
	for people := 1; people <= 60; people++ {
		rows = append(rows, person(people)...)
		got := encode(t, p, rows, 3, p.Start())
		for _, b := range p.rounds[3] {
			for i := b.From; i < b.To; i++ {
				want := int64(people) * one[i]
				if most := 12 * b.Clip; want > most || want < -most {
					want, cut = max(min(want, most), -most), true
				}
				if got[i] != want {
					t.Fatalf("%d people: %s has %d, want %d", people, b.Name, got[i], want)
				}
			}
		}
	}
	if !cut {
		t.Fatal("nothing was cut off")
	}
}

// However many people there are, and however large a card makes their numbers, sums do
// not wrap: the exact sum of a million people, which takes more than 64 bits, is cut off
// at the same place as that of a few.
func TestHoldDoesNotWrap(t *testing.T) {
	s := small(Linear)
	s.PeoplePerNode, s.Response = 3, Response{Name: "y", Lo: -1e6, Hi: 1e6}
	s.Caps = Caps{Weight: 2, Score: 1e6, Rows: 64, Deviance: 5, Pearson: 5}
	p := plan(t, s)
	for _, y := range []float64{1e6, -1e6} {
		var rows []Row
		for range 64 {
			rows = append(rows, Row{Person: "p", Response: y, Values: []Value{{Number: 50}, {}, {Level: "north"}}})
		}
		d, err := p.NewData(rows)
		if err != nil {
			t.Fatal(err)
		}
		one, err := p.Encode(d, 0, p.Start())
		if err != nil {
			t.Fatal(err)
		}
		g := p.rounds[0][1]
		exact := new(big.Int).Mul(big.NewInt(one.values[g.From]), big.NewInt(1<<20))
		if exact.IsInt64() {
			t.Fatalf("a million times %d does not wrap", one.values[g.From])
		}
		d.people = slices.Repeat(d.people, 1<<20)
		for i := range d.people {
			d.people[i].to = d.people[i].from + 1 // a row is enough
		}
		all, err := p.Encode(d, 0, p.Start())
		if err != nil {
			t.Fatal(err)
		}
		want := 3 * g.Clip
		if y < 0 {
			want = -want
		}
		if got := all.values[g.From]; got != want {
			t.Errorf("a million people at %g add %d, want %d", y, got, want)
		}
	}
}

// Numbers are carried between people and put together again: whatever is added, in
// whichever pieces, the sum is the one of big integers, cut off.
func TestCarryIsExact(t *testing.T) {
	s := small(Poisson)
	s.PeoplePerNode = 2
	p := plan(t, s)
	b := p.rounds[0][0]
	rapid.Check(t, func(t *rapid.T) {
		e := &encoder{plan: p, blocks: p.rounds[0], out: make([]int64, p.Cells()), high: make([]int64, p.Cells())}
		sum := new(big.Int)
		for range rapid.IntRange(0, 40).Draw(t, "people") {
			x := rapid.Int64Range(-1<<60, 1<<60).Draw(t, "x")
			if rapid.Bool().Draw(t, "small") {
				x %= 2 * b.Clip
			}
			sum.Add(sum, big.NewInt(x))
			e.out[b.From] += x
			e.carry()
		}
		e.hold()
		most := big.NewInt(2 * b.Clip)
		switch {
		case sum.CmpAbs(most) > 0 && sum.Sign() > 0:
			sum.Set(most)
		case sum.CmpAbs(most) > 0:
			sum.Neg(most)
		}
		if !sum.IsInt64() || sum.Int64() != e.out[b.From] {
			t.Fatalf("%d, want %d", e.out[b.From], sum)
		}
	})
}

// What a node puts into the secure sum is what it has room for, however unlikely its
// noise: no draw makes a node stop.
func TestNoisedSumsKeepTheLimit(t *testing.T) {
	p := plan(t, small(Poisson))
	d, err := p.NewData([]Row{goodRow()})
	if err != nil {
		t.Fatal(err)
	}
	sums, err := p.Encode(d, 0, p.Start())
	if err != nil {
		t.Fatal(err)
	}
	noise := &Noise{of: p, values: make([]int64, p.Cells())}
	noise.values[0], noise.values[1] = 1<<61, -1<<61
	own := sums.values[2]
	got, err := sums.Noisy(noise)
	if err != nil || got[0] != p.Limit() || got[1] != -p.Limit() || got[2] != own {
		t.Errorf("%v, %v", got[:3], err)
	}
}
