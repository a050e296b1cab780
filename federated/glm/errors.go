package glm

import "errors"

// Refusals. Their texts quote the job card only, never data.
var (
	// ErrSpec is a model that is not fully or not sensibly stated.
	ErrSpec = errors.New("glm: the model is malformed")
	// ErrOverflow is a model whose sums could leave the range of the secure sum.
	ErrOverflow = errors.New("glm: sums could overflow")
	// ErrTooManyCells is a model with more numbers per round than one secure sum holds.
	ErrTooManyCells = errors.New("glm: too many columns for one secure sum")
	// ErrMismatch means that data, coefficients, sums or rounds do not belong to the plan.
	ErrMismatch = errors.New("glm: this does not belong to the plan")
	// ErrContract is data that breaks the contract; errors.As finds the *FieldError.
	ErrContract = errors.New("glm: the data break the contract")
)

// FieldError names the field of the contract that the data break, and how, never
// a value or a place in the data.
type FieldError struct {
	Field string // as the contract names it
	Why   string // one of a fixed list of words
}

// Error says which field fails and how.
func (e *FieldError) Error() string { return ErrContract.Error() + ": " + e.Field + ": " + e.Why }

// Unwrap makes it an ErrContract.
func (e *FieldError) Unwrap() error { return ErrContract }
