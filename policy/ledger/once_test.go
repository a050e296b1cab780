package ledger_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Approvals of a policy serve once. One of before, with its lower k, its grants and its
// witnesses, comes back by new ones only.
func TestOldPolicyNeedsNewApprovals(t *testing.T) {
	w, first := overseen(t)
	second := first
	second.K, second.Policy, second.Retention, second.Grants = "100", "stricter", 3650, nil
	w.approveLeaf(ledger.SubjectGrant, &second, "ada", "bo")
	_, err := w.Grant(ctx, second)
	must(t, err)
	want(t, w.ask("r-1"), ledger.ErrGrant)
	w.c.step(100 * 24 * time.Hour)
	_, err = w.Grant(ctx, first)
	want(t, err, ledger.ErrApproval)
	if g, _ := w.InForce(); g.K != "100" || g.Replaces != 2 {
		t.Fatalf("in force: %+v", g)
	}
	w.approveLeaf(ledger.SubjectGrant, &first, "ada", "bo")
	_, err = w.Grant(ctx, first)
	must(t, err)
}

// A charge is admitted under the policy that it was decided under, and no other.
func TestChargeOfAnotherPolicy(t *testing.T) {
	w, first := overseen(t)
	decided := under(w.Ledger, charge("r-1", 1, w.c.now()))
	decided.TemplateDigest = templateDigest
	stricter := first
	stricter.K, stricter.Policy = "500", "stricter"
	w.approveLeaf(ledger.SubjectGrant, &stricter, "ada", "bo")
	_, err := w.Grant(ctx, stricter)
	must(t, err)
	must(t, w.Meet(ctx))
	size := w.Size()
	_, err = w.Charge(ctx, decided)
	want(t, err, ledger.ErrPolicy)
	if w.Size() != size {
		t.Fatal("it left a leaf")
	}
	must(t, w.ask("r-1"))
}

// A stored release is handed to who has a grant for it now, and to who reads all by role.
func TestReplayNeedsGrant(t *testing.T) {
	w, first := overseen(t)
	must(t, w.ask("r-1"))
	rec := w.Requests()[0]
	w.c.step(2 * time.Second)
	leaf, err := w.Release(ctx, ledger.Release{Charge: rec.Index, ID: "r-1", Digest: digest("r-1")})
	must(t, err)
	good := ledger.Replay{Release: leaf, Grant: "g-1", Principal: "insurer-a", Organisation: "Insurer A", Purpose: "pricing", Request: "q"}
	hand := func(id string, change func(*ledger.Replay)) error {
		r := good
		r.ID = id
		change(&r)
		_, err := w.Replay(ctx, r)
		return err
	}
	must(t, hand("ok", func(*ledger.Replay) {}))
	byRole := func(r *ledger.Replay) {
		r.Grant, r.Principal, r.Organisation, r.Purpose = "", "regulator-b", "authority", "read-releases"
	}
	must(t, hand("role", byRole))
	for name, change := range map[string]func(*ledger.Replay){
		"no grant":             func(r *ledger.Replay) { r.Grant = "" },
		"unknown grant":        func(r *ledger.Replay) { r.Grant = "g-9" },
		"another's grant":      func(r *ledger.Replay) { r.Principal = "mallory" },
		"another organisation": func(r *ledger.Replay) { r.Organisation = "Data Broker Ltd" },
		"another purpose":      func(r *ledger.Replay) { r.Purpose = "marketing" },
		"an expired grant":     func(r *ledger.Replay) { r.Grant = "g-old" },
		"a role it has not":    func(r *ledger.Replay) { r.Purpose, r.Grant = "read-releases", "" },
		"a reader elsewhere":   func(r *ledger.Replay) { byRole(r); r.Organisation = "Data Broker Ltd" },
	} {
		w.c.step(24 * time.Hour) // past the last day of g-old
		if err := hand(name, change); err == nil {
			t.Errorf("handed out: %s", name)
		}
	}
	second := first
	second.Policy, second.Grants = "no grants", nil
	w.approveLeaf(ledger.SubjectGrant, &second, "ada", "bo")
	_, err = w.Grant(ctx, second)
	must(t, err)
	want(t, hand("taken away", func(*ledger.Replay) {}), ledger.ErrGrant)
}

