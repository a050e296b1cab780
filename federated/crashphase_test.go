package federated

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// heart is what a coordinator dies of: the first posting of a name in a round, before it
// is taken, after it, or after it with the end of the feed lost.
type heart struct {
	on    string
	round int
	after bool
	lost  int64 // bytes of the feed
	dead  bool
}

// post hands a posting on, unless it is the one that the coordinator dies at.
func (h *heart) post(w *world, p Posting, name string) error {
	if h == nil || h.dead || w.c == nil || name != h.on || w.c.Status().Round != h.round {
		return wire{w}.Post(ctx, p)
	}
	h.dead = true
	if h.after {
		_ = wire{w}.Post(ctx, p)
	}
	must(w.t, w.c.Close())
	w.c = nil
	return errDown
}

// bury brings the coordinator back from its folder.
func (h *heart) bury(w *world) {
	w.t.Helper()
	feed := filepath.Join(w.dir, "coordinator", "feed")
	info, err := os.Stat(feed)
	must(w.t, err)
	must(w.t, os.Truncate(feed, max(0, info.Size()-h.lost)))
	w.openCoordinator()
}

// phases are the calls that a round is made of.
func phases() []string {
	return []string{
		"post HELLO", "post KEYCOM", "post KEYOPEN", "post CTCOM", "post CT", "post part 0", "post part 1",
		"post CONFIRM", "charge", "post SHARE", "post part 2", "post RESULT",
	}
}

const coordinatorParty = 3

// dies runs a job in which a party, or the coordinator, dies at the first call of a phase
// in a round. way: 0 before the call has an effect and 1 after it, both back at once, 2
// one of these and back when the others have given up. A coordinator loses the end of
// its feed besides.
func dies(t *testing.T, rounds, party, round int, phase string, way int) {
	w := newWorld(t, rounds, 12)
	list := w.mortals()
	after := way == 1 || way == 2 && (party+round)%2 == 0
	if party == coordinatorParty {
		w.heart = &heart{on: phase, round: round, after: after, lost: int64(way * 13)}
	} else {
		list[party].on, list[party].round, list[party].after = phase, round, after
	}
	w.survive(list, way == 2)
	name := fmt.Sprintf("party %d dies in round %d at %s, way %d", party, round, phase, way)
	if w.heart != nil && !w.heart.dead || w.heart == nil && list[party].what != phase {
		t.Fatalf("%s: it did not die", name)
	}
	w.endsRight(list, name)
	// Between its CONFIRM and its charge the others may have shared already.
	between := party != coordinatorParty && (phase == "post CONFIRM" && after || phase == "charge" && !after)
	if s := w.c.Status(); way < 2 && s.Burnt > 0 && !between {
		t.Errorf("%s: %d attempts were burnt", name, s.Burnt)
	}
	w.close()
}

// Every party, the coordinator included, dies at every phase of a round, comes back, and
// training ends right: no share is made twice, no charge is lost, the books agree.
// QUNXIANG_LONG has every phase, party and round three times over.
func TestCrashEveryPhase(t *testing.T) {
	const rounds = 3
	long := os.Getenv("QUNXIANG_LONG") != ""
	for at, phase := range phases() {
		for party := range coordinatorParty + 1 {
			if party == coordinatorParty && phase == "charge" {
				continue // it charges nothing
			}
			for way := range 3 {
				switch {
				case long:
					for round := range rounds {
						dies(t, rounds, party, round, phase, way)
					}
				case way == (at+party)%3:
					dies(t, 2, party, 1, phase, way)
				}
			}
		}
	}
}
