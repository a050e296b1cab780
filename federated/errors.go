package federated

import "errors"

var (
	// ErrCard: a job card that is malformed, with line and column where it came from
	// YAML.
	ErrCard = errors.New("federated: job card")
	// ErrApproval: an approval or notice that is not the named party's on this card.
	ErrApproval = errors.New("federated: not this party's statement on this card")
	// ErrOptions: options that are missing or contradict the card.
	ErrOptions = errors.New("federated: unusable options")
	// ErrWire: an item or posting that cannot be read.
	ErrWire = errors.New("federated: malformed item")
	// ErrRefused: the coordinator does not take a posting, or a node the job.
	ErrRefused = errors.New("federated: refused")
	// ErrRoom: the node's privacy budget has no room for the job.
	ErrRoom = errors.New("federated: no room")
	// ErrAbsent: the snapshot that the job's rows are read from is not there, or cannot
	// be read.
	ErrAbsent = errors.New("federated: there is no snapshot to read")
	// ErrStopped: the job has ended without a model; the text gives the reason.
	ErrStopped = errors.New("federated: the job has stopped")
	// ErrSnapshot: the snapshot served another job already.
	ErrSnapshot = errors.New("federated: another job was trained on this snapshot")
	// ErrLimit: more than the node's operator allows.
	ErrLimit = errors.New("federated: beyond the operator's limits")
	// ErrVerify: a job folder that does not prove what it claims.
	ErrVerify = errors.New("federated: the folder does not verify")
)
