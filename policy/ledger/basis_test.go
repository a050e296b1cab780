package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// What a charge rested on stays what it was, whatever is said or revoked later.
func TestBasis(t *testing.T) {
	l, _, c, o := kept(t)
	w := world{t, l, c}
	must(t, w.ask("r-0"))
	must(t, l.Close())
	l = open(t, o)
	w = world{t, l, c}
	first, ok := l.Trace("r-0")
	b, err := l.Basis(first.Request.Index)
	must(t, err)
	if !ok || b.Mode != "evaluation" || b.Approvals != nil || b.Leaf != 0 {
		t.Errorf("an evaluation's: %+v", b)
	}
	g := supervised(1000)
	_, err = l.Grant(ctx, g)
	must(t, err)
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo", "cy") // cy put it forward and does not count
	w.approveLeaf(ledger.SubjectSnapshot, &ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}, "ada", "bo")
	w.approve(ledger.SubjectTemplate, templateDigest, "ada", "bo")
	c.step(time.Second)
	_, err = l.Approve(ctx, says("ada", ledger.SubjectTemplate, templateDigest, c.now(), revoked))
	must(t, err)
	w.approve(ledger.SubjectTemplate, templateDigest, "cy")
	must(t, w.ask("r-1"))
	w.approve(ledger.SubjectTemplate, templateDigest, "ada")
	_, err = l.Approve(ctx, says("bo", ledger.SubjectTemplate, templateDigest, c.now().Add(time.Second), revoked))
	must(t, err)
	for range 2 {
		charged, _ := l.Trace("r-1")
		b, err := l.Basis(charged.Request.Index)
		must(t, err)
		var got []string
		for _, a := range b.Approvals {
			got = append(got, a.Subject+" "+a.Approver)
			if leaf, _, err := l.Leaf(a.Index); err != nil || leaf.Body.Type() != ledger.TypeApprove {
				t.Errorf("leaf %d: %v", a.Index, err)
			}
		}
		want := "[grant ada grant bo snapshot ada snapshot bo template bo template cy]"
		if fmt.Sprint(got) != want || b.Mode != "supervised" || b.K != "20" || b.Policy != g.Policy {
			t.Errorf("%v, want %s: %+v", got, want, b)
		}
		must(t, l.Close())
		l = open(t, o) // the fold of the log says the same
	}
	_, err = l.Basis(0)
	want(t, err, ledger.ErrUnknown)
	must(t, l.Close())
}
