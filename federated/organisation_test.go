package federated

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// An organisation knows the noise of all its nodes and can take it away without
// colluding with anybody: what a card charges must hold against each of them, and a card
// that says less is none.
func TestAttackNoiseOfOneOrganisation(t *testing.T) {
	const a, b, c = "North Mutual", "South Life", "Pharma East"
	for _, tt := range []struct {
		organisations []string
		most          int
	}{
		{[]string{a, b, c}, 1},
		{[]string{a, a, a, b, c}, 3},
		{[]string{a, b, b, c, b, a}, 3},
		{[]string{a, "NORTH mutual", b, c}, 2},
	} {
		w := newWorldFor(t, tt.organisations, 2, 1, nil)
		if w.card.Privacy.Colluders != tt.most {
			t.Fatalf("%q: the card says %d colluders, want %d", tt.organisations, w.card.Privacy.Colluders, tt.most)
		}
		p, err := w.card.Plan()
		must(t, err)
		for r := range p.Rounds() {
			charged, err := p.RoundCost(r)
			must(t, err)
			alone, err := p.RoundCostAgainst(r, tt.most)
			must(t, err)
			if alone.Rho > charged.Rho || alone.Delta > charged.Delta {
				t.Errorf("%q: charged %v, against one organisation alone it costs %v", tt.organisations, charged, alone)
			}
		}
		text, err := w.card.Text()
		must(t, err)
		if said := strings.Contains(text, fmt.Sprintf("alone has %d nodes", tt.most)); said != (tt.most > 1) {
			t.Errorf("%q: the card says %v of how many nodes one organisation has", tt.organisations, said)
		}
		w.colluders(tt.most)
		w.close()
	}
}

// colluders wants no card with fewer, one with as many and one with more, whether an
// author writes it or a folder has it.
func (w *world) colluders(most int) {
	w.t.Helper()
	b, err := w.card.JSON()
	must(w.t, err)
	for n := 1; n <= most+1; n++ {
		_, err := ParseCard("card.yaml", []byte(strings.Replace(w.yaml, "{rho: 0.5, places: 1}", fmt.Sprintf("{rho: 0.5, places: 1, colluders: %d}", n), 1)))
		stored := bytes.Replace(b, fmt.Appendf(nil, `"colluders":%d`, most), fmt.Appendf(nil, `"colluders":%d`, n), 1)
		_, read := ReadCard(stored)
		if n >= most {
			must(w.t, err)
			must(w.t, read)
			continue
		}
		mustBe(w.t, err, ErrCard)
		mustBe(w.t, read, ErrCard)
	}
}
