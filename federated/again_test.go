package federated

import (
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// flipped is a copy with one bit changed.
func flipped(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[(at+len(b))%len(b)] ^= 4
	return b
}

// afterBarrier says whether an item is of the shares.
func afterBarrier(it Item) bool {
	return it.Sort == SortPart && it.Kind != secagg.C1 || it.Sort == SortMessage && (it.Phase == secagg.PhaseShare || it.Phase == secagg.PhaseResult)
}

// Bytes of a share that are garbled on the way to a node are asked for again, and the job
// goes on at no further cost.
func TestGarbledShareIsFetchedAgain(t *testing.T) {
	for name, at := range map[string]int{"a bit": -9, "the head": 0} {
		w := newWorld(t, 2, 12)
		seen, garbled := map[string]bool{}, 0
		w.parties[2].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
			place := it
			place.Body = nil
			if key := string(place.entry()); afterBarrier(it) && !seen[key] {
				seen[key] = true
				garbled++
				it.Body = flipped(it.Body, at)
			}
			return []Item{it}
		}}
		w.openNodes().run()
		w.sameModel()
		w.charged(2)
		if garbled < 2*3*4 {
			t.Fatalf("%s: %d items were garbled", name, garbled)
		}
	}
}

// A share that is garbled on the way to the coordinator is posted again as it is stored.
func TestGarbledShareIsPostedAgain(t *testing.T) {
	w := newWorld(t, 2, 12)
	seen := map[string]bool{}
	w.parties[0].transport = &evil{wire: wire{w}, post: func(p Posting) Posting {
		late := p.Sort == SortPart && secagg.Kind(p.Body[0]) == secagg.Sealed
		if m, err := w.c.shape().ParseMessage(p.Body); p.Sort == SortMessage && err == nil && m.Phase == secagg.PhaseShare {
			late = true
		}
		if key := string(p.Body); late && !seen[key] {
			seen[key] = true
			p.Body = flipped(p.Body, -9)
		}
		return p
	}}
	w.openNodes().run()
	w.sameModel()
	w.charged(2)
	if len(seen) != 2*2 {
		t.Fatalf("%d postings were garbled: a share has been made anew", len(seen))
	}
}

// Two shares that a node has signed for one attempt are evidence, however they came, and
// end the job for who saw them.
func TestAttackTwoSignedShares(t *testing.T) {
	w := newWorld(t, 1, 12)
	var second []byte
	w.parties[2].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		switch {
		case it.Sort == SortMessage && it.Phase == secagg.PhaseShare && it.Node == 0:
			m, err := w.c.shape().ParseMessage(it.Body)
			must(t, err)
			second = w.resigned(m, w.parties[0].key).Append(nil)
		case second != nil && it.Sort == SortPart && it.Kind == secagg.Sealed && it.Node == 0:
			return []Item{{Sort: SortMessage, Attempt: it.Attempt, Phase: secagg.PhaseShare, Body: second}}
		}
		return []Item{it}
	}}
	w.openNodes()
	w.turns(60, 30*time.Second)
	if got := w.parties[2].node.Stopped(); !strings.Contains(got, "node-0 signed two messages for one phase") {
		t.Fatalf("it stopped with %q", got)
	}
	if w.parties[2].node.Model() != nil {
		t.Fatal("it has a model")
	}
}
