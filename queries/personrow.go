package queries

import (
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// redacted is all that a PersonRow ever says about itself.
const redacted = "redacted"

// PersonRow is one row of one person. It prints, logs and marshals as "redacted"
// (rule 11): only who asks for its parts has them.
type PersonRow struct{ open func() personRow }

// personRow is behind a function, where no printer and no reflection of what holds
// a PersonRow can follow.
type personRow struct {
	person [16]byte
	values []float64
}

// NewPersonRow makes a row: the psn_key, big-endian, and a number for each column
// of the job, the position of the level for a factor. It keeps values.
func NewPersonRow(person [16]byte, values []float64) PersonRow {
	row := personRow{person, values}
	return PersonRow{func() personRow { return row }}
}

// Person names the person within the domain: the psn_key in hex. It is never to be
// logged or sent.
func (r PersonRow) Person() string {
	if r.open == nil {
		return ""
	}
	person := r.open().person
	return hex.EncodeToString(person[:])
}

// Value is the number in a column of the job: of a factor, the position of its level.
func (r PersonRow) Value(column int) float64 {
	if r.open == nil {
		return 0
	}
	values := r.open().values
	if column < 0 || column >= len(values) {
		return 0
	}
	return values[column]
}

// Format writes "redacted", whatever the verb.
func (PersonRow) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String is "redacted".
func (PersonRow) String() string { return redacted }

// GoString is "redacted".
func (PersonRow) GoString() string { return redacted }

// LogValue is "redacted".
func (PersonRow) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON is "redacted".
func (PersonRow) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText is "redacted".
func (PersonRow) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalBinary is "redacted".
func (PersonRow) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }

// GobEncode is "redacted".
func (PersonRow) GobEncode() ([]byte, error) { return []byte(redacted), nil }
