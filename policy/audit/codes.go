package audit

// Code names a kind of finding. Codes are stable: scripts may rely on them.
type Code string

// The codes.
const (
	CheckpointInvalid Code = "checkpoint-invalid"    // not signed by the key, or not a checkpoint
	LogShort          Code = "log-short"             // fewer leaves than the checkpoint says
	RootMismatch      Code = "root-mismatch"         // not the leaves the checkpoint was signed over
	SinceInvalid      Code = "since-invalid"         // the older checkpoint is not of this log
	SinceMismatch     Code = "since-mismatch"        // history was rewritten since the older checkpoint
	RecordDamaged     Code = "record-damaged"        // a record under the checkpoint cannot be read
	TornTail          Code = "torn-tail"             // bytes after the last whole record, under no checkpoint: a crash, a write going on, or damage
	LeafMalformed     Code = "leaf-malformed"        // not a leaf in its one canonical form
	LeafIndex         Code = "leaf-index"            // a leaf does not bear its place
	TimeBackwards     Code = "time-backwards"        // a leaf is older than one before it
	DuplicateID       Code = "duplicate-id"          // a request id is used twice
	DuplicateKey      Code = "duplicate-idempotency" // a principal's idempotency digest is used twice
	NoCaps            Code = "no-caps"               // a charge before any caps
	CapRaised         Code = "cap-raised"            // a GRANT raises a cap
	CapPassed         Code = "cap-passed"            // a scope is charged, or set aside, beyond its cap
	ScopeInvalid      Code = "scope-invalid"         // not a scope of this population, or life is missing
	GrantUnknown      Code = "grant-unknown"         // a charge names no grant in force
	GrantExpired      Code = "grant-expired"         // its grant had ended
	GrantMismatch     Code = "grant-mismatch"        // its grant is for another principal, template or purpose
	QuotaPassed       Code = "quota-passed"          // its grant's quota is passed
	WrongPopulation   Code = "wrong-population"      // a GRANT for another population, or another log's key
	SnapshotUnknown   Code = "snapshot-unknown"      // a charge names a snapshot that was not logged
	SnapshotTwice     Code = "snapshot-twice"        // a snapshot is logged twice
	Suspended         Code = "suspended"             // a charge for a suspended template
	ResumeInvalid     Code = "resume-invalid"        // a RESUME of what is not suspended, or by too few
	DueInvalid        Code = "due-invalid"           // a charge due no later than it was made
	ChargeUnknown     Code = "charge-unknown"        // a RELEASE or ABANDON without its earlier CHARGE
	IDMismatch        Code = "id-mismatch"           // a RELEASE under another id than its charge's
	SecondRelease     Code = "second-release"        // a charge is released twice
	AfterAbandon      Code = "after-abandon"         // a charge is closed again after ABANDON
	AfterRelease      Code = "after-release"         // an ABANDON after the RELEASE
	ReleaseTime       Code = "release-time"          // a RELEASE not at its slot
	ReplayUnknown     Code = "replay-unknown"        // a REPLAY without its earlier RELEASE
	ReserveTwice      Code = "reserve-twice"         // a job sets aside twice
	ReserveLate       Code = "reserve-late"          // a RESERVE past its own last day
	ReservePassed     Code = "reserve-passed"        // a charge is more than was left of what was set aside
	ReserveMismatch   Code = "reserve-mismatch"      // a charge of a job is another than was set aside for
	ReserveClosed     Code = "reserve-closed"        // a charge after its job's CLOSE
	CloseUnknown      Code = "close-unknown"         // a CLOSE without its earlier RESERVE
	CloseTwice        Code = "close-twice"           // a reservation is closed twice
	ChainBroken       Code = "chain-broken"          // a leaf is not chained by SM3 to the one before
	PolicyOrder       Code = "policy-order"          // a GRANT takes the place of another than the policy in force
	PolicyMismatch    Code = "policy-mismatch"       // a charge decided under another policy than the one in force
	EpochInvalid      Code = "epoch-invalid"         // a charge keeps to the opt-outs of another day than its own
	RulesLost         Code = "rules-lost"            // a leaf that bears older rules than one before it
	CostTooLow        Code = "cost-too-low"          // a charge is of less than its noise costs at least
	TrainingUnfounded Code = "training-unfounded"    // a charge is called a training's and has not what a training has
	ApproverUnpinned  Code = "approver-unpinned"     // a policy names an approver whom the auditor has not pinned
	NotApproved       Code = "not-approved"          // something was done or used without the approvals of two other people
	ApprovalInvalid   Code = "approval-invalid"      // an APPROVE that is none: not an approver's, not signed, expired, out of order
	SupervisionLost   Code = "supervision-lost"      // a policy without what a supervised domain needs, or one that sets it back
	DeleteInvalid     Code = "delete-invalid"        // a DELETE too early, of nothing, or twice
	AuditInvalid      Code = "audit-invalid"         // an AUDIT of leaves that are not there, or twice under one approval
	NoiseAuditFailed  Code = "noise-audit-failed"    // an AUDIT found noise that was not what was claimed
	NotWitnessed      Code = "not-witnessed"         // too few witnesses have cosigned the checkpoint
	LeafAhead         Code = "leaf-ahead"            // a leaf is later than the cosignatures of the checkpoint that covers it
	LeafBackdated     Code = "leaf-backdated"        // a leaf after the older checkpoint is from before that was cosigned
	Stale             Code = "stale"                 // the checkpoint was cosigned too long ago
	SM2Invalid        Code = "sm2-invalid"           // the second signature is missing, wrong or over another chain
	KeyRetired        Code = "key-retired"           // a checkpoint signed by a key that was not in force at its size, or a key that comes back
	KeyUnpinned       Code = "key-unpinned"          // the checkpoint is signed by a key that no pinned key handed over: the one before was lost
	ReleaseMissing    Code = "release-missing"       // the released file is not there
	ReleaseAltered    Code = "release-altered"       // the released file is not what was logged
	ReleaseMismatch   Code = "release-mismatch"      // the released file says something else than its charge
	ReleaseAgain      Code = "release-again"         // one released file stands for two charges
	SecondDraw        Code = "second-draw"           // more files than one for a charge that was never released
	ReleasesAbsent    Code = "releases-absent"       // there are no released files; a note where they were not asked for
	LogUnusable       Code = "log-unusable"          // there is no log to examine; it comes with ErrUnusable
	ReleaseUnlogged   Code = "release-unlogged"      // a file among the releases that no leaf knows: a log that was lost or changed
)

