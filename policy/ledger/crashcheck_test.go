package ledger_test

import (
	"errors"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// check holds a ledger that was opened again against what its clients were told.
func (e *estate) check(when string) {
	files := e.disk.Files(releasesDir)
	for _, t := range e.tickets {
		e.checkTicket(when, t)
		if t.shown && !t.deleted {
			e.stored(t, files)
		}
	}
	for index, kind := range e.leaves {
		if leaf, _, err := e.Leaf(index); err != nil || leaf.Body.Type() != kind {
			e.fail("%s: leaf %d is lost: %v", when, index, err)
		}
	}
	if spent := e.Spent(life).Rho; spent < e.rho || spent > e.grant.Life.Rho {
		e.fail("%s: spent %d of %d, acknowledged %d", when, spent, e.grant.Life.Rho, e.rho)
	}
	if e.fatal > 1 {
		e.fail("%s: %d calls of Fatal", when, e.fatal)
	}
}

func (e *estate) checkTicket(when string, t *ticket) {
	r, ok := e.Trace(t.id)
	switch {
	case !ok || r.Request.Index != t.charge:
		e.fail("%s: the charge of %s is lost", when, t.id)
	case r.Request.Open():
		e.fail("%s: %s is still open", when, t.id)
	case t.abandoned && !r.Request.Abandoned:
		e.fail("%s: %s was abandoned", when, t.id)
	case t.release >= 0 && (r.Request.Release != t.release || r.Request.Digest != t.digest):
		e.fail("%s: the release of %s is lost: %+v", when, t.id, r)
	case t.shown && !e.Published(r.Request):
		e.fail("%s: %s was shown and is not published", when, t.id)
	}
	if r.Request.Release >= 0 && t.release < 0 { // the leaf was written, and nobody was told
		t.release = r.Request.Release
		if r.Request.Digest != t.digest {
			e.fail("%s: %s was released with another answer", when, t.id)
		}
		e.stored(t, e.disk.Files(releasesDir))
	}
	if _, err := e.Release(ctx, ledger.Release{Charge: t.charge, ID: t.id, Digest: digest("another")}); err == nil {
		e.fail("%s: %s was released a second time", when, t.id)
	}
	again, ok := e.ByIdempotency("insurer-a", t.once())
	if !ok || again.ID != t.id {
		e.fail("%s: the idempotency key of %s is forgotten", when, t.id)
	}
}

// askAgain sends a request a second time; it must never be charged again.
func (e *estate) askAgain(when string, t *ticket) {
	c := charge(t.id, 1, e.clock.now())
	c.TemplateDigest = templateDigest
	if _, err := e.Charge(ctx, under(e.Ledger, c)); err == nil {
		e.fail("%s: the id %s was charged twice", when, t.id)
	}
	c.ID, c.Idempotency = e.name("r"), t.once()
	if _, err := e.Charge(ctx, under(e.Ledger, c)); err == nil {
		e.fail("%s: the idempotency key of %s was charged twice", when, t.id)
	}
}

// crash ends the process; with power, what was not synced is left to chance.
func (e *estate) crash(power bool) {
	e.disk.Restart()
	if power {
		e.disk.Lose(e.random)
	}
}

// recover opens after a crash and looks at what is there before and after.
func (e *estate) recover(when string) {
	e.examine("after "+when, true)
	if err := e.open(); err != nil {
		e.fail("it does not open after %s: %v", when, err)
	}
	e.check("after " + when)
	if !e.notary.away {
		e.examine("opened after "+when, false)
	}
}

// stopped says whether the process has ended itself or was killed.
func (e *estate) stopped() bool {
	if e.disk.Dead() || e.fatal > 0 {
		return true
	}
	_, err := e.Checkpoint(ctx)
	return errors.Is(err, ledger.ErrStopped)
}
