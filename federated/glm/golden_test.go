package glm

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// fixedRows are people that every machine makes alike: integers only.
func fixedRows(f Family, people int) []Row {
	r := rand.New(rand.NewChaCha8([32]byte{7}))
	var rows []Row
	for i := range people {
		for range 1 + r.IntN(3) {
			y := float64(r.IntN(6))
			switch f {
			case Logistic:
				y = float64(r.IntN(2))
			case Gamma:
				y = float64(1+r.IntN(40)) / 8
			}
			rows = append(rows, Row{Person: fmt.Sprint(i), Response: y, Values: []Value{
				{Number: float64(r.IntN(101))}, {Number: float64(r.IntN(81)-40) / 8},
				{Level: []string{"north", "south", "west"}[r.IntN(3)]}}})
		}
	}
	return rows
}

// golden holds, per family, the first bytes of the hash of the coefficients after
// four clipped rounds without noise. They are the same on every machine, or the
// parties of a job could not sign one model.
var golden = map[Family]string{
	Linear:   "dd2876d9b8bb83fd",
	Logistic: "676bad3456a8762a",
	Poisson:  "a3845be89c5eabb3",
	Gamma:    "8afe1caf20090295",
	Tweedie:  "7591ec391ae9f021",
	NegBin:   "3ea9f989cd3e7fb3",
}

func TestGolden(t *testing.T) {
	for _, f := range families {
		p := plan(t, small(f))
		d, err := p.NewData(fixedRows(f, 300))
		if err != nil {
			t.Fatal(err)
		}
		beta := p.Start()
		for r := range p.Rounds() {
			sums, err := p.Encode(d, r, beta)
			if err != nil {
				t.Fatal(err)
			}
			q := *p
			q.unprotected = true // the floor of noise aside
			if beta, _, err = q.Step(r, beta, sums.values); err != nil {
				t.Fatal(err)
			}
		}
		hash := beta.Hash()
		if got := hex.EncodeToString(hash[:8]); got != golden[f] {
			t.Errorf("%s: %q, want %q (%v)", f, got, golden[f], beta.Floats())
		}
	}
}

func TestCoefficientsBytes(t *testing.T) {
	c := Coefficients{0, 1, -1, maxCoefficient, -maxCoefficient}
	back, err := ParseCoefficients(c.Bytes())
	if err != nil || !slices.Equal(back, c) {
		t.Fatal(back, err)
	}
	if hex.EncodeToString(c.Bytes()[:17]) != hex.EncodeToString([]byte("qx-coefficients/1")) || len(c.Bytes()) != 17+8+5*8 {
		t.Error("another form")
	}
	for name, b := range map[string][]byte{
		"empty": nil, "no tag": make([]byte, 40), "short": c.Bytes()[:30], "long": append(c.Bytes(), 0),
		"out of range": Coefficients{maxCoefficient + 1}.Bytes(), "a count that lies": append([]byte(coefficientTag), 255, 255, 255, 255, 255, 255, 255, 255),
	} {
		if _, err := ParseCoefficients(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Bytes and ParseCoefficients are inverses, and no bytes make it fail otherwise.
func FuzzParseCoefficients(f *testing.F) {
	f.Add(Coefficients{1, -2}.Bytes())
	f.Add([]byte(coefficientTag))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCoefficients(b)
		if err == nil && !slices.Equal(c.Bytes(), b) {
			t.Fatal("not canonical")
		}
	})
}
