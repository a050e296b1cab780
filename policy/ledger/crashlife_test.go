package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
)

// sign has people approve a thing.
func (e *estate) sign(subject, digest string, people ...string) {
	e.signAs(subject, digest, func(*ledger.Approve) {}, people...)
}

func (e *estate) signAs(subject, digest string, change func(*ledger.Approve), people ...string) {
	e.clock.step(time.Second)
	e.agreed[subject] = e.clock.now().AddDate(0, 6, 0) // from here on it may hold
	e.agreed[digest] = e.agreed[subject]
	for _, of := range alike(subject, digest) {
		for _, p := range people {
			index, err := e.Approve(ctx, says(p, subject, of, e.clock.now(), change))
			e.did(index, err, ledger.TypeApprove)
		}
	}
}

// alike are the digests of all template versions for that of the first; of anything else
// its own.
func alike(subject, digest string) []string {
	if subject != ledger.SubjectTemplate {
		return []string{digest}
	}
	return []string{templateDigest, laterDigest(1), laterDigest(2)}
}

func (e *estate) signLeaf(subject string, b ledger.Body, people ...string) {
	d, err := ledger.ContentDigest(b)
	if err != nil {
		e.fail("%v", err)
	}
	e.sign(subject, d, people...)
}

// unsigned wants a leaf that was taken without new signatures to have some from before.
func (e *estate) unsigned(b ledger.Body) {
	if d, err := ledger.ContentDigest(b); err != nil || e.Supervised() && !e.clock.now().Before(e.agreed[d]) {
		e.fail("a %s was taken that nobody approved (%v)", b.Type(), err)
	}
}

// revoke has one person take back what stands for a subject's digest.
func (e *estate) revoke(subject, digest, person string) {
	e.clock.step(time.Second)
	all := true
	for _, of := range alike(subject, digest) {
		index, err := e.Approve(ctx, says(person, subject, of, e.clock.now(), revoked))
		all = e.did(index, err, ledger.TypeApprove) && all
	}
	if all {
		e.agreed[subject] = time.Time{}
	}
}

var firstSnapshot = ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}

// prepare puts the policy in force and has all approved that a charge needs.
func (e *estate) prepare() {
	index, err := e.Grant(ctx, e.grant)
	if !e.did(index, err, ledger.TypeGrant) {
		return
	}
	next := e.Succession(e.grant)
	e.signLeaf(ledger.SubjectGrant, &next, "ada", "bo")
	e.signLeaf(ledger.SubjectSnapshot, &firstSnapshot, "ada", "bo")
	e.sign(ledger.SubjectTemplate, templateDigest, "ada", "bo")
	index, err = e.Snapshot(ctx, firstSnapshot)
	e.did(index, err, ledger.TypeSnapshot)
	for version := range 3 {
		e.resume(version)
	}
}

// resume lifts a suspension, by two.
func (e *estate) resume(version int) {
	ref := fmt.Sprintf("claim-severity@1.0.%d", version)
	r, err := e.Resumption(ref, "steward-c")
	if err != nil {
		return
	}
	if index, err := e.Resume(ctx, ref, "steward-c"); e.did(index, err, ledger.TypeResume) {
		e.unsigned(&r)
		return
	}
	e.signLeaf(ledger.SubjectResume, &r, "ada", "bo")
	index, err := e.Resume(ctx, ref, "steward-c")
	e.did(index, err, ledger.TypeResume)
}

// lower puts a lower cap in force, which two others approve.
func (e *estate) lower(by int64) {
	g := e.grant
	g.Life.Rho, g.Policy = max(g.Life.Rho-by, e.Spent(life).Rho), e.name("policy") // nobody can have approved it before
	next := e.Succession(g)
	d, err := ledger.ContentDigest(&next)
	if err != nil {
		e.fail("%v", err)
	}
	was := e.Supervised() // the first policy takes nobody's
	if _, err := e.Grant(ctx, g); err == nil && was {
		e.fail("a policy that nobody approved is in force")
	}
	e.sign(ledger.SubjectGrant, d, "ada", "bo")
	index, err := e.Grant(ctx, g)
	e.did(index, err, ledger.TypeGrant)
	if now, ok := e.InForce(); ok && now.Policy == g.Policy {
		e.grant = g
	}
}

// policyDigest is what approvals of the policy in force bind.
func (e *estate) policyDigest() (string, error) {
	g := e.Succession(e.grant)
	return ledger.ContentDigest(&g)
}

// snapshot logs a new snapshot and then its deletion, each by two.
func (e *estate) snapshot() {
	s := ledger.Snapshot{Snapshot: e.name("later"), By: "steward-s"}
	until := e.agreed[ledger.SubjectSnapshot]
	e.signLeaf(ledger.SubjectSnapshot, &s, "ada", "cy")
	e.agreed[ledger.SubjectSnapshot] = until // of another snapshot
	index, err := e.Snapshot(ctx, s)
	if e.did(index, err, ledger.TypeSnapshot) {
		e.remove(index)
	}
}

// remove logs that what a leaf stands for is deleted, and says whether it may be now.
func (e *estate) remove(leaf int64) bool {
	d := ledger.Delete{Leaf: leaf, By: "steward-c"}
	if index, err := e.Delete(ctx, d); e.did(index, err, ledger.TypeDelete) {
		e.unsigned(&d)
		return true
	}
	e.signLeaf(ledger.SubjectDelete, &d, "ada", "bo")
	index, err := e.Delete(ctx, d)
	return e.did(index, err, ledger.TypeDelete)
}

