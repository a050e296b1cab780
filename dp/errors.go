package dp

import (
	"errors"
	"fmt"
)

// Refusals of a question, before anything is charged. Their texts quote only
// what is public: names, bounds and wanted accuracy.
var (
	// ErrSpec is a question whose shape is wrong: names, columns, keys, kinds.
	ErrSpec = errors.New("dp: the question is malformed")
	// ErrBounds is a missing, zero-width or senseless bound.
	ErrBounds = errors.New("dp: bounds are missing or empty")
	// ErrOverflow is a question whose sums could pass 2^63.
	ErrOverflow = errors.New("dp: sums could overflow")
	// ErrTooManyCells is a question with more public groups, or cells, than MaxGroups or MaxCells.
	ErrTooManyCells = errors.New("dp: too many groups or cells")

	// ErrWant is a wish that is not exactly one of a cost and a list of errors, or names a measure twice.
	ErrWant = errors.New("dp: state either a cost or errors, each measure once")
	// ErrUnknownMeasure is a measure the question does not have.
	ErrUnknownMeasure = errors.New("dp: unknown measure")
	// ErrReference is a relative error, or one that depends on the group size, without the public figure it is relative to.
	ErrReference = errors.New("dp: a reference value or group size is missing")
	// ErrAccuracy is an accuracy that is not a positive finite number or not one that noise can meet.
	ErrAccuracy = errors.New("dp: accuracy must be a positive number within reach")
	// ErrTooPrecise is an accuracy that would need rho above 0.5 in one draw. It is an ErrAccuracy.
	ErrTooPrecise = fmt.Errorf("%w: too precise, more than rho 0.5 in one draw", ErrAccuracy)
	// ErrTooCoarse is an accuracy so wide that the answer would say nothing. It is an ErrAccuracy.
	ErrTooCoarse = fmt.Errorf("%w: so wide that the answer would say nothing", ErrAccuracy)
	// ErrDelta is a DeltaRule without a usable cap or with Fixed outside (0, 1).
	ErrDelta = errors.New("dp: no delta for the threshold")
	// ErrCost is a cost or cap that is not a number in range.
	ErrCost = errors.New("dp: cost out of range")
)

// Misuse by the caller, and the one opaque failure. None quotes data.
var (
	// ErrReleased means that the Totals were released, joined or are being released.
	ErrReleased = errors.New("dp: these totals are spent")
	// ErrMismatch means that Totals and Plan, or two Totals, do not belong together.
	ErrMismatch = errors.New("dp: totals and plan do not belong together")
	// ErrTable means that a Table has not the shape of its Plan's answers.
	ErrTable = errors.New("dp: the table is none of this plan's")
	// ErrBatch is a Batch whose columns have different lengths or refer to nothing.
	ErrBatch = errors.New("dp: malformed batch")
	// ErrPeople means more people than Spec.MaxPeople, on which the overflow proof rests.
	ErrPeople = errors.New("dp: more people than declared")
	// ErrNoise means that a draw failed. Nothing more is said.
	ErrNoise = errors.New("dp: noise could not be drawn")
	// ErrClaim means that a log's word on a release does not hold together, as its public parts alone show.
	ErrClaim = errors.New("dp: a release is not what the log says of it")
	// ErrSealed refuses a pass that dp did not issue.
	ErrSealed = errors.New("dp: sealed")
)
