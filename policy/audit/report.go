package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxListed is how many findings, or notes, of one code a report lists; further ones are
// counted. It is by code, so that no number of one kind hides another.
const maxListed = 1000

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

// Spend is a charge to one scope.
type Spend struct {
	Leaf         int64  `json:"leaf"`
	Time         int64  `json:"time"` // seconds since 1970
	Principal    string `json:"principal"`
	Organisation string `json:"organisation"`
	Purpose      string `json:"purpose"`
	Template     string `json:"template"`
	Cost         Cost   `json:"cost"`
	Total        Cost   `json:"total"` // of the scope, with this charge
	Cap          Cost   `json:"cap"`   // at the time
}

// Approver is somebody whose approvals count under the newest policy.
type Approver struct {
	Person string `json:"person"`
	Key    string `json:"key"`    // Ed25519, base64
	Pinned bool   `json:"pinned"` // by the auditor; where not, the log alone says who that is
}

// Look is an AUDIT leaf: what the domain says that it saw when it looked at its own noise.
type Look struct {
	Leaf   int64  `json:"leaf"`
	Leaves int64  `json:"leaves"` // the first so many were looked at
	By     string `json:"by"`
	Passed bool   `json:"passed"`
}

// Supervision is what a report says of a supervised domain.
type Supervision struct {
	Since     int64      `json:"since"`    // leaf of the first policy that names approvers
	Before    int64      `json:"before"`   // charges before that, which nobody approved
	Approved  bool       `json:"approved"` // the newest policy has the approvals it needs, at the newest leaf's time
	Approvers []Approver `json:"approvers"`
}

// Report says what a log holds and what is wrong with it.
type Report struct {
	Population string `json:"population"`
	Mode       string `json:"mode"` // of the newest GRANT
	// Supervision is nil for a domain of evaluation.
	Supervision *Supervision `json:"supervision,omitempty"`
	Leaves      int64        `json:"leaves"`    // whole leaves found
	Signed      int64        `json:"signed"`    // leaves under the checkpoint
	Root        string       `json:"root"`      // of the signed leaves, base64
	Witnesses   []string     `json:"witnesses"` // who have cosigned, of those asked for
	// Unpinned are those of Witnesses whom the auditor has not pinned: the policy in the
	// log names them, and only it says whose keys theirs are.
	Unpinned []string `json:"unpinned,omitempty"`
	// When the checkpoint was cosigned, in seconds since 1970; 0 where nobody has.
	OldestCosignature int64 `json:"oldest_cosignature"`
	NewestCosignature int64 `json:"newest_cosignature"`

	Charges   int64     `json:"charges"`
	Releases  int64     `json:"releases"`
	Abandoned int64     `json:"abandoned"`
	Open      int64     `json:"open"` // charges neither released nor abandoned
	Reserves  int64     `json:"reserves"`
	Reserved  int64     `json:"reserved"` // reservations that are open
	Replays   int64     `json:"replays"`
	Denied    int64     `json:"denied"`
	Looks     []Look    `json:"looks,omitempty"` // at noise
	Scopes    []Scope   `json:"scopes"`
	Uses      []Use     `json:"uses"`
	History   []Spend   `json:"history,omitempty"` // of the scope asked for
	Findings  []Finding `json:"findings"`
	More      int64     `json:"more"`  // findings beyond those listed
	Notes     []Finding `json:"notes"` // worth knowing, and nothing wrong
	// Unlisted counts by code the findings and notes beyond those listed.
	Unlisted map[Code]int64 `json:"unlisted,omitempty"`

	listed map[Code]int
}

// OK says that nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Found are the codes of what was found, each once, in the order of their first finding.
func (r *Report) Found() []string {
	codes := []string{}
	for _, f := range r.Findings {
		if !slices.Contains(codes, string(f.Code)) {
			codes = append(codes, string(f.Code))
		}
	}
	return codes
}

// Scope is what the report has of a scope, given in full or without its population. One
// that was never charged has spent nothing.
func (r *Report) Scope(name string) Scope {
	name = r.full(name)
	for _, s := range r.Scopes {
		if s.Name == name {
			return s
		}
	}
	return Scope{Name: name}
}

// full is a scope's whole name.
func (r *Report) full(scope string) string {
	if scope == "" || strings.Contains(scope, "/") {
		return scope
	}
	return r.Population + "/" + scope
}

// ExitCode is what a command ends with: 0 nothing found, 1 findings. A log that
// could not be examined at all, an error of Verify, is 2.
func (r *Report) ExitCode() int {
	if r.OK() {
		return 0
	}
	return 1
}

func (r *Report) note(code Code, format string, args ...any) {
	if r.lists(code) {
		r.Notes = append(r.Notes, Finding{Code: code, Leaf: -1, Text: fmt.Sprintf(format, args...)})
	}
}

func (r *Report) find(code Code, leaf int64, format string, args ...any) {
	if !r.lists(code) {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{Code: code, Leaf: leaf, Text: fmt.Sprintf(format, args...)})
}

// lists says whether there is room for one more of a code, and counts it.
func (r *Report) lists(code Code) bool {
	if r.listed == nil {
		r.listed = map[Code]int{}
	}
	if r.listed[code] >= maxListed {
		if r.Unlisted == nil {
			r.Unlisted = map[Code]int64{}
		}
		r.Unlisted[code]++
		return false
	}
	r.listed[code]++
	return true
}
