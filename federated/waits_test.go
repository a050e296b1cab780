package federated

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Only refusals that come before any data is touched may be mended; nothing that a cheat
// or an old backup explains, and nothing that the data say.
func TestMendable(t *testing.T) {
	for _, tt := range []struct {
		err    error
		reason string
	}{
		{ErrLimit, WaitLimits}, {ErrSnapshot, WaitLimits}, {ErrAbsent, WaitSnapshot}, {ErrRefused, WaitRules},
		{fmt.Errorf("%w: %w", ErrRefused, ErrRoom), WaitBudget},
		{ruled(fmt.Errorf("%w: the job", ledger.ErrApproval)), WaitRules},
		{fmt.Errorf("%w: %w", ErrRefused, ErrCard), ""}, {ErrCard, ""}, {ErrApproval, ""}, {ErrOptions, ""}, {ErrStopped, ""},
		{&glm.FieldError{Field: "age"}, ""}, {journal.ErrRollback, ""}, {journal.ErrDamaged, ""}, {secagg.ErrEvidence, ""},
		{secagg.ErrRollback, ""}, {errors.New("a disk"), ""}, {nil, ""},
	} {
		if reason, ok := Mendable(tt.err); reason != tt.reason || ok != (tt.reason != "") {
			t.Errorf("%v: waits for %q", tt.err, reason)
		}
	}
}

// A node whose operator has set a limit too low, or whose budget has no room, keeps the
// others waiting and lets them know for what; when that is mended the job goes on.
func TestMistakenLimitIsMended(t *testing.T) {
	w := newWorld(t, 1, 12)
	var told []string
	o := w.options(0)
	o.Log = func(text string) { told = append(told, text) }
	var err error
	w.parties[0].node, err = OpenNode(ctx, o)
	must(t, err)
	w.openNode(1)
	refused := func(want error, reason string) {
		t.Helper()
		_, err := OpenNode(ctx, w.options(2))
		mustBe(t, err, want)
		why, ok := Mendable(err)
		if !ok || why != reason {
			t.Fatalf("%v is mended by %q", err, why)
		}
		p, err := WaitNotice(w.card, "node-2", why, w.parties[2].key)
		must(t, err)
		must(t, w.c.Post(p))
		must(t, w.c.Post(p))
		w.turns(20, 30*time.Second)
		if s := w.c.Status(); s.Ended != "" || s.Attempt != 0 || len(s.Waits) != 1 || s.Waits[2] != reason {
			t.Fatalf("%+v", s)
		}
		if all := strings.Join(told, "\n"); strings.Count(all, "node-2 waits for "+reason) != 1 {
			t.Fatalf("node-0 was told:\n%s", all)
		}
	}
	p := w.parties[2]
	p.limits.Rho = 1
	refused(ErrLimit, WaitLimits)
	p.limits.Rho = 0
	other, err := p.ledger.Reserve(ctx, ledger.Reserve{
		Job: "another", Principal: "trainer", Organisation: "x", Grant: "g-1", Purpose: w.card.Purpose, Template: w.card.Source.Template,
		TemplateDigest: "d", Scopes: w.bookkeeper(2).Scopes, Cost: dp.Cost{Rho: 45e11}, Until: "2099-12-31", By: "trainer",
	})
	must(t, err)
	refused(ErrRoom, WaitBudget)
	must(t, w.c.Close())
	w.openCoordinator() // it still knows
	if s := w.c.Status(); s.Waits[2] == "" {
		t.Fatalf("after a restart: %+v", s)
	}
	_, err = p.ledger.CloseReserve(ctx, other)
	must(t, err)
	w.openNode(2)
	w.run()
	w.sameModel()
	w.charged(1)
	if s := w.c.Status(); len(s.Waits) != 0 {
		t.Fatalf("nobody waits, but %v", s.Waits)
	}
}

// Outside a node's windows the others are told that they wait for one.
func TestWindowIsTold(t *testing.T) {
	w := newWorld(t, 1, 12)
	w.parties[0].limits = Limits{Windows: []Window{{9 * time.Hour, 10 * time.Hour}}}
	w.openNodes()
	for w.c.Status().Waits[0] == "" && w.now.Hour() < 9 {
		if !w.turn() {
			w.now = w.now.Add(10 * time.Minute)
		}
	}
	if got := w.c.Status().Waits[0]; got != WaitWindow || w.parties[0].node.Waiting() != WaitWindow {
		t.Fatalf("they wait for %q", got)
	}
	w.run()
	w.sameModel()
}

// A waiting notice says one of a few things, and is signed like any other.
func TestWaitNoticeIsStrict(t *testing.T) {
	w := newWorld(t, 1, 12)
	for _, bad := range []struct{ node, reason string }{{"node-0", "rho 0.5 of 1.5"}, {"node-0", ""}, {"node-1", WaitLimits}, {"nobody", WaitLimits}} {
		_, err := WaitNotice(w.card, bad.node, bad.reason, w.parties[0].key)
		mustBe(t, err, ErrApproval)
	}
}

// A job whose last day passes while a node waits is over for all.
func TestWaitingEndsWithTheCard(t *testing.T) {
	w := newWorldOf(t, 1, 12, func(y string) string { return strings.Replace(y, "2099-12-31", "2026-01-06", 1) })
	w.openNode(0)
	w.openNode(1)
	w.turns(10, time.Minute)
	w.now = w.now.Add(72 * time.Hour)
	w.turns(5, time.Minute)
	if s := w.c.Status(); s.Ended != "the job's last day has passed" || w.parties[0].node.Stopped() == "" {
		t.Fatalf("%+v", s)
	}
}
