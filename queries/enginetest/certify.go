package enginetest

import (
	"math/rand/v2"
	"testing"

	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/dp/proof"
	"github.com/qunxiang/qunxiang/queries"
)

// peopleAlone certifies the contract's own questions.
func peopleAlone(t *testing.T, h Harness) {
	parts := Divide(t, h, Random(rand.New(rand.NewPCG(11, 0)), 9))
	for _, q := range questions() {
		t.Run(q.name, func(t *testing.T) {
			job, _ := q.fixed(2018)
			parts.Certify(t, job)
		})
	}
}

// Parts is a world as snapshots: whole, nobody, everyone alone, and some
// partitions of the people.
type Parts struct {
	engine         queries.Engine
	whole, nothing string
	divisions      [][]string
}

// Divide writes the snapshots and opens an engine on them.
func Divide(t *testing.T, h Harness, world World) *Parts {
	t.Helper()
	dir := t.TempDir()
	write := func(w World) string { return Snapshot(t, h.Write, dir, w.Tables()...) }
	p := &Parts{engine: h.Open(t, Domain{Dir: dir}), whole: write(world), nothing: write(World{})}
	people := world.People()
	alone := make([]string, len(people))
	for i, k := range people {
		alone[i] = write(world.Only(k))
	}
	p.divisions = append(p.divisions, alone)
	r := rand.New(rand.NewPCG(12, 0))
	for range 2 {
		parts := make([][]Key, 2+r.IntN(2))
		for _, k := range people {
			i := r.IntN(len(parts))
			parts[i] = append(parts[i], k)
		}
		var ids []string
		for _, part := range parts {
			ids = append(ids, write(world.Only(part...)))
		}
		p.divisions = append(p.divisions, ids)
	}
	return p
}

// Certify checks that a job is a map with T(D) = sum of T({p}) over its people,
// and over any partition of them, and that nobody gives nothing (DESIGN 5, rule
// 3). L0 and the caps of rows are taken off first, for what they choose depends
// on a salt that differs from run to run; they are dp's, and dp's tests hold them.
func (p *Parts) Certify(t *testing.T, job queries.Job) {
	t.Helper()
	job.Spec = proof.Unbound(job.Spec)
	ask := func(id string) []dptest.Group {
		job.Snapshot = id
		return dptest.Exact(t, mustRun(t, p.engine, job))
	}
	whole := ask(p.whole)
	if len(whole) == 0 {
		t.Fatal("the whole world gives nothing: the equation says nothing")
	}
	if nothing := ask(p.nothing); len(nothing) != 0 {
		t.Errorf("nobody gives %d groups", len(nothing))
	}
	for _, ids := range p.divisions {
		var together []dptest.Group
		for _, id := range ids {
			together = sum(together, ask(id))
		}
		if d := diff(together, whole); d != "" {
			t.Errorf("%d parts: %s", len(ids), d)
		}
	}
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
