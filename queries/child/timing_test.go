//go:build duckdb_arrow

package child_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// side is a domain that is asked on end, and what its clients could time.
type side struct {
	runner *queries.Runner
	ledger *ledger.Ledger
	who    map[string]string // audience -> principal
	cost   float64           // of each question
	full   bool              // it has people
	asked  []float64         // how long a request took to be taken on, in seconds
	came   []float64         // how long after it was due an answer came
}

// newSide answers in this process, where an answer has more to disturb than in one of
// its own, by a clock that is ahead: answers are due at its whole seconds.
func newSide(t *testing.T, p place, a queries.Answerer, ahead time.Duration, questions int) *side {
	t.Helper()
	dir, err := os.MkdirTemp(memory(), "timing-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	now := func() time.Time { return time.Now().Add(ahead) }
	r, l := p.runnerOf(t, a, dir, now, "undeclared: 2s", "undeclared: 5s", "{epsilon: 10, delta: 1e-9}", "{epsilon: 100, delta: 9e-4}")
	s := &side{runner: r, ledger: l, who: map[string]string{}, cost: 10 / float64(questions)}
	for _, x := range r.Policy.Principals {
		s.who[string(x.Roles[0])] = x.ID
	}
	return s
}

// memory is a folder of a file system that does not wait for a disk, where there is
// one: what others write there is no matter here.
func memory() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

// question is the nth about a template: about a year or some days less.
func (s *side) question(t *queries.Template, n int) queries.Request {
	given := maps.Clone(t.Example)
	first := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n%300)
	given["window"] = first.Format(time.DateOnly) + ".." + first.AddDate(1, 0, -1-n/300).Format(time.DateOnly)
	if given["event"] != "" {
		given["event"] = first.AddDate(0, 6, 0).Format(time.DateOnly)
	}
	return queries.Request{Template: t.Ref(), Coarse: true, Cost: s.cost, Parameters: given, AllowEmpty: true}
}

// allowed makes a question one that somebody may ask, for some purpose.
func (s *side) allowed(ctx context.Context, t *queries.Template, q queries.Request) (who string, _ queries.Request) {
	for _, a := range t.Audiences {
		for _, p := range append([]string{""}, t.Purposes...) {
			who, q.Purpose = s.who[a], p
			if _, err := s.runner.Estimate(ctx, who, q); err == nil {
				return who, q
			}
		}
	}
	return who, q
}

// ask asks the nth question about a template and times its answer. One that missed its
// slot never comes: that is later than all that do.
func (s *side) ask(ctx context.Context, t *queries.Template, n int) (asked, came float64, err error) {
	who, req := s.allowed(ctx, t, s.question(t, n))
	began := time.Now()
	ticket, err := s.runner.Ask(ctx, who, req, "")
	if err != nil {
		return 0, 0, err
	}
	asked = time.Since(began).Seconds()
	if ticket, err = s.runner.Wait(ctx, who, ticket.ID); err != nil {
		return 0, 0, err
	}
	came = s.runner.Now().Sub(ticket.Due).Seconds()
	switch {
	case !ticket.Charged || ticket.State != queries.Released && ticket.State != queries.Abandoned:
		err = fmt.Errorf("%+v", ticket)
	case ticket.State == queries.Abandoned:
		came = math.Inf(1)
	}
	return asked, came, err
}

// sizes tells how many leaves of a log have which size.
func (s *side) sizes(t *testing.T) map[int]int {
	out := map[int]int{}
	for i := range s.ledger.Size() {
		_, raw, err := s.ledger.Leaf(i)
		if err != nil {
			t.Fatal(err)
		}
		out[len(raw)]++
	}
	return out
}

// auc is the chance that a number of a is below one of b, ties counting half: the
// area under the curve of whoever tells the two apart by them (Hanley and McNeil,
// Radiology 143, 1982).
func auc(a, b []float64) float64 {
	type one struct {
		x float64
		a bool
	}
	var all []one
	for _, x := range a {
		all = append(all, one{x, true})
	}
	for _, x := range b {
		all = append(all, one{x, false})
	}
	slices.SortFunc(all, func(p, q one) int { return cmp.Compare(p.x, q.x) })
	below, sum := 0.0, 0.0
	for i := 0; i < len(all); {
		j, as := i, 0.0
		for ; j < len(all) && all[j].x == all[i].x; j++ {
			if all[j].a {
				as++
			}
		}
		sum += float64(j-i)*below - as*below + as*(float64(j-i)-as)/2
		below += as
		i = j
	}
	return sum / float64(len(a)) / float64(len(b))
}

// fewSides is how many domains of each kind are asked in the short run, once in every
// second, and mostSides how many at most.
const fewSides, mostSides = 20, 60

// besides is about what a request costs that is none of the engine's work.
const besides = 5 * time.Millisecond

// timed is an Answerer that tells how long its last answer took.
type timed struct {
	queries.Answerer
	took time.Duration
}

func (a *timed) Answer(ctx context.Context, o *queries.Order) (*dp.Table, error) {
	began := time.Now()
	defer func() { a.took = time.Since(began) }()
	return a.Answerer.Answer(ctx, o)
}