// An approval of a template is of what it is called: its digest goes under no other name,
// nor does a suspended version under a new one.
func TestTemplateApprovedUnderItsName(t *testing.T) {
	w, _ := overseen(t)
	c := under(w.Ledger, charge("r-1", 1, w.c.now()))
	c.TemplateDigest = laterDigest(1) // of claim-severity@1.0.1
	w.approve(ledger.SubjectTemplate, c.TemplateDigest, "ada", "bo")
	must(t, w.Meet(ctx))
	_, err := w.Charge(ctx, c)
	want(t, err, ledger.ErrApproval)
	c.Template = template + "-bis"
	c.TemplateDigest = templateDigest
	_, err = w.Charge(ctx, c)
	want(t, err, ledger.ErrApproval)
}

// A look at noise is of this log: its root is that of its leaves.
func TestAuditOfAnotherRoot(t *testing.T) {
	w, _ := overseen(t)
	root := strings.Repeat("ab", 32)
	w.approve(ledger.SubjectAudit, root, "ada", "bo")
	_, err := w.Audit(ctx, ledger.Audit{Leaves: 3, Root: root, Passed: true, By: "steward-s"})
	want(t, err, ledger.ErrUnknown)
}

// Who puts a policy forward is somebody whom the one in force knows, and asks are made by
// people: else whoever writes the policy says who wrote it.
func TestNobodyAsks(t *testing.T) {
	w, first := overseen(t)
	ghost := first
	ghost.Policy, ghost.By = "by ada in fact", "a-ghost"
	ghost.Persons = append([]ledger.Person{{Person: "ghost", Principal: "a-ghost"}}, first.Persons...)
	w.approveLeaf(ledger.SubjectGrant, &ghost, "ada", "bo")
	_, err := w.Grant(ctx, ghost)
	want(t, err, ledger.ErrApproval)

	nobody := first
	nobody.Policy, nobody.Persons = "nobody behind insurer-a", first.Persons[1:]
	w.approveLeaf(ledger.SubjectGrant, &nobody, "ada", "bo")
	_, err = w.Grant(ctx, nobody)
	must(t, err)
	want(t, w.ask("r-1"), ledger.ErrGrant)
	aside := reserve(digest("job-1"), 1)
	aside.TemplateDigest, aside.Cost = templateDigest, dp.Cost{Rho: 1, Delta: 1}
	w.approveJob(aside, "ada", "bo")
	_, err = w.Reserve(ctx, aside)
	must(t, err)
	c := under(w.Ledger, attempt(aside.Job, "r-1", 1, w.c.now()))
	c.TemplateDigest = templateDigest
	_, err = w.Charge(ctx, c) // a node has no person, and trains
	must(t, err)
}

// A threshold below the floor, and keys that anybody signs for, are put in force by nobody.
func TestPolicyBelowTheFloor(t *testing.T) {
	point := func(first, last byte) string {
		b := make([]byte, 32)
		b[0], b[31] = first, last
		return base64Of(b)
	}
	whole := func(b byte) string { return base64Of([]byte(strings.Repeat(string([]byte{b}), 32))) }
	for name, change := range map[string]func(*ledger.Grant){
		"k 19":            func(g *ledger.Grant) { g.K = "19" },
		"k 1":             func(g *ledger.Grant) { g.K = "1" },
		"k -5":            func(g *ledger.Grant) { g.K = "-5" },
		"k 020":           func(g *ledger.Grant) { g.K = "020" },
		"no k at all":     func(g *ledger.Grant) { g.K = "none at all" },
		"noisy 19":        func(g *ledger.Grant) { g.K = "noisy, 19 where keys are private" },
		"half noisy":      func(g *ledger.Grant) { g.K = "noisy, 20" },
		"the identity":    func(g *ledger.Grant) { g.Approvers[0].Key = point(1, 0) },
		"it again":        func(g *ledger.Grant) { g.Approvers[0].Key = point(1, 0x80) },
		"order 4":         func(g *ledger.Grant) { g.Approvers[0].Key = point(0, 0) },
		"order 8":         func(g *ledger.Grant) { g.Approvers[0].Key = "JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/AU=" },
		"not below 2^255": func(g *ledger.Grant) { g.Approvers[0].Key = whole(0xff) },
	} {
		g := supervised(1000)
		change(&g)
		if _, err := ledger.ContentDigest(&g); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, k := range []string{"20", "500", "noisy, 20 where keys are private"} {
		g := supervised(1000)
		g.K = k
		if _, err := ledger.ContentDigest(&g); err != nil {
			t.Errorf("k %s: %v", k, err)
		}
	}
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
