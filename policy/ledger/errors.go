package ledger

import (
	"errors"
	"fmt"

	"github.com/qunxiang/qunxiang/dp"
)

// Errors of the package; every error it returns wraps one of them, except
// those of the file system while opening.
var (
	// ErrInUse says that another process holds the domain's lock.
	ErrInUse = errors.New("in use by a server or another command")
	// ErrCorrupt says that the log contradicts itself or its checkpoint. The
	// ledger does not open.
	ErrCorrupt = errors.New("log is damaged")
	// ErrMissing says that there is no log where one must be. A new one would
	// forget all that was spent.
	ErrMissing = errors.New("there is no log here: it was lost or moved. " +
		"What was spent is known to it alone, so no new one is begun; put the log back, from a copy if need be")
	// ErrStopped is what every call gets after a failed write or fsync, or after Close.
	ErrStopped = errors.New("ledger has stopped")
	// ErrLeaf says that a leaf's content is not allowed: an empty or unsafe
	// text, a number out of range, a leaf too large.
	ErrLeaf = errors.New("leaf not allowed")
	// ErrNoCaps says that no GRANT leaf has set caps yet.
	ErrNoCaps = errors.New("no caps have been set")
	// ErrCapRaised says that a GRANT would raise a cap.
	ErrCapRaised = errors.New("a cap is never raised")
	// ErrBudget says that a charge does not fit; the error is a *BudgetError.
	ErrBudget = errors.New("privacy budget exhausted")
	// ErrGrant says that no grant in force covers the charge.
	ErrGrant = errors.New("no grant covers this charge")
	// ErrPolicy says that a charge was decided under a policy that is no longer in force:
	// it is to be decided anew.
	ErrPolicy = errors.New("another policy has come into force meanwhile, ask again")
	// ErrSnapshot says that the charge names a snapshot that was never logged,
	// or that a snapshot is logged twice.
	ErrSnapshot = errors.New("snapshot not as logged")
	// ErrSuspended says that the template version has been abandoned too often
	// and awaits a RESUME.
	ErrSuspended = errors.New("template is suspended")
	// ErrNotSuspended says that a RESUME names a template that is not suspended.
	ErrNotSuspended = errors.New("template is not suspended")
	// ErrDuplicate says that the request id, or this principal's idempotency
	// digest, has been used before.
	ErrDuplicate = errors.New("request has been made before")
	// ErrConflict says that a charge is in the log beside which the caller wants none.
	ErrConflict = errors.New("not beside another charge")
	// ErrReserve says that a charge is not what was set aside for its job, or comes
	// after the CLOSE, or that a reservation is closed twice or past its last day.
	ErrReserve = errors.New("not as set aside")
	// ErrUnknown says that there is no such charge, release, reservation or leaf.
	ErrUnknown = errors.New("not in the log")
	// ErrAlreadyReleased says that the charge has its one release.
	ErrAlreadyReleased = errors.New("charge is already released")
	// ErrSameAnswer says that these very bytes were released for another charge: one answer
	// is to one charge.
	ErrSameAnswer = errors.New("released for another charge")
	// ErrAbandoned says that the charge was abandoned.
	ErrAbandoned = errors.New("charge was abandoned")
	// ErrEarly says that the charge's slot has not come yet.
	ErrEarly = errors.New("before its slot")
	// ErrLate says that the charge's slot has passed.
	ErrLate = errors.New("after its slot")
	// ErrApproval says that something has not the approvals of two people that it needs,
	// or that an approval is not one.
	ErrApproval = errors.New("not approved")
	// ErrSupervised says that a policy would set a supervised domain back, or make one
	// that cannot be.
	ErrSupervised = errors.New("supervision is not given up")
	// ErrRetention says that a file is deleted too early, or twice.
	ErrRetention = errors.New("to be kept")
	// ErrQuorum says that too few witnesses are in reach: no charge is admitted, and what
	// was released waits.
	ErrQuorum = errors.New("the witnesses are out of reach")
	// ErrClock says that the clock is not to be believed: it jumped, the witnesses have
	// another time, or the newest leaf is of a day to come. No leaf bears its time.
	ErrClock = errors.New("the clock is not to be believed")
	// ErrKey says that a key is not one that may sign this log.
	ErrKey = errors.New("not a key for this")
	// ErrRolledBack says that a longer or another log is known outside than the one on
	// this disk, which was put back from an old copy. Nothing may be appended to it.
	ErrRolledBack = errors.New("an old log was put back")
	// ErrProof says that a proof does not hold.
	ErrProof = errors.New("proof does not hold")
)

// BudgetError says where a charge did not fit and what is left there.
type BudgetError struct {
	Scope string  // the scope, or "grant:" and the id of a grant whose quota is reached
	Left  dp.Cost // of a quota, only Rho is set
}

// Error names the scope and the rho left in it.
func (e *BudgetError) Error() string {
	return fmt.Sprintf("%v: %s has rho %g left", ErrBudget, e.Scope, e.Left.RhoFloat())
}

// Unwrap gives ErrBudget.
func (e *BudgetError) Unwrap() error { return ErrBudget }
