package queries_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// stricter puts a policy in force in the log alone: who answers does not know it yet.
func (h *house) stricter(change func(*ledger.Grant)) *policy.Policy {
	h.t.Helper()
	p, err := policy.Parse("p", []byte(strings.Replace(string(h.policy.Format()), "\nk: 20", "\nk: 500", 1)))
	if err != nil || p.K != 500 {
		h.t.Fatal(err)
	}
	g := queries.GrantLeaf(p)
	change(&g)
	if _, err := h.ledger.Grant(h.t.Context(), g); err != nil {
		h.t.Fatal(err)
	}
	return p
}

// A stricter policy counts from its leaf on, not from when the runner hears of it: what is
// decided by the one before is refused, and nothing charged.
func TestAskUnderThePolicyBefore(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		p := h.stricter(func(*ledger.Grant) {})
		if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); !errors.Is(err, ledger.ErrPolicy) || len(h.ledger.Requests()) != 0 {
			t.Fatalf("%v, %d charges", err, len(h.ledger.Requests()))
		}
		h.runner.Enforce(p)
		if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); err != nil {
			t.Fatal(err)
		}
		leaf, _ := h.ledger.PolicyInForce()
		if c := h.ledger.Requests()[0]; c.Policy != leaf {
			t.Fatalf("decided under leaf %d, in force is %d", c.Policy, leaf)
		}
	})
}

// Who waits for somebody else's answer has it only with a grant that is in force when it
// comes.
func TestFollowerWithoutGrant(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); err != nil {
			t.Fatal(err)
		}
		follower, err := h.runner.Ask(t.Context(), "regulator-r", i3, "")
		if err != nil || follower.Charged {
			t.Fatalf("%+v %v", follower, err)
		}
		h.stricter(func(g *ledger.Grant) {
			for i := range g.Grants {
				if g.Grants[i].Principal == "regulator-r" {
					g.Grants[i].Principal = "somebody-else"
				}
			}
		})
		time.Sleep(time.Until(follower.Due))
		synctest.Wait()
		if s, err := h.runner.Status("regulator-r", follower.ID); err != nil || s.State != queries.Abandoned {
			t.Fatalf("%+v %v", s, err)
		}
	})
}
