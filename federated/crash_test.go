package federated

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

var errKilled = errors.New("killed")

// mortal is a party's way to the world, on which it dies at one chosen call: before
// the call has any effect, or after it.
type mortal struct {
	Books
	w       *world
	i       int
	calls   int
	at      int
	on      string // or the first call of this name
	round   int    // in this round
	after   bool
	dead    bool
	what    string // the call it died at
	shares  map[string][]byte
	charges int
}

// die counts a call; it is told before the call whether it is the last.
func (m *mortal) call(what string, do func() error) error {
	if m.dead {
		return errKilled
	}
	if m.calls++; m.calls != m.at && (what != m.on || m.w.parties[m.i].node.Round() != m.round) {
		return do()
	}
	m.dead, m.what, m.on = true, what, ""
	if m.after {
		_ = do()
	}
	return errKilled
}

func (m *mortal) Post(ctx context.Context, p Posting) error {
	return m.call(m.name(p), func() error {
		m.once(p)
		return m.w.heart.post(m.w, p, m.name(p))
	})
}

func (m *mortal) name(p Posting) string {
	switch p.Sort {
	case SortMessage:
		return fmt.Sprintf("post %v", secagg.Phase(p.Body[0]))
	case SortPart:
		return fmt.Sprintf("post part %d", p.Body[0])
	}
	return fmt.Sprintf("post sort %d", p.Sort)
}

// once fails the test if another share leaves for an attempt than before.
func (m *mortal) once(p Posting) {
	share := p.Sort == SortMessage && secagg.Phase(p.Body[0]) == secagg.PhaseShare
	sealed := p.Sort == SortPart && secagg.Kind(p.Body[0]) == secagg.Sealed
	if !share && !sealed {
		return
	}
	key := fmt.Sprint(p.Sort, p.Attempt)
	if old, ok := m.shares[key]; ok && !bytes.Equal(old, p.Body) {
		m.w.t.Errorf("node %d sent a second share for attempt %d", m.i, p.Attempt)
	}
	m.shares[key] = bytes.Clone(p.Body)
	if _, ok := m.w.bookkeeper(m.i).Charged(m.w.parties[m.i].node.job)[p.Attempt]; !ok {
		m.w.t.Errorf("node %d sends a share of attempt %d without a charge", m.i, p.Attempt)
	}
}

func (m *mortal) Poll(ctx context.Context, since Place) ([]Item, Place, error) {
	if m.dead {
		return nil, since, errKilled
	}
	return wire{m.w}.Poll(ctx, since)
}

func (m *mortal) Fetch(ctx context.Context, at Place) ([]byte, error) {
	if m.dead {
		return nil, errKilled
	}
	return wire{m.w}.Fetch(ctx, at)
}

func (m *mortal) Charge(ctx context.Context, s Spend) error {
	return m.call("charge", func() error { m.charges++; return m.Books.Charge(ctx, s) })
}

// mortals makes every party mortal; none dies unless told to.
func (w *world) mortals() []*mortal {
	w.t.Helper()
	var list []*mortal
	for i := range w.parties {
		m := &mortal{w: w, i: i, shares: map[string][]byte{}}
		list = append(list, m)
		w.openMortal(m)
	}
	return list
}

func (w *world) openMortal(m *mortal) {
	w.t.Helper()
	m.Books = w.bookkeeper(m.i)
	o := w.options(m.i)
	o.Books, o.Transport = m, m
	n, err := OpenNode(ctx, o)
	must(w.t, err)
	w.parties[m.i].node = n
}

// bury drops a dead party and brings it back from disk.
func (w *world) bury(m *mortal) {
	w.t.Helper()
	w.kill(m.i)
	must(w.t, w.parties[m.i].ledger.Close())
	m.dead = false
	w.openLedger(m.i, false)
	w.openMortal(m)
}

