package dp

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is all that a Totals ever says about itself.
const redacted = "redacted"

var (
	_ fmt.Formatter  = Totals{}
	_ slog.LogValuer = Totals{}
)

// Format writes "redacted", whatever the verb.
func (Totals) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String is "redacted".
func (Totals) String() string { return redacted }

// GoString is "redacted".
func (Totals) GoString() string { return redacted }

// LogValue is "redacted".
func (Totals) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON is "redacted".
func (Totals) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText is "redacted".
func (Totals) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalBinary is "redacted".
func (Totals) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }

// GobEncode is "redacted".
func (Totals) GobEncode() ([]byte, error) { return []byte(redacted), nil }

// closed gives what embeds it the same silence.
type closed struct{}

// Format writes "redacted", whatever the verb.
func (closed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String is "redacted".
func (closed) String() string { return redacted }

// GoString is "redacted".
func (closed) GoString() string { return redacted }

// LogValue is "redacted".
func (closed) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON is "redacted".
func (closed) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText is "redacted".
func (closed) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalBinary is "redacted".
func (closed) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }

// GobEncode is "redacted".
func (closed) GobEncode() ([]byte, error) { return []byte(redacted), nil }
