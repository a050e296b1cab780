package federated

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/federated/glm"
)

// laden is a trainer whose work on rows takes a time.
type laden struct {
	trainer
	busy func()
}

func (l laden) Encode(d *glm.Data, r int, state glm.Coefficients) (*glm.Sums, error) {
	l.busy()
	return l.trainer.Encode(d, r, state)
}

// observer is what a coordinator with a clock sees of a node.
type observer struct {
	wire
	now func() time.Time
	saw []string
}

func (o *observer) note(what string) {
	o.saw = append(o.saw, o.now().Format("15:04:05.000 ")+what)
}

func (o *observer) Post(ctx context.Context, p Posting) error {
	o.note(fmt.Sprintf("posts %d of %d bytes in attempt %d", p.Sort, len(p.Body), p.Attempt))
	return o.wire.Post(ctx, p)
}

func (o *observer) Poll(ctx context.Context, from Place) ([]Item, Place, error) {
	o.note("polls")
	return o.wire.Poll(ctx, from)
}

func (o *observer) Fetch(ctx context.Context, at Place) ([]byte, error) {
	o.note("fetches")
	return o.wire.Fetch(ctx, at)
}

// watched trains a job, on a card with a pace of a second, in which node 0 takes so long
// to read rows and so long to work on them, and opt-outs come into force in each round.
// It gives what the coordinator sees of it and when each attempt was opened.
func watched(t *testing.T, reading, working time.Duration) (saw []string, opened []time.Time) {
	w := newWorldOf(t, 3, 12, func(y string) string { return strings.Replace(y, "share: 3600", "share: 3600, pace_ms: 1000", 1) })
	var until time.Time // node 0 is busy
	own := func() time.Time {
		if until.After(w.now) {
			return until
		}
		return w.now
	}
	take := func(d time.Duration) { until = own().Add(d) }
	day := dayOf(w.clock)()
	see := &observer{wire: wire{w}, now: own}
	w.parties[0].transport = see
	for i := range w.parties {
		o := w.options(i)
		o.unprotected = func(p trainer) trainer { return laden{unprotected(p), func() {}} }
		if i == 0 {
			o.Now = own
			o.unprotected = func(p trainer) trainer { return laden{unprotected(p), func() { take(working) }} }
			rows := o.Rows
			o.Rows = func(ctx context.Context) ([]glm.Row, error) { take(reading); return rows(ctx) }
			o.Epoch = func() int64 { return day - 1 + int64(w.c.Status().Round) }
			o.Log = func(text string) {
				if strings.Contains(text, "begins") {
					opened = append(opened, w.now)
				}
			}
		}
		var err error
		w.parties[i].node, err = OpenNode(ctx, o)
		must(t, err)
	}
	w.now = w.now.Add(24 * time.Hour) // three rounds have three epochs
	w.run()
	for _, p := range w.parties {
		if !p.node.Done() {
			t.Fatalf("%s: %q", p.name, p.node.Stopped())
		}
	}
	return see.saw, opened
}

// However many rows a node has, it posts, polls and fetches at the same moments, as long
// as they take it less than the card's pace.
func TestAnswerTimesTellNothing(t *testing.T) {
	few, opened := watched(t, time.Millisecond, 2*time.Millisecond)
	many, _ := watched(t, 550*time.Millisecond, 440*time.Millisecond)
	if len(opened) != 3 || len(few) < 50 {
		t.Fatalf("%d attempts, %d calls", len(opened), len(few))
	}
	if !slices.Equal(few, many) {
		for i := range few {
			if i >= len(many) || few[i] != many[i] {
				t.Fatalf("call %d: %s with few rows, %s with many", i, few[i], many[min(i, len(many)-1)])
			}
		}
		t.Fatalf("%d calls with few rows, %d with many", len(few), len(many))
	}
}

// A node that is not ready by the first moment speaks at a later one of the grid, and at
// the same whatever it took up to there.
func TestLateAnswersFallOnTheGrid(t *testing.T) {
	late, opened := watched(t, 1100*time.Millisecond, 1100*time.Millisecond)
	later, _ := watched(t, 1900*time.Millisecond, 1050*time.Millisecond)
	if !slices.Equal(late, later) {
		t.Fatal("2.2 and 2.95 seconds of work are told apart")
	}
	on := watchedMoments(late)
	for _, at := range opened[1:] { // rows are read and worked on
		next := slices.IndexFunc(on, func(m time.Time) bool { return m.After(at) })
		if got := on[next].Sub(at); got != 3*time.Second {
			t.Errorf("asked at %v, the next call came after %v", at, got)
		}
	}
}

// watchedMoments are the times of the calls.
func watchedMoments(saw []string) (out []time.Time) {
	for _, s := range saw {
		at, _ := time.Parse("15:04:05.000", s[:12])
		out = append(out, time.Date(2026, 1, 6, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC))
	}
	return out
}

// The grid begins with the question; its first moment is one step later, and no moment
// comes before the work is done.
func TestGrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(0, 1e9).Draw(t, "from"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns"))
		step := time.Duration(rapid.Int64Range(1e6, 1e11).Draw(t, "step"))
		took := time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "took"))
		at := onGrid(from, from.Add(took), step)
		k := at.Sub(from)
		if k%step != 0 || k < step || k < took || k > step && k-step >= took {
			t.Fatalf("after %v of work in steps of %v it speaks after %v", took, step, k)
		}
	})
}

// The pace is the card's, or follows from the card alone.
func TestPace(t *testing.T) {
	w := newWorld(t, 1, 12)
	if got := w.card.pace(20); got != 100*time.Millisecond+400*time.Microsecond {
		t.Errorf("for 10,000 people the pace is %v", got)
	}
	w.card.Expect.PeoplePerNode = 1 << 40
	if got := w.card.pace(1e6); got != 15*time.Second {
		t.Errorf("the longest is %v", got)
	}
	w.card.Expect.PeoplePerNode = 10
	if got := w.card.pace(20); got != leastPace {
		t.Errorf("the shortest is %v", got)
	}
	for _, bad := range []string{"-1", "30001"} {
		_, err := ParseCard("card.yaml", []byte(strings.Replace(w.yaml, "share: 3600", "share: 3600, pace_ms: "+bad, 1)))
		mustBe(t, err, ErrCard)
	}
}