// live runs a job in which one party dies at one call, once, and comes back: at once,
// or when the others have given up on it. It says at what.
func live(t *testing.T, victim, at int, after, late bool) string {
	w := newWorld(t, 1, 12)
	list := w.mortals()
	m := list[victim]
	m.at, m.after = at, after
	w.survive(list, late)
	if m.what == "" {
		return ""
	}
	name := fmt.Sprintf("node %d dies at call %d (%s), after %v, late %v", victim, at, m.what, after, late)
	w.endsRight(list, name)
	// A share that exists is sent again as stored: no attempt is burnt for a node that
	// comes back in time.
	shared := m.what == "post SHARE" || m.what == "post part 2" || m.what == "post RESULT" || m.what == "charge" && after
	if s := w.c.Status(); shared && !late && s.Burnt > 0 {
		t.Errorf("%s: %d attempts were burnt", name, s.Burnt)
	}
	return m.what
}

// survive runs a job to its end and brings back whoever dies: at once, or when the others
// have given up.
func (w *world) survive(list []*mortal, late bool) {
	t := w.t
	t.Helper()
	for range 400 {
		if w.over() {
			break
		}
		progress := false
		if w.c == nil && !late {
			w.heart.bury(w)
		}
		if w.c != nil {
			must(t, w.c.Tick())
		}
		for i, p := range w.parties {
			if list[i].dead && late {
				continue
			}
			moved, err := p.node.Step(ctx)
			if list[i].dead {
				if !late {
					w.bury(list[i])
				}
				progress = true
				continue
			}
			if err != nil && !errors.Is(err, ErrStopped) && !errors.Is(err, errDown) {
				t.Fatalf("%s: %v", p.name, err)
			}
			progress = progress || moved
		}
		if progress || w.c == nil && !late || w.wake() {
			continue
		}
		w.now = w.now.Add(w.wait())
		if w.c == nil {
			w.heart.bury(w)
		}
		for _, m := range list {
			if m.dead {
				must(t, w.c.Tick())
				w.bury(m)
			}
		}
	}
}

// endsRight wants the pooled model at every node, and books that agree.
func (w *world) endsRight(list []*mortal, name string) {
	w.t.Helper()
	for i, p := range w.parties {
		if p.node.Model() == nil {
			w.t.Fatalf("%s: node %d has no model: %q, %+v", name, i, p.node.Stopped(), w.c.Status())
		}
	}
	if w.sameModel().Coefficients.Hash() != w.pooled().Coefficients.Hash() {
		w.t.Errorf("%s: another model than the pooled", name)
	}
	w.booksAgree(list, name)
}

func (w *world) wait() time.Duration { return time.Duration(w.card.Deadlines.Share+1) * time.Second }

// booksAgree wants a charge for every share that was issued, a record of it or its
// round closed, and nobody with more attempts than the job allows.
func (w *world) booksAgree(list []*mortal, name string) {
	w.t.Helper()
	for i, p := range w.parties {
		charged := w.bookkeeper(i).Charged(p.node.job)
		if len(charged) != len(p.node.Issued()) || len(charged) < w.card.Model.Rounds || len(charged) > w.card.Model.Rounds+Spares {
			w.t.Errorf("%s: node %d charged %d attempts and issued %v", name, i, len(charged), p.node.Issued())
		}
		sent := len(list[i].shares) / 2
		if sent > len(charged) {
			w.t.Errorf("%s: node %d sent %d shares for %d charges", name, i, sent, len(charged))
		}
	}
}

// A node killed at any call of a round, before it has an effect or after it, comes
// back and the job ends with the pooled model, one share per attempt and a charge for
// each. The victim changes from call to call; QUNXIANG_LONG kills each at every call,
// in every way.
func TestCrashMatrix(t *testing.T) {
	met := map[string]bool{}
	long := os.Getenv("QUNXIANG_LONG") != ""
	for at, ended := 1, false; !ended; at++ {
		for variant := range 12 {
			victim, after, late := variant%3, variant/3%2 == 1, variant/6 == 1
			if !long && (victim != at%3 || late != (after == (at%2 == 0))) {
				continue
			}
			what := live(t, victim, at, after, late)
			met[what] = true
			if what == "" {
				ended = true
			}
		}
		if ended && at < 12 {
			t.Fatalf("only %d calls", at)
		}
	}
	for _, want := range []string{
		"post HELLO", "post KEYCOM", "post KEYOPEN", "post CTCOM", "post CT", "post part 0",
		"post part 1", "post CONFIRM", "charge", "post SHARE", "post part 2", "post RESULT",
	} {
		if !met[want] {
			t.Errorf("nobody died at %s", want)
		}
	}
}

