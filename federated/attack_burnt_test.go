package federated

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A burnt attempt's charge is held to the price of its round, to its transcript and to
// the ledger that the others were shown, as a closed one's is.
func TestAttackBurntCharge(t *testing.T) {
	for name, change := range map[string]func(*Spend){
		"cheap":              func(s *Spend) { s.Cost.Rho /= 2 },
		"another transcript": func(s *Spend) { s.Root = secagg.Hash{7} },
	} {
		w := newWorld(t, 1, 12)
		for i := range w.parties {
			w.parties[i].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
				if it.Attempt == 1 && it.Sort == SortPart && it.Kind == secagg.Sealed {
					it.Body = []byte{0}
				}
				return []Item{it}
			}}
			o := w.options(i)
			if i == 0 {
				o.Books = crooked{o.Books, func(s *Spend) {
					if s.Attempt == 1 {
						change(s)
					}
				}}
			}
			var err error
			w.parties[i].node, err = OpenNode(ctx, o)
			must(t, err)
		}
		w.run()
		w.sameModel()
		_, err := Verify(w.parties[0].dir, VerifyOptions{unprotected: unprotected})
		isCode(t, name, err, VerifyCharge)
		v, err := Verify(w.parties[1].dir, VerifyOptions{unprotected: unprotected})
		must(t, err)
		if spent := w.parties[1].ledger.Spent(testTown + "/life").Rho; len(v.Burnt) != 1 || v.Rho != spent {
			t.Errorf("%s: burnt %v, rho %d of %d", name, v.Burnt, v.Rho, spent)
		}
	}
}

// What a burnt attempt is held to stands in its transcript up to the barrier.
func TestVerifyBurntTranscript(t *testing.T) {
	w := burning(t)
	dir := w.parties[0].dir
	for _, name := range []string{"OPEN", "HELLO-0", "KEYCOM-1", "part-1-2-0", "CONFIRM-2"} {
		path := filepath.Join(dir, "attempt-1", name)
		b, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, flipped(b, -40), 0o600))
		_, err = Verify(dir, VerifyOptions{unprotected: unprotected})
		isCode(t, name, err, VerifyTranscript)
		must(t, os.WriteFile(path, b, 0o600))
	}
	_, err := Verify(dir, VerifyOptions{unprotected: unprotected})
	must(t, err)
}
