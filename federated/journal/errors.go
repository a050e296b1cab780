package journal

import "errors"

var (
	// ErrDamaged: a file is not what was written, or a charged share is gone.
	ErrDamaged = errors.New("journal: damaged")
	// ErrRollback: the journal or the node's own ledger is an old copy.
	ErrRollback = errors.New("journal: journal and ledger are not of one time")
	// ErrOther: the folder is another job's.
	ErrOther = errors.New("journal: of another job")
	// ErrAttempt: an attempt number that is not new.
	ErrAttempt = errors.New("journal: attempt was seen before")
	// ErrSecond: a second share for one attempt, or a share for an old one.
	ErrSecond = errors.New("journal: no second share")
	// ErrNone: there is no such share.
	ErrNone = errors.New("journal: no such share")
)
