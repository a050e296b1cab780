package audit

import (
	"encoding/json"
	"fmt"
)

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
	WrongPopulation   Code = "wrong-population"      // a GRANT for another population
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
	NotApproved       Code = "not-approved"          // something was done or used without the approvals of two other people
	ApprovalInvalid   Code = "approval-invalid"      // an APPROVE that is none: not an approver's, not signed, expired, out of order
	SupervisionLost   Code = "supervision-lost"      // a policy without what a supervised domain needs, or one that sets it back
	DeleteInvalid     Code = "delete-invalid"        // a DELETE too early, of nothing, or twice
	AuditInvalid      Code = "audit-invalid"         // an AUDIT of leaves that are not there, or twice under one approval
	NoiseAuditFailed  Code = "noise-audit-failed"    // an AUDIT found noise that was not what was claimed
	NotWitnessed      Code = "not-witnessed"         // too few witnesses have cosigned the checkpoint
	SM2Invalid        Code = "sm2-invalid"           // the second signature is missing, wrong or over another chain
	ReleaseMissing    Code = "release-missing"       // the released file is not there
	ReleaseAltered    Code = "release-altered"       // the released file is not what was logged
	ReleaseUnlogged   Code = "release-unlogged"      // a file among the releases that no leaf knows: a log that was lost or changed
)

// ReleaseOrphan is a note: a file whose request was charged and never released,
// as a crash leaves it.
const ReleaseOrphan Code = "release-orphan"

// ReserveUnclosed is a note: a reservation that nobody closed before its last day ended
// it, as a job leaves it whose node went away.
const ReserveUnclosed Code = "reserve-unclosed"

// maxFindings is how many findings a report lists; further ones are counted.
const maxFindings = 1000

// Finding is one thing that is wrong.
type Finding struct {
	Code Code   `json:"code"`
	Leaf int64  `json:"leaf"` // the leaf it was found at, -1 for the log as a whole
	Text string `json:"text"`
}

// Cost is a privacy cost of approximate zCDP: rho in 1e-12, delta in 1e-21.
type Cost struct{ Rho, Delta int64 }

// RhoFloat is rho as a number.
func (c Cost) RhoFloat() float64 { return float64(c.Rho) / 1e12 }

// MarshalJSON writes rho and delta as releases have them, and beside them the
// exact integers of the log.
func (c Cost) MarshalJSON() ([]byte, error) {
	return json.Marshal(costJSON{c.RhoFloat(), float64(c.Delta) / 1e21, c.Rho, c.Delta})
}

// UnmarshalJSON reads the exact integers.
func (c *Cost) UnmarshalJSON(b []byte) error {
	var j costJSON
	err := json.Unmarshal(b, &j)
	*c = Cost{j.RhoUnits, j.DeltaUnits}
	return err
}

type costJSON struct {
	Rho        float64 `json:"rho"`
	Delta      float64 `json:"delta"`
	RhoUnits   int64   `json:"rho_units"`   // in 1e-12
	DeltaUnits int64   `json:"delta_units"` // in 1e-21
}

// Use is what one organisation asked for one purpose.
type Use struct {
	Organisation string `json:"organisation"`
	Purpose      string `json:"purpose"` // "read-releases": read by role, unasked
	Charges      int64  `json:"charges"`
	Replays      int64  `json:"replays"`
	Cost         Cost   `json:"cost"` // of the charges
}

// Scope is what was charged to a scope, and its cap at the end of the log.
type Scope struct {
	Name  string `json:"name"`
	Spent Cost   `json:"spent"`
	Cap   Cost   `json:"cap"`
	Held  Cost   `json:"held"` // set aside and not charged, at the end of the log
}

// Report says what a log holds and what is wrong with it.
type Report struct {
	Population string    `json:"population"`
	Mode       string    `json:"mode"`      // of the newest GRANT
	Leaves     int64     `json:"leaves"`    // whole leaves found
	Signed     int64     `json:"signed"`    // leaves under the checkpoint
	Root       string    `json:"root"`      // of the signed leaves, base64
	Witnesses  []string  `json:"witnesses"` // who have cosigned, of those asked for
	Charges    int64     `json:"charges"`
	Releases   int64     `json:"releases"`
	Abandoned  int64     `json:"abandoned"`
	Open       int64     `json:"open"` // charges neither released nor abandoned
	Reserves   int64     `json:"reserves"`
	Reserved   int64     `json:"reserved"` // reservations that are open
	Replays    int64     `json:"replays"`
	Denied     int64     `json:"denied"`
	Scopes     []Scope   `json:"scopes"`
	Uses       []Use     `json:"uses"`
	Findings   []Finding `json:"findings"`
	More       int64     `json:"more"`  // findings beyond those listed
	Notes      []Finding `json:"notes"` // worth knowing, and nothing wrong
}

// OK says that nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// ExitCode is what a command ends with: 0 nothing found, 1 findings. A log that
// could not be examined at all, an error of Verify, is 2.
func (r *Report) ExitCode() int {
	if r.OK() {
		return 0
	}
	return 1
}

func (r *Report) note(code Code, format string, args ...any) {
	if len(r.Notes) < maxFindings {
		r.Notes = append(r.Notes, Finding{Code: code, Leaf: -1, Text: fmt.Sprintf(format, args...)})
	}
}

func (r *Report) find(code Code, leaf int64, format string, args ...any) {
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{Code: code, Leaf: leaf, Text: fmt.Sprintf(format, args...)})
}