// sidesOf is how many domains of each kind keep the machine three quarters busy: with more
// of them answers would miss their slots.
func sidesOf(t *testing.T, p place, e queries.Engine, tpl *queries.Template) int {
	a := &timed{Answerer: queries.InProcess(e)}
	s := newSide(t, p, a, 0, 100)
	for n := range 2 { // the first warms up
		if _, _, err := s.ask(t.Context(), tpl, n); err != nil {
			t.Fatal(err)
		}
	}
	return min(mostSides, max(2, int(0.4*float64(runtime.GOMAXPROCS(0))/(a.took+besides).Seconds())))
}

// TestTimeTellsNothing asks domains with people and domains that have nobody whom a
// question is about, so that their answers are noise alone, the same questions; their
// clocks are set apart, so that answers are due one after the other. When answers come,
// and how long requests take to be taken on, tells the two kinds apart with an area of
// 0.52 at most, of 10,000 answers to each: of equal times that fails once in a million
// (4.9 deviations of the Mann-Whitney statistic). Of fewer answers the bar is where it
// fails as seldom. The leaves of all logs have the same sizes.
func TestTimeTellsNothing(t *testing.T) {
	which, each := []string{"I2", "I3", "R1"}, 2000
	if os.Getenv("QUNXIANG_LONG") != "" {
		which, each = nil, 10_000
	}
	full, none := newPlace(t, 4000), newPlace(t, 1)
	engines := [2]*duckdb.Engine{}
	for i, p := range []place{full, none} {
		e, err := duckdb.Open(duckdb.Options{Domain: p.dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		engines[i] = e
	}
	for _, tpl := range full.catalog.Templates() {
		if which != nil && !slices.Contains(which, tpl.Catalogue) || tpl.Example["window"] == "" {
			continue
		}
		t.Run(tpl.Catalogue, func(t *testing.T) {
			var sides []*side
			many := fewSides
			if which == nil {
				many = sidesOf(t, full, engines[0], tpl)
			}
			questions := (each + many - 1) / many
			for i, turn := range rand.Perm(2 * many) { // who is due when is chance
				ahead := time.Duration(turn) * time.Second / time.Duration(2*many)
				if s := newSide(t, []place{full, none}[i%2], queries.InProcess(engines[i%2]), ahead, questions); i%2 == 0 {
					s.full, sides = true, append(sides, s)
				} else {
					sides = append(sides, s)
				}
			}
			var all sync.WaitGroup
			for _, s := range sides {
				all.Go(func() { s.askOn(t, tpl, questions) })
			}
			if all.Wait(); !t.Failed() {
				compare(t, sides)
			}
		})
	}
}

// askOn asks a question at some time of every second.
func (s *side) askOn(t *testing.T, tpl *queries.Template, questions int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	defer all.Wait()
	second := time.Now()
	for n := range questions {
		second = second.Add(time.Second)
		time.Sleep(time.Until(second.Add(rand.N(time.Second))))
		if t.Failed() {
			return
		}
		all.Go(func() {
			asked, came, err := s.ask(t.Context(), tpl, n)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("question %d: %v", n, err)
			}
			s.asked, s.came = append(s.asked, asked), append(s.came, came)
		})
	}
}

// compare tells domains with people from those without by what was timed.
func compare(t *testing.T, sides []*side) {
	var asked, came [2][]float64
	kind := map[bool]int{true: 1}
	for _, s := range sides {
		i := kind[s.full]
		asked[i], came[i] = append(asked[i], s.asked...), append(came[i], s.came...)
		if a, b := sides[0].sizes(t), s.sizes(t); !reflect.DeepEqual(a, b) {
			t.Errorf("leaves have the sizes %v, and %v", a, b)
		}
	}
	each := len(came[0])
	late := 0
	for _, x := range slices.Concat(came[0], came[1]) {
		if math.IsInf(x, 1) {
			late++
		}
	}
	if t.Logf("%d answers missed their slots", late); late > each/20 {
		t.Errorf("so many say little of when answers come: is the machine busy?")
	}
	bar := max(0.52, 0.5+4.9*math.Sqrt(float64(2*each+1)/12)/float64(each))
	for _, x := range []struct {
		what string
		area float64
	}{
		{"answers come", auc(came[0], came[1])}, {"requests are taken on", auc(asked[0], asked[1])},
	} {
		t.Logf("when %s: %.4f of %d and %d (at most %.4f)", x.what, max(x.area, 1-x.area), each, each, bar)
		if max(x.area, 1-x.area) > bar {
			t.Errorf("when %s tells data from noise", x.what)
		}
	}
}

// The area is a half of what is alike, ties or not, and grows with what differs.
func TestAUC(t *testing.T) {
	for _, x := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3}, []float64{4, 5}, 1},
		{[]float64{4, 5}, []float64{1, 2, 3}, 0},
		{[]float64{1, 1}, []float64{1, 1, 1}, 0.5},
		{[]float64{1, 3}, []float64{2}, 0.5},
		{[]float64{1, 2}, []float64{2, 3}, 0.875},
		{[]float64{math.Inf(1), 1}, []float64{1, math.Inf(1)}, 0.5},
	} {
		if got := auc(x.a, x.b); got != x.want {
			t.Errorf("%v against %v: %v, want %v", x.a, x.b, got, x.want)
		}
	}
}