// train reserves for a job that two approve, charges an attempt of it and closes it.
func (e *estate) train() {
	r := reserve(digest(e.name("job")), 20)
	r.TemplateDigest, r.Until = templateDigest, e.clock.now().AddDate(0, 0, 2).Format(time.DateOnly)
	if _, err := e.Reserve(ctx, r); err == nil {
		e.fail("a job that nobody approved has set aside")
	}
	e.signAs(ledger.SubjectJob, r.Job, onTerms(r), "ada", "cy")
	index, err := e.Reserve(ctx, r)
	if !e.did(index, err, ledger.TypeReserve) {
		return
	}
	if t, err := e.ask(10, 0, r.Job); err == nil {
		e.finish(t)
	}
	closed, err := e.CloseReserve(ctx, index)
	e.did(closed, err, ledger.TypeClose)
}

// replay hands a shown answer to somebody else.
func (e *estate) replay(t *ticket) {
	index, err := e.Replay(ctx, ledger.Replay{ID: e.name("again"), Release: t.release, Grant: "g-1", Principal: "insurer-a", Organisation: "Insurer A", Purpose: "pricing", Request: "q"})
	e.did(index, err, ledger.TypeReplay)
}

// newest is the newest ticket for which ok holds, nil for none.
func (e *estate) newest(ok func(*ticket) bool) *ticket {
	for _, t := range slices.Backward(e.tickets) {
		if ok(t) {
			return t
		}
	}
	return nil
}

func shown(t *ticket) bool   { return t.shown }
func waiting(t *ticket) bool { return t.release >= 0 && !t.shown }

// live is a supervised domain's life: every kind of leaf, answers that are shown, one that
// is not computed, one that waits for the witness, and one charge left open.
func (e *estate) live() {
	e.prepare()
	if t, err := e.ask(10, 0, ""); err == nil {
		e.finish(t)
	}
	if t := e.newest(shown); t != nil {
		e.replay(t)
	}
	e.lower(1)
	e.snapshot()
	e.train()
	if t, err := e.ask(10, 1, ""); err == nil {
		e.clock.step(2 * time.Second)
		index, err := e.Abandon(ctx, t.charge)
		t.abandoned = e.did(index, err, ledger.TypeAbandon)
	}
	e.revoke(ledger.SubjectTemplate, templateDigest, "bo")
	if _, err := e.ask(10, 1, ""); err == nil && e.agreed[ledger.SubjectTemplate].IsZero() {
		e.fail("charged after an approval was taken back")
	}
	index, err := e.Deny(ctx, ledger.Deny{Principal: "insurer-a", Rule: "approval"})
	e.did(index, err, ledger.TypeDeny)
	e.sign(ledger.SubjectTemplate, templateDigest, "bo")
	e.records()
	e.wait()
	_, _ = e.ask(10, 2, "")
}

// records are the leaves of keys and looks at noise.
func (e *estate) records() {
	k := ledger.Key{Use: "receipt", Algorithm: "ed25519", Public: e.name("public"), By: "steward-c"}
	e.signLeaf(ledger.SubjectKey, &k, "ada", "bo")
	index, err := e.Rekey(ctx, k, nil)
	e.did(index, err, ledger.TypeKey)
	a := ledger.Audit{Leaves: 1, Root: fmt.Sprintf("%064x", e.random.Uint64()), Passed: true, By: "steward-c"}
	e.sign(ledger.SubjectAudit, a.Root, "ada", "bo")
	index, err = e.Audit(ctx, a)
	e.did(index, err, ledger.TypeAudit)
}

// wait has an answer wait for a witness that is away.
func (e *estate) wait() {
	t, err := e.ask(10, 2, "")
	if err != nil {
		return
	}
	e.notary.away = true
	e.finish(t)
	if t.shown {
		e.fail("%s was shown while the witness was away", t.id)
	}
	_, _ = e.ask(10, 2, "")
	e.notary.away = false
	e.clock.step(2 * time.Second)
	if waiting(t) {
		e.deliver(t)
	}
}

// crashed lives a life with a fault at one operation, restarts and goes on. It says
// whether the fault was met.
func crashed(f ledgertest.Fault, at int, seed uint64) (met bool, err error) {
	e, err := newEstate(fmt.Sprintf("%s at operation %d, seed %d", f, at, seed), rand.New(rand.NewPCG(seed, uint64(at))))
	if err != nil {
		return false, err
	}
	return met, holds(func() {
		e.disk.Fail(f, at)
		if err := e.open(); err == nil {
			e.live()
			_ = e.Close()
		} else if e.notary.away {
			e.fail("the witness is away")
		}
		met = e.disk.Ops() >= at
		e.notary.away = false
		e.crash(f == ledgertest.Power || f == ledgertest.Slow)
		e.recover("the crash")
		if t := e.newest(func(*ticket) bool { return true }); t != nil {
			e.askAgain("after the crash", t)
		}
		e.crash(true)
		e.recover("a restart and a power loss")
		had := len(e.tickets)
		e.live()
		if e.newest(shown) == nil || len(e.tickets) < had+5 {
			e.fail("it does not go on: %d requests, %d after", had, len(e.tickets))
		}
		if met && e.stopped() {
			e.fail("it has stopped again")
		}
		e.crash(true) // without Close
		e.recover("the power loss")
		if err := e.Close(); err != nil {
			e.fail("it does not close: %v", err)
		}
		e.examine("at the end", false)
	})
}
