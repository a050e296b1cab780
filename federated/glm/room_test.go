package glm_test

import (
	"errors"
	"math"
	"testing"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A node's noised number fits the secure sum whatever its people are: where it did not,
// the node would stop, uncharged, by its data and its own small share of the noise alone.
// Every plan that is made leaves room for twelve standard deviations besides all declared
// people at their bounds; others are refused before any data are read.
func TestNoiseHasRoom(t *testing.T) {
	params, err := secagg.GLM()
	if err != nil {
		t.Fatal(err)
	}
	made, refused := 0, 0
	for _, nodes := range []int{3, 20, 100} {
		for _, places := range []int{1, 3, 16} {
			for rho := int64(80); rho <= 1e13; rho *= 4 {
				for people, score := range map[int64]float64{1: 1e6, 50: 1e6, 1e4: 0.5, 2_600_000: 0.5, 1 << 28: 0.5} {
					p, err := glm.NewPlan(glm.Spec{
						Family: glm.Poisson, StartMean: 0.3, Rounds: 1, Nodes: nodes, Places: min(places, nodes), PeoplePerNode: people, Rho: rho,
						Response: glm.Response{Name: "y", Unit: "visits", Lo: 0, Hi: 60},
						Features: []glm.Feature{{Name: "x", Unit: "u", Lo: 0, Hi: 1}},
						Caps:     glm.Caps{Weight: 0.5, Score: score, Rows: 1, Exposure: 1, Deviance: 1, Pearson: 1},
					})
					if errors.Is(err, glm.ErrOverflow) {
						refused++
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					made++
					if p.Limit() != params.MaxAbs(nodes) {
						t.Fatalf("%d nodes: the plan takes %d, the secure sum %d", nodes, p.Limit(), params.MaxAbs(nodes))
					}
					room(t, p, nodes, float64(p.Limit()), float64(people))
				}
			}
		}
	}
	if made < 100 || refused < 20 {
		t.Errorf("%d plans are made, %d refused", made, refused)
	}
}

// room wants space for twelve deviations of one node's share in every block.
func room(t *testing.T, p *glm.Plan, nodes int, limit, people float64) {
	t.Helper()
	blocks, err := p.Blocks(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		share := math.Ldexp(p.Sigma(b), p.Bits()) / math.Sqrt(float64(nodes))
		if dev := (limit - float64(b.Clip)*people) / share; dev < 12 {
			t.Errorf("%d nodes of %g people: the noise of %s has room for %.1f of its standard deviations", nodes, people, b.Name, dev)
		}
	}
}
