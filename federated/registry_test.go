package federated

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/glm/glmtest"
)

// modelOf is a plan's numbers as a card has them.
func modelOf(s glm.Spec) Model {
	m := Model{
		Family: s.Family, Power: s.Power, Theta: s.Theta, Ridge: s.Ridge, StartMean: s.StartMean, Rounds: s.Rounds,
		Exposure: s.Exposure, Weights: s.Weights, Caps: Caps(s.Caps), Bits: s.Bits,
		Response: Response{s.Response.Name, s.Response.Unit, [2]float64{s.Response.Lo, s.Response.Hi}, s.Response.Scale},
	}
	for _, f := range s.Features {
		g := Feature{Name: f.Name, Unit: f.Unit}
		for _, l := range f.Levels {
			g.CodeList, g.Levels = f.Name+"@1", append(g.Levels, Level(l))
		}
		if f.Levels == nil {
			g.Range = &[2]float64{f.Lo, f.Hi}
		}
		m.Features = append(m.Features, g)
	}
	return m
}

// registryWorld is a job of a task of the registry, split over nodes.
func registryWorld(t *testing.T, k glmtest.Task, s glmtest.Split, records []glmtest.Record) *world {
	t.Helper()
	var organisations []string
	for i := range s.Nodes {
		organisations = append(organisations, fmt.Sprint("Organisation ", i))
	}
	spec := k.Spec(s.Nodes)
	model, err := json.Marshal(modelOf(spec)) // JSON is YAML too
	must(t, err)
	w := newWorldFor(t, organisations, 1, 1, func(card string) string {
		from, to := strings.Index(card, "model:"), strings.Index(card, "until:")
		people := fmt.Sprintf("expect: {people: %d, people_per_node: %d}\n", spec.PeoplePerNode, spec.PeoplePerNode)
		return card[:from] + "model: " + string(model) + "\nprivacy: {rho: 0.5, places: 1}\n" + people + card[to:]
	})
	for i, rows := range s.Rows(k, records) {
		w.parties[i].rows = rows
	}
	return w
}

// The whole protocol on a real registry, noise and clipping off: coefficients and
// standard errors of every family equal the pooled fit of an independent tool to 1e-6,
// and are the same bits however people are split, as long as they are kept whole. How
// the expected values were made is in glm/testdata. QUNXIANG_LONG has all splits over 3,
// 5 and 20 nodes; else all families run over three, and one over people that are cut.
func TestPooledRegistry(t *testing.T) {
	records, want := glmtest.Registry(t), glmtest.Pooled(t, "glm/testdata/pooled.json")
	long := os.Getenv("QUNXIANG_LONG") != ""
	for _, k := range glmtest.Tasks() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			var first glm.Coefficients
			for _, s := range glmtest.Splits() {
				if cut := s.Nodes == 5 && !s.Whole && k.Name == "poisson"; !long && s.Nodes != 3 && !cut {
					continue
				}
				w := registryWorld(t, k, s, records).openNodes().run()
				fit := w.sameModel()
				plan, err := w.card.Plan()
				must(t, err)
				glmtest.Compare(t, s.Name, fit, want[k.Name], plan.Names())
				if first == nil {
					first = fit.Coefficients
				}
				if s.Whole && first.Hash() != fit.Coefficients.Hash() {
					t.Errorf("%s: other bits than the first split", s.Name)
				}
				w.charged(w.card.Model.Rounds)
				w.close()
			}
		})
	}
}

// close ends a job's parties, so that a test of many jobs holds one.
func (w *world) close() {
	w.t.Helper()
	for i, p := range w.parties {
		w.kill(i)
		must(w.t, p.ledger.Close())
		p.ledger, p.rows = nil, nil
	}
	must(w.t, w.c.Close())
	must(w.t, os.RemoveAll(w.dir))
}
