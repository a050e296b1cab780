package queries

import "errors"

// Errors a request can meet before anything is charged. They are stable: the
// HTTP edge maps each to one problem type.
var (
	// ErrTemplate marks a template file that does not say a complete, consistent question.
	ErrTemplate = errors.New("template is not valid")
	// ErrUnknownTemplate means that no approved template has this id, version or catalogue id.
	ErrUnknownTemplate = errors.New("unknown template")
	// ErrFeatures refuses a feature template where a question is wanted.
	ErrFeatures = errors.New("is a feature template: it gives rows of people to training jobs and to nobody else")
	// ErrContract marks a training job whose columns are not those of its feature template.
	ErrContract = errors.New("the job's columns do not fit the feature template")
	// ErrParameter marks a parameter that is missing, unknown, of the wrong type or out of its limits.
	ErrParameter = errors.New("parameter refused")
	// ErrAccuracy marks a wanted accuracy or cost that no plan can be made for.
	ErrAccuracy = errors.New("accuracy refused")
	// ErrMostlyEmpty means that the declared public size predicts a mostly suppressed table.
	ErrMostlyEmpty = errors.New("the table would be mostly empty")
	// ErrPrice means that the answer costs more now than was agreed to.
	ErrPrice = errors.New("the price is above what was agreed to")
	// ErrNoSnapshot means that the domain has no registered snapshot to ask.
	ErrNoSnapshot = errors.New("no snapshot is registered")
	// ErrBusy means that the engine is at work on as many requests as it may; it passes.
	ErrBusy = errors.New("too many requests are running; ask again later")
	// ErrTooMany means that one organisation has as many requests in flight as it may.
	ErrTooMany = errors.New("too many of your requests are waiting for their answers; ask again when one is due")
	// ErrTooFast means that one organisation repeats too many requests, each a leaf of the log.
	ErrTooFast = errors.New("too many repeats; ask again in a while")
	// ErrSuspended means that the template version was abandoned too often on this population.
	ErrSuspended = errors.New("template is suspended on this population")
	// ErrUnknownRequest means that no request or release of this caller has this id.
	ErrUnknownRequest = errors.New("unknown request")
	// ErrUnlogged means that a release that others asked for cannot be read where nothing can be logged.
	ErrUnlogged = errors.New("reading a release that others asked for is logged, and needs the log")
	// ErrIdempotency means that an idempotency key came back with another request.
	ErrIdempotency = errors.New("idempotency key was used for another request")
	// ErrNoEngine means that the engine cannot be asked now.
	ErrNoEngine = errors.New("the engine cannot be asked now; nothing was charged")
	// ErrOrder means that an order comes to another job or plan than its seal says.
	ErrOrder = errors.New("the order is not what it was sealed as")
	// ErrAbandoned means that the request was charged and will never be answered.
	// It carries no reason: the reason is data.
	ErrAbandoned = errors.New("the request was charged and abandoned")
)
