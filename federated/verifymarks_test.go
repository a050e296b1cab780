package federated

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// burntThenDone is a job of one round whose first attempt was burnt.
func burntThenDone(t *testing.T) (*world, *verification, []marked) {
	t.Helper()
	w := burning(t).run()
	w.sameModel()
	w.charged(2)
	v := &verification{dir: w.parties[0].dir, o: VerifyOptions{unprotected: unprotected}, out: &Verified{}}
	for _, step := range []func() error{v.card, v.rounds, v.charges} {
		must(t, step())
	}
	list := v.marked([]uint64{1, v.out.Rounds[0].Attempt})
	if len(v.out.Burnt) != 1 || list[0].round != -1 || list[1].round != 0 || !list[0].shared[0] || !list[0].shared[1] || !list[0].shared[2] {
		t.Fatalf("burnt %v, marked %+v", v.out.Burnt, list)
	}
	return w, v, list
}

// A burnt attempt's charge stands in the ledger between the marks of the HELLOs, at this
// node and, by their marks, at all others.
func TestVerifyBurntCharges(t *testing.T) {
	w, v, list := burntThenDone(t)
	change := func(what, code string, check func([]marked) error, edit func([]marked)) {
		t.Helper()
		copied := make([]marked, len(list))
		for i, m := range list {
			copied[i] = m
			copied[i].marks = append([]secagg.Mark(nil), m.marks...)
		}
		edit(copied)
		isCode(t, what, check(copied), code)
	}
	must(t, v.books(list))
	must(t, v.own(list))
	change("another node's ledger lacks the charge", VerifyUncharged, v.books, func(l []marked) { l[1].marks[2] = l[0].marks[2] })
	change("another node's ledger went back", VerifyCharge, v.books, func(l []marked) { l[1].marks[1].Counter = l[0].marks[1].Counter - 1 })
	change("a fork at one counter", VerifyCharge, v.books, func(l []marked) { l[1].marks[1].Counter = l[0].marks[1].Counter })
	change("the charge is older than its attempt", VerifyUnseen, v.own, func(l []marked) { l[0].marks[0].Counter = l[1].marks[0].Counter })
	change("the charge is newer than the next attempt", VerifyUnseen, v.own, func(l []marked) { l[1].marks[0].Counter = l[0].marks[0].Counter })
	change("another ledger was shown", VerifyUnseen, v.own, func(l []marked) { l[0].marks[0].Head[5] ^= 1 })

	// The folder and the ledger of the same node.
	o := VerifyOptions{unprotected: unprotected, Book: func(job secagg.Hash) (map[uint64]string, error) { return w.bookkeeper(0).Charged(job), nil }}
	_, err := Verify(v.dir, o)
	must(t, err)
	for code, edit := range map[string]func(map[uint64]string){
		VerifyUncharged: func(m map[uint64]string) { delete(m, 1) },
		VerifyUnseen:    func(m map[uint64]string) { m[9] = "x" },
	} {
		o.Book = func(job secagg.Hash) (map[uint64]string, error) {
			m := w.bookkeeper(0).Charged(job)
			edit(m)
			return m, nil
		}
		_, err := Verify(v.dir, o)
		isCode(t, "the node's own ledger", err, code)
	}
}

// What a burnt attempt's folder says of the marks is what the nodes have signed.
func TestVerifyBurntMessages(t *testing.T) {
	_, v, _ := burntThenDone(t)
	last := messageName(secagg.PhaseHello, 1)
	attempt := filepath.Join(v.dir, attemptName(v.out.Rounds[0].Attempt))
	for _, tt := range []struct {
		name, code string
		do         func(dir string) error
	}{
		{"a mark", VerifyTranscript, func(d string) error {
			b, err := os.ReadFile(filepath.Join(d, last))
			must(t, err)
			return os.WriteFile(filepath.Join(d, last), flipped(b, -1), 0o600)
		}},
		{"another attempt's HELLO", VerifyTranscript, func(d string) error {
			b, err := os.ReadFile(filepath.Join(attempt, last))
			must(t, err)
			return os.WriteFile(filepath.Join(d, last), b, 0o600)
		}},
		{"another attempt's OPEN", VerifyTranscript, func(d string) error {
			b, err := os.ReadFile(filepath.Join(attempt, "OPEN"))
			must(t, err)
			return os.WriteFile(filepath.Join(d, "OPEN"), b, 0o600)
		}},
		{"no HELLO", VerifyMissing, func(d string) error { return os.Remove(filepath.Join(d, last)) }},
		{"no CONFIRM", VerifyMissing, func(d string) error { return os.Remove(filepath.Join(d, "CONFIRM-2")) }},
	} {
		copied := filepath.Join(memoryDir(t), "copy")
		copyDir(t, v.dir, copied)
		must(t, tt.do(filepath.Join(copied, "attempt-1")))
		_, err := Verify(copied, v.o)
		isCode(t, tt.name, err, tt.code)
	}
}

// A peer that sent a share of a burnt attempt, and whose ledger does not show its charge
// in the next, ends the job.
func TestAttackBurntChargeTakenBack(t *testing.T) {
	w := newWorld(t, 1, 12)
	for i := range w.parties {
		w.parties[i].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
			if it.Attempt == 1 && it.Sort == SortPart && it.Kind == secagg.Sealed {
				it.Body = []byte{0}
			}
			return []Item{it}
		}}
	}
	o := w.options(1)
	var first secagg.Mark
	o.Books = showing{o.Books, new(uint64), func(m secagg.Mark, _ uint64) secagg.Mark {
		if len(w.parties[1].ledger.Requests()) > 0 {
			return first // from before the charge
		}
		first = m
		return m
	}}
	var err error
	w.parties[1].node, err = OpenNode(ctx, o)
	must(t, err)
	w.openNode(0)
	w.openNode(2)
	w.run()
	for _, i := range []int{0, 2} {
		if got := w.parties[i].node.Stopped(); !strings.Contains(got, "a ledger went back") && !strings.Contains(got, "node-") {
			t.Errorf("node %d stopped with %q", i, got)
		}
		if w.parties[i].node.Model() != nil {
			t.Errorf("node %d has a model", i)
		}
	}
}