// ReleaseOrphan is a note: a file whose request was charged and never released,
// as a crash leaves it.
const ReleaseOrphan Code = "release-orphan"

// LogEmpty is a note: the checkpoint covers no leaf.
const LogEmpty Code = "log-empty"

// AgeUnknown is a note: nobody has cosigned the checkpoint, so its age is not known.
const AgeUnknown Code = "age-unknown"

// ReserveUnclosed is a note: a reservation that nobody closed before its last day ended
// it, as a job leaves it whose node went away.
const ReserveUnclosed Code = "reserve-unclosed"

// RulesBefore is a note: charges and reservations of an older program, held to the fewer
// rules of then.
const RulesBefore Code = "rules-before"

// LeavesUncovered is a note: leaves after those that the checkpoint covers.
const LeavesUncovered Code = "leaves-uncovered"

// Described is a code and what it means.
type Described struct {
	Code Code   `json:"code"`
	Text string `json:"text"`
}

// Codes are the codes of findings, as they are explained to people.
func Codes() []Described {
	return []Described{
		{CheckpointInvalid, "not signed by the key, or not a checkpoint"},
		{LogShort, "fewer leaves than the checkpoint says"},
		{RootMismatch, "not the leaves the checkpoint was signed over"},
		{SinceInvalid, "the older checkpoint is not of this log"},
		{SinceMismatch, "history was rewritten since the older checkpoint"},
		{RecordDamaged, "a record under the checkpoint cannot be read"},
		{TornTail, "bytes after the last whole record, under no checkpoint: a crash, a write going on, or damage"},
		{LeafMalformed, "not a leaf in its one canonical form"},
		{LeafIndex, "a leaf does not bear its place"},
		{TimeBackwards, "a leaf is older than one before it"},
		{DuplicateID, "a request id is used twice"},
		{DuplicateKey, "a principal's idempotency digest is used twice"},
		{NoCaps, "a charge before any caps"},
		{CapRaised, "a GRANT raises a cap"},
		{CapPassed, "a scope is charged, or set aside, beyond its cap"},
		{ScopeInvalid, "not a scope of this population, or life is missing"},
		{GrantUnknown, "a charge, or somebody handed a release, names no grant in force"},
		{GrantExpired, "its grant had ended"},
		{GrantMismatch, "its grant is for another principal, template or purpose, or nobody knows who asks"},
		{QuotaPassed, "its grant's quota is passed"},
		{WrongPopulation, "a GRANT for another population, or a KEY leaf with another log's key"},
		{SnapshotUnknown, "a charge names a snapshot that was not logged"},
		{SnapshotTwice, "a snapshot is logged twice"},
		{Suspended, "a charge for a suspended template"},
		{ResumeInvalid, "a RESUME of what is not suspended, or by too few"},
		{DueInvalid, "a charge due no later than it was made"},
		{ChargeUnknown, "a RELEASE or ABANDON without its earlier CHARGE"},
		{IDMismatch, "a RELEASE under another id than its charge's"},
		{SecondRelease, "a charge is released twice"},
		{AfterAbandon, "a charge is closed again after ABANDON"},
		{AfterRelease, "an ABANDON after the RELEASE"},
		{ReleaseTime, "a RELEASE not at its slot"},
		{ReplayUnknown, "a REPLAY without its earlier RELEASE"},
		{ReserveTwice, "a job sets aside twice"},
		{ReserveLate, "a RESERVE past its own last day"},
		{ReservePassed, "a charge is more than was left of what was set aside"},
		{ReserveMismatch, "a charge of a job is another than was set aside for"},
		{ReserveClosed, "a charge after its job's CLOSE"},
		{CloseUnknown, "a CLOSE without its earlier RESERVE"},
		{CloseTwice, "a reservation is closed twice"},
		{ChainBroken, "a leaf is not chained by SM3 to the one before"},
		{PolicyOrder, "a GRANT takes the place of another than the policy in force"},
		{PolicyMismatch, "a charge decided under another policy than the one in force"},
		{EpochInvalid, "a charge keeps to the opt-outs of another day than its own"},
		{RulesLost, "a charge or reservation bears older rules than one before it"},
		{CostTooLow, "a charge is of less than its noise costs at least"},
		{TrainingUnfounded, "a charge is called a training's and has not what a training has: a reservation, an attempt, a transcript"},
		{ApproverUnpinned, "a policy names an approver whom the auditor has not pinned, or with another key"},
		{NotApproved, "something was done or used without the approvals of two other people"},
		{ApprovalInvalid, "an APPROVE that is none: not an approver's, not signed, expired, out of order"},
		{SupervisionLost, "a policy without what a supervised domain needs, or one that sets it back"},
		{DeleteInvalid, "a DELETE too early, of nothing, or twice"},
		{AuditInvalid, "an AUDIT of leaves that are not there, under another root than theirs, or twice under one approval"},
		{NoiseAuditFailed, "an AUDIT found noise that was not what was claimed"},
		{NotWitnessed, "too few witnesses have cosigned the checkpoint"},
		{LeafAhead, "a leaf is later than the cosignatures of the checkpoint that covers it"},
		{LeafBackdated, "a leaf after the older checkpoint is from before that was cosigned"},
		{Stale, "the checkpoint was cosigned too long ago"},
		{SM2Invalid, "the second signature is missing, wrong or over another chain"},
		{KeyRetired, "a checkpoint signed by a key that was not in force at its size, or a key that comes back"},
		{KeyUnpinned, "the checkpoint is signed by a key that no pinned key handed over: the one before was lost; pin the new one, by another way than the log"},
		{ReleaseMissing, "the released file is not there"},
		{ReleaseAltered, "the released file is not what was logged"},
		{ReleaseMismatch, "the released file says something else than its charge"},
		{ReleaseAgain, "one released file stands for two charges"},
		{SecondDraw, "more files than one for a charge that was never released"},
		{ReleasesAbsent, "there are no released files to hold against the log; only a note where they were not asked for"},
		{LogUnusable, "there is no log to examine: no checkpoint, a bundle that is none or cut off, or leaves that cannot be read"},
		{ReleaseUnlogged, "a file among the releases that no leaf knows: a log that was lost or changed"},
	}
}
