package witness

import (
	"errors"
	"fmt"
)

// Errors of the package. Those a witness refuses a checkpoint with are also what its
// HTTP answers stand for: see [Witness.Handler].
var (
	// ErrKey says that a text is not the key that it should be.
	ErrKey = errors.New("not such a key")
	// ErrMalformed says that a request or a checkpoint is not in its form.
	ErrMalformed = errors.New("malformed")
	// ErrUnknownLog says that the witness does not know the checkpoint's log.
	ErrUnknownLog = errors.New("unknown log")
	// ErrSignature says that none of the log's keys has signed the checkpoint, or that a
	// signature in the name of one is wrong.
	ErrSignature = errors.New("not signed by a key of the log")
	// ErrConflict says that the checkpoint the proof begins with is not the newest that
	// the witness cosigned; the error is a *ConflictError.
	ErrConflict = errors.New("not from the newest cosigned size")
	// ErrFork says that a checkpoint has the size of the one cosigned and another root:
	// the log has two histories.
	ErrFork = errors.New("the log has two histories")
	// ErrProof says that the consistency proof does not hold.
	ErrProof = errors.New("consistency proof does not hold")
	// ErrState says that a log's state is lost, damaged or could not be kept. The
	// witness cosigns nothing of that log.
	ErrState = errors.New("the witness's state cannot be used")
	// ErrInUse says that another process has the witness's folder open.
	ErrInUse = errors.New("the witness's folder is in use")
	// ErrAnswer says that a witness could not be reached or gave an answer that is none.
	ErrAnswer = errors.New("no usable answer")
	// ErrClock says that a cosignature is not of this time. It comes with ErrAnswer.
	ErrClock = errors.New("a clock is wrong")
	// ErrAhead says that a witness knows more of the log than there is here: the log on
	// this disk was put back. The error is an *AheadError.
	ErrAhead = errors.New("a witness knows a longer log: this one was put back")
	// ErrQuorum says that too few witnesses have cosigned; the error is a *QuorumError.
	ErrQuorum = errors.New("too few witnesses")
	// ErrSecond says that a checkpoint's SM2 signature is missing where a Trust asks for
	// one. It comes with ErrSignature.
	ErrSecond = errors.New("without its second signature")
)

// ConflictError tells the size that a witness knows.
type ConflictError struct {
	Size int64 // leaves of the newest checkpoint it cosigned, 0 for none
}

// Error names the size.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v: it knows %d leaves", ErrConflict, e.Size)
}

// Unwrap gives ErrConflict.
func (e *ConflictError) Unwrap() error { return ErrConflict }

// AheadError tells which witness knows how much more.
type AheadError struct {
	Witness string
	Size    int64 // leaves that the witness knows
	Ours    int64 // leaves of our checkpoint
	// Checkpoint is the witness's, signed by the log's own key and cosigned: proof that
	// the log was longer. It is nil where the witness only says so.
	Checkpoint []byte
}

// Error names the witness and both sizes.
func (e *AheadError) Error() string {
	said := "proves"
	if e.Checkpoint == nil {
		said = "only says"
	}
	return fmt.Sprintf("%v (%s %s %d leaves, here are %d)", ErrAhead, e.Witness, said, e.Size, e.Ours)
}

// Unwrap gives ErrAhead.
func (e *AheadError) Unwrap() error { return ErrAhead }

// ForkError tells which witness proves that the log has another history than the one on
// this disk.
type ForkError struct {
	Witness string
	Size    int64 // leaves of the witness's checkpoint
	// Checkpoint is the witness's, signed by the log's own key and cosigned.
	Checkpoint []byte
}

// Error names the witness and its size.
func (e *ForkError) Error() string {
	return fmt.Sprintf("%v: %s proves one of %d leaves that the log here does not continue", ErrFork, e.Witness, e.Size)
}

// Unwrap gives ErrFork.
func (e *ForkError) Unwrap() error { return ErrFork }
