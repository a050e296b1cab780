package federated

import (
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated/glm"
)

// networkYAML makes the test's card one of a multi-layer perceptron.
func networkYAML(card string) string {
	return strings.Replace(strings.Replace(card, "  start_mean: 0.3\n", "  start_mean: 0.3\n  network: {hidden: [4], seed: 7, rate: 0.5, momentum: 0.5}\n", 1),
		"privacy: {rho: 0.5, places: 1}", "privacy: {rho: 0.4, places: 1}", 1)
}

// A network trains over the same protocol: without noise the state is the one that the
// people at one place give, bit by bit; with noise all nodes have the same; and both
// verify.
func TestPooledNetwork(t *testing.T) {
	for _, noise := range []bool{false, true} {
		w := newWorldOf(t, 2, 40, networkYAML)
		w.noise = noise
		w.openNodes().run()
		var first glm.Coefficients
		for _, p := range w.parties {
			if !p.node.Done() || p.node.Model() != nil {
				t.Fatalf("%s: done %v, %q", p.name, p.node.Done(), p.node.Stopped())
			}
			if first == nil {
				first = p.node.State()
			}
			if p.node.State().Hash() != first.Hash() {
				t.Fatal("another state at another node")
			}
		}
		w.charged(2)
		if same := first.Hash() == w.pooledNetwork().Hash(); same == noise {
			t.Errorf("noise %v, and the state is the pooled one: %v", noise, same)
		}
		o := VerifyOptions{unprotected: unprotected}
		if noise {
			o.unprotected = nil
		}
		v, err := Verify(w.parties[2].dir, o)
		must(t, err)
		if !v.Done || v.State.Hash() != first.Hash() || v.Fit != nil {
			t.Errorf("%+v", v)
		}
		d := w.parties[0].ledger.Requests()[0].Sigmas["gradient"]
		if d < 1 || d > 10 {
			t.Errorf("sigma %g", d)
		}
	}
}

func (w *world) pooledNetwork() glm.Coefficients {
	w.t.Helper()
	n, err := w.card.Network()
	must(w.t, err)
	work := unprotected(n)
	var rows []glm.Row
	for _, p := range w.parties {
		rows = append(rows, p.rows...)
	}
	data, err := work.NewData(rows)
	must(w.t, err)
	state := work.Start()
	for r := range work.Rounds() {
		sums, err := work.Encode(data, r, state)
		must(w.t, err)
		noise, err := work.DrawNoise(r)
		must(w.t, err)
		sum, err := sums.Noisy(noise)
		must(w.t, err)
		state, _, _, err = advance(work, r, state, sum)
		must(w.t, err)
	}
	return state
}

func TestNetworkCard(t *testing.T) {
	w := newWorldOf(t, 2, 1, networkYAML)
	text, err := w.card.Text()
	must(t, err)
	for _, want := range []string{"multi-layer perceptron", "hidden layers of [4]", "Nothing can be predicted", "more than 87"} {
		if !strings.Contains(text, want) {
			t.Errorf("the card does not say %q:\n%s", want, text)
		}
	}
	b, err := w.card.JSON()
	must(t, err)
	_, err = ReadCard(b)
	must(t, err)
	bad := strings.Replace(w.yaml, "seed: 7", "seed: -7", 1)
	_, err = ParseCard("card.yaml", []byte(bad))
	mustBe(t, err, ErrCard)
}
