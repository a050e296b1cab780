package enginetest

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// Domain is what an engine is opened on.
type Domain struct {
	Dir string // its directory; every snapshot in it may be asked for
	// OptOuts lists who opted out before an epoch.
	OptOuts func(epoch int64) ([][16]byte, error)
}

// Harness makes engines for the contract.
type Harness struct {
	Write dataset.Opener // how snapshots are written
	// Open opens an engine and closes it with the test. It should use small
	// ranges of people and more than one worker, so that a handful of people
	// are in several ranges.
	Open func(t *testing.T, d Domain) queries.Engine
}

// Run holds an engine to its contract.
func Run(t *testing.T, h Harness) {
	t.Run("BruteForce", func(t *testing.T) { bruteForce(t, h) })
	t.Run("OptOuts", func(t *testing.T) { optOuts(t, h) })
	t.Run("PeopleAlone", func(t *testing.T) { peopleAlone(t, h) })
	t.Run("NobodysRows", func(t *testing.T) { nobodysRows(t, h) })
	t.Run("Totality", func(t *testing.T) { totality(t, h) })
	t.Run("HeavyPerson", func(t *testing.T) { heavyPerson(t, h) })
	t.Run("Canary", func(t *testing.T) { canary(t, h) })
	t.Run("Ends", func(t *testing.T) { ends(t, h) })
	t.Run("ReadOnly", func(t *testing.T) { readOnly(t, h) })
}

// worlds are made once per test: writing a snapshot takes longer than asking it.
type worlds struct {
	worlds []World
	ids    []string
	dir    string
}

func makeWorlds(t *testing.T, h Harness, sizes ...int) *worlds {
	t.Helper()
	w := &worlds{dir: t.TempDir()}
	for i, n := range sizes {
		world := Random(rand.New(rand.NewPCG(7, uint64(i))), n)
		w.worlds = append(w.worlds, world)
		w.ids = append(w.ids, Snapshot(t, h.Write, w.dir, world.Tables()...))
	}
	return w
}

func (w *worlds) draw(rt *rapid.T) (World, string) {
	i := rapid.IntRange(0, len(w.worlds)-1).Draw(rt, "world")
	return w.worlds[i], w.ids[i]
}

// bruteForce compares every cell with a computation that shares nothing with
// the engine but dp's hash, for any question, window and bounds.
func bruteForce(t *testing.T, h Harness) {
	fewer(t)
	w := makeWorlds(t, h, 0, 1, 40, 120)
	e := h.Open(t, Domain{Dir: w.dir})
	for _, q := range questions() {
		t.Run(q.name, func(t *testing.T) {
			groups := 0
			rapid.Check(t, func(rt *rapid.T) {
				world, id := w.draw(rt)
				job, twin := q.draw(rt)
				job.Snapshot = id
				totals, err := e.Run(context.Background(), job)
				if err != nil {
					rt.Fatalf("run: %v", err)
				}
				want := dptest.Bounded(t, totals, twin(world))
				groups += len(want)
				if d := diff(dptest.Exact(t, totals), want); d != "" {
					rt.Fatal(d)
				}
			})
			if groups == 0 {
				t.Error("no question had an answer: the comparison says nothing")
			}
		})
	}
}

// fewer sets rapid's default of 100 checks to 40 for this test: each is a whole
// run of an engine. A number given on the command line stays.
func fewer(t *testing.T) {
	f := flag.Lookup("rapid.checks")
	if f == nil || f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set("40"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
}

// diff tells where two lists of groups differ, or "".
func diff(got, want []dptest.Group) string {
	a, b := byKeys(got), byKeys(want)
	for _, name := range slices.Sorted(maps.Keys(b)) {
		g, ok := a[name]
		if !ok {
			return fmt.Sprintf("group %s is missing", name)
		}
		for channel, cells := range b[name].Cells {
			if !slices.Equal(g.Cells[channel], cells) {
				return fmt.Sprintf("group %s: %s is %v, want %v", name, channel, g.Cells[channel], cells)
			}
		}
	}
	for name := range a {
		if _, ok := b[name]; !ok {
			return fmt.Sprintf("group %s should not be there", name)
		}
	}
	return ""
}

func byKeys(groups []dptest.Group) map[string]dptest.Group {
	out := map[string]dptest.Group{}
	for _, g := range groups {
		out[fmt.Sprintf("%q", g.Keys)] = g
	}
	return out
}

// optOuts: who opted out before the epoch leaves exactly; who did in it stays.
func optOuts(t *testing.T, h Harness) {
	w := makeWorlds(t, h, 120)
	world := w.worlds[0]
	const epoch = 5
	registered := map[Key]int64{{}: 0} // the first is of nobody here
	for i, k := range world.People() {
		if i%3 == 0 {
			registered[k] = int64(3 + i%4) // epochs 3 to 6
		}
	}
	e := h.Open(t, Domain{Dir: w.dir, OptOuts: func(epoch int64) (out [][16]byte, err error) {
		for k, at := range registered {
			if at < epoch {
				out = append(out, k)
			}
		}
		return out, nil
	}})
	for _, q := range questions() {
		job, twin := q.fixed(2017)
		for _, epoch := range []int64{0, epoch, epoch + 1, 100} {
			var stay []Key
			for _, k := range world.People() {
				if at, ok := registered[k]; !ok || at >= epoch {
					stay = append(stay, k)
				}
			}
			job.Snapshot, job.Epoch = w.ids[0], epoch
			totals := mustRun(t, e, job)
			want := dptest.Bounded(t, totals, twin(world.Only(stay...)))
			if len(want) == 0 {
				t.Fatalf("%s: nobody is left", q.name)
			}
			if d := diff(dptest.Exact(t, totals), want); d != "" {
				t.Errorf("%s in epoch %d: %s", q.name, epoch, d)
			}
		}
	}
}

// fixed is one job of the family.
func (q question) fixed(seed int) (queries.Job, func(World) []dptest.Row) {
	type both struct {
		job  queries.Job
		twin func(World) []dptest.Row
	}
	b := rapid.Custom(func(rt *rapid.T) both {
		job, twin := q.draw(rt)
		return both{job, twin}
	}).Filter(func(b both) bool {
		v := b.job.Views[len(b.job.Views)-1]
		return v.To.Sub(v.From).Hours() > 300*24 && v.From.Year() >= 2016 && v.To.Year() <= 2018 && v.Codes == nil
	}).Example(seed)
	return b.job, b.twin
}

func mustRun(t *testing.T, e queries.Engine, j queries.Job) *dp.Totals {
	t.Helper()
	totals, err := e.Run(context.Background(), j)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return totals
}
