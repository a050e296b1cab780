package enginetest

import (
	"math/rand/v2"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
)

// peopleAlone certifies the contract's own questions.
func peopleAlone(t *testing.T, h Harness) {
	for _, q := range questions() {
		t.Run(q.name, func(t *testing.T) {
			job, _ := q.draw2(2018)
			Certify(t, h, job, Random(rand.New(rand.NewPCG(11, 0)), 30))
		})
	}
}

// Certify checks on an engine that a job is a map with T(D) = sum of T({p}) over
// its people, and over any partition of them, and that nobody gives nothing
// (DESIGN 5, rule 3). L0 and the caps of rows are taken off first, for what they
// choose depends on a salt that differs from run to run; they are dp's, and
// dp's tests hold them.
func Certify(t *testing.T, h Harness, job queries.Job, world World) {
	t.Helper()
	dir := t.TempDir()
	e := h.Open(t, Domain{Dir: dir})
	job.Spec = unbounded(job.Spec)
	ask := func(w World) []dptest.Group {
		job.Snapshot = Snapshot(t, h.Write, dir, w.Tables()...)
		return dptest.Exact(t, mustRun(t, e, job))
	}
	whole := ask(world)
	if len(whole) == 0 {
		t.Fatal("the whole world gives nothing: the equation says nothing")
	}
	if nothing := ask(World{}); len(nothing) != 0 {
		t.Errorf("nobody gives %d groups", len(nothing))
	}
	people := world.People()
	var alone []dptest.Group
	for _, k := range people {
		alone = sum(alone, ask(world.Only(k)))
	}
	if d := diff(alone, whole); d != "" {
		t.Errorf("people one by one: %s", d)
	}
	r := rand.New(rand.NewPCG(12, 0))
	for range 3 {
		parts := make([][]Key, 2+r.IntN(3))
		for _, k := range people {
			i := r.IntN(len(parts))
			parts[i] = append(parts[i], k)
		}
		var together []dptest.Group
		for _, part := range parts {
			together = sum(together, ask(world.Only(part...)))
		}
		if d := diff(together, whole); d != "" {
			t.Errorf("%d parts: %s", len(parts), d)
		}
	}
}

// unbounded takes off what chooses by hash; clamps stay.
func unbounded(s dp.Spec) dp.Spec {
	const many = 1000
	survival := false
	s.Measures = append([]dp.Measure(nil), s.Measures...)
	for i := range s.Measures {
		m := &s.Measures[i]
		survival = survival || m.Kind == dp.KindSurvival
		if m.Rows > 0 {
			m.Rows = many
		}
		if m.Kind == dp.KindSeries {
			m.MaxPositions = len(m.Positions)
		}
	}
	if !survival {
		s.L0 = many
	}
	return s
}

// sum adds groups cell by cell.
func sum(a, b []dptest.Group) []dptest.Group {
	for _, g := range b {
		into := dptest.Find(a, g.Keys...)
		if into == nil {
			cells := map[string][]int64{}
			for name, c := range g.Cells {
				cells[name] = append([]int64(nil), c...)
			}
			a = append(a, dptest.Group{Keys: g.Keys, Cells: cells})
			continue
		}
		for name, c := range g.Cells {
			for i, v := range c {
				into.Cells[name][i] += v
			}
		}
	}
	return a
}
