package secagg

import (
	"errors"
	"fmt"
)

// Errors of this package. A refused message or part leaves an attempt as it was
// unless the doc comment says that it ends the attempt.
var (
	// ErrOptions: parameters, roster or expectations that cannot be used.
	ErrOptions = errors.New("secagg: unusable options")
	// ErrOpen: an OPEN that is not the one this node expects (job, parameters,
	// roster, round, model, length) or whose attempt number is not new.
	ErrOpen = errors.New("secagg: unexpected opening")
	// ErrOrder: a call or message that does not belong to the current phase.
	ErrOrder = errors.New("secagg: out of order")
	// ErrClosed: the attempt has ended; its secrets are gone.
	ErrClosed = errors.New("secagg: attempt is closed")
	// ErrRoster: a sender that is not on the roster.
	ErrRoster = errors.New("secagg: not on the roster")
	// ErrContext: a message of another job, round or attempt, or of a node that
	// saw other HELLOs.
	ErrContext = errors.New("secagg: another context")
	// ErrWire: bytes of the wrong length, or a number outside its range.
	ErrWire = errors.New("secagg: malformed bytes")
	// ErrSignature: a signature that does not verify.
	ErrSignature = errors.New("secagg: bad signature")
	// ErrEvidence: a node signed two different messages for one phase; the error
	// is an [Evidence]. Ends the attempt.
	ErrEvidence = errors.New("secagg: two messages for one phase")
	// ErrRollback: a peer's ledger went back or forked. Ends the attempt.
	ErrRollback = errors.New("secagg: a peer's ledger went back")
	// ErrCommitment: bytes that do not open their commitment. Ends the attempt if
	// the bytes are signed.
	ErrCommitment = errors.New("secagg: does not open its commitment")
	// ErrDuplicate: two nodes sent the same key, nonce or commitment. Ends the attempt.
	ErrDuplicate = errors.New("secagg: the same value twice")
	// ErrRoot: a node confirmed another transcript root. Ends the attempt.
	ErrRoot = errors.New("secagg: another transcript root")
	// ErrRange: an input outside what the parameters carry exactly.
	ErrRange = errors.New("secagg: input out of range")
	// ErrShare: a share that cannot be opened or is not the one confirmed.
	ErrShare = errors.New("secagg: not the confirmed share")
	// ErrSpoiled: the sum's check slot, spare slots or noise are wrong: some node
	// sent a wrong share, ciphertext or key share.
	ErrSpoiled = errors.New("secagg: the sum is spoiled")
	// ErrResult: a node reports another sum or model.
	ErrResult = errors.New("secagg: another result")
	// ErrAborted: a node signed ABORT. Ends the attempt.
	ErrAborted = errors.New("secagg: a node aborted")
	// ErrMissing: something of the full set is not there yet.
	ErrMissing = errors.New("secagg: incomplete")
	// ErrInternal: the lattice library failed. Ends the attempt.
	ErrInternal = errors.New("secagg: lattice arithmetic failed")
)

// border turns a panic of the lattice library into an error. Every exported call
// that reaches the library defers it, and this is the package's only recover; end
// may be nil, or is told the error.
func border(err *error, end func(error) error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrInternal, r)
		if end != nil {
			*err = end(*err)
		}
	}
}