// A node that comes back late finds everybody else's result, and dies again before its
// own is out: it may not count the round as closed.
func TestCrashBeforeTheLastResult(t *testing.T) {
	w := newWorld(t, 2, 12)
	list := w.mortals()
	m := list[2]
	m.on, m.after = "post part 2", true
	for range 2 {
		for range 40 {
			w.wake()
			must(t, w.c.Tick())
			for i, p := range w.parties {
				if list[i].dead {
					continue
				}
				if _, err := p.node.Step(ctx); err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
			}
		}
		if !m.dead {
			t.Fatal("it did not die")
		}
		w.bury(m)
		m.on, m.after = "post RESULT", false
	}
	m.on = ""
	w.run()
	w.sameModel()
	w.booksAgree(list, "died before its result")
}

// The coordinator killed after any posting, with the end of its feed lost, goes on
// with the same bytes. Without QUNXIANG_LONG after every other one.
func TestCrashOfCoordinator(t *testing.T) {
	step := 2
	if os.Getenv("QUNXIANG_LONG") != "" {
		step = 1
	}
	for at := 1; ; at += step {
		w := newWorld(t, 1, 12)
		posts := 0
		for i := range w.parties {
			w.parties[i].transport = counted{wire{w}, func() {
				if posts++; posts == at {
					must(t, w.c.Close())
					w.c = nil
				}
			}}
		}
		w.openNodes()
		for range 300 {
			if w.over() {
				break
			}
			if w.c == nil {
				feed := filepath.Join(w.dir, "coordinator", "feed")
				info, err := os.Stat(feed)
				must(t, err)
				must(t, os.Truncate(feed, max(0, info.Size()-int64(at%5)*7)))
				w.openCoordinator()
			}
			if !w.turn() {
				w.now = w.now.Add(w.wait())
			}
		}
		if posts < at {
			if at < 30 {
				t.Fatalf("only %d postings", at)
			}
			return
		}
		if fit := w.sameModel(); fit.Coefficients.Hash() != w.pooled().Coefficients.Hash() {
			t.Fatalf("posting %d: another model than the pooled", at)
		}
		w.charged(1)
	}
}

type counted struct {
	wire
	count func()
}

func (c counted) Post(ctx context.Context, p Posting) error {
	err := c.wire.Post(ctx, p)
	c.count()
	return err
}

// A node that does not come back ends the job at the others, with the reason, and
// without a charge that was not needed.
func TestCrashForGood(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	w.kill(2)
	for range 200 {
		if !w.turn() {
			w.now = w.now.Add(12 * time.Hour)
		}
	}
	for i := range 2 {
		if p := w.parties[i]; p.node.Model() != nil || len(p.node.Issued()) > 0 {
			t.Errorf("node %d has model or charge without the third", i)
		}
	}
	if s := w.c.Status(); s.Ended != "" || s.Approved != 2 && s.Ended == "" && s.Attempt == 0 {
		t.Errorf("%+v", s)
	}
}

// The records of shares are wiped when their round is closed.
func TestCrashLeavesNoRecord(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes().run()
	w.sameModel()
	names, err := filepath.Glob(filepath.Join(w.dir, "node-*", "job", "journal", "share-*"))
	must(t, err)
	if len(names) > 0 {
		t.Errorf("%v", names)
	}
	if _, err := w.parties[0].node.journal.Record(1); !errors.Is(err, journal.ErrNone) {
		t.Errorf("%v", err)
	}
}
