package federated

import (
	"context"
	"errors"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// showing books show the others another mark than the ledger's own.
type showing struct {
	Books
	n    *uint64
	fake func(secagg.Mark, uint64) secagg.Mark
}

func (s showing) Mark(ctx context.Context) (secagg.Mark, error) {
	m, err := s.Books.Mark(ctx)
	*s.n++
	return s.fake(m, *s.n), err
}

// Grown keeps the lie up before the node itself.
func (s showing) Grown(secagg.Mark) error { return nil }

// Charges count in the ledger whose marks the others were shown, and in no other.
func TestVerifyMarks(t *testing.T) {
	for name, fake := range map[string]func(secagg.Mark, uint64) secagg.Mark{
		"far ahead": func(_ secagg.Mark, n uint64) secagg.Mark {
			return secagg.Mark{Counter: 1000 * n, Head: sha([]byte{byte(n)})}
		},
		"another root": func(m secagg.Mark, _ uint64) secagg.Mark { m.Head[3] ^= 1; return m },
		"lagging": func(m secagg.Mark, n uint64) secagg.Mark {
			return secagg.Mark{Counter: min(n, m.Counter), Head: sha([]byte{byte(n)})}
		},
	} {
		w := newWorld(t, 2, 12)
		o := w.options(0)
		o.Books = showing{o.Books, new(uint64), fake}
		var err error
		w.parties[0].node, err = OpenNode(ctx, o)
		must(t, err)
		w.openNode(1)
		w.openNode(2)
		w.run()
		w.sameModel()
		_, err = Verify(w.parties[0].dir, VerifyOptions{unprotected: unprotected})
		isCode(t, name, err, VerifyCharge)
		_, err = Verify(w.parties[1].dir, VerifyOptions{unprotected: unprotected})
		must(t, err)
	}
}

// A later round's mark is of a ledger that has the charge of the round before.
func TestVerifyMarkAfterCharge(t *testing.T) {
	_, dir, o := checked(t)
	v := &verification{dir: dir, o: o, out: &Verified{}}
	for _, step := range []func() error{v.card, v.rounds} {
		must(t, step())
	}
	v.out.Rounds[1].Ledgers[v.self].Counter = v.out.Rounds[0].Ledgers[v.self].Counter
	var e *VerifyError
	if err := v.charges(); !errors.As(err, &e) || e.Code != VerifyCharge || e.Attempt != v.out.Rounds[0].Attempt {
		t.Errorf("a mark without the charge before it: %v", err)
	}
}
