package secagg

import (
	"testing"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// A panic of the lattice library is an error, and ends the attempt.
func TestPanicsBecomeErrors(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseCTCom)
	a := c.nodes[0]
	a.lat.b = ring.Poly{} // what no message can do
	mustBe(t, a.Input(c.values[0]), ErrInternal)
	gone(t, a)

	c = newCluster(t, tinyG(t), 3, 9).until(PhaseCT)
	c.collect(PhaseCT)
	c.nodes[0].sums[0] = ring.Poly{}
	mustBe(t, c.deliverTo(0, PhaseCT), ErrInternal)
	gone(t, c.nodes[0])

	c = newCluster(t, tinyG(t), 3, 9).until(PhaseShare)
	_, err := c.nodes[0].Cross(func([]byte) error { panic("the journal's fault") })
	mustBe(t, err, ErrInternal)
	gone(t, c.nodes[0])
}

// Sets the library cannot work with are errors too.
func TestUnusableSets(t *testing.T) {
	good := set{name: "x", logN: 5, primes: []uint64{prime0, prime1, prime2}, logT: 62, digits: 1, width: 62, flood: 104}
	for what, change := range map[string]func(*set){
		"composite":    func(s *set) { s.primes = []uint64{prime0, 1<<60 - 1, prime2} },
		"twice":        func(s *set) { s.primes = []uint64{prime0, prime0, prime2} },
		"no transform": func(s *set) { s.primes = []uint64{prime0, 1152921504606846883, prime2} },
		"no primes":    func(s *set) { s.primes = nil },
		"degree":       func(s *set) { s.logN = 30 },
	} {
		s := good
		change(&s)
		if _, err := newParams(s); err == nil {
			t.Errorf("%s: usable", what)
		}
	}
}
