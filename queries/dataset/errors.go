package dataset

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Errors of this package. They never carry a value of a source row and never
// the engine's own text, which quotes such values.
var (
	// ErrBinding: a binding is malformed; the message says line and column.
	ErrBinding = errors.New("binding")
	// ErrSource: the source folder or one of its files cannot be used.
	ErrSource = errors.New("source")
	// ErrBroken: a source file has broken rows and OnError is Abort; see
	// [BrokenError] for file, line and column of each.
	ErrBroken = errors.New("broken input")
	// ErrBusy: another import is running in this domain.
	ErrBusy = errors.New("another import is running in this domain")
	// ErrSnapshot: a snapshot is missing, damaged or of another schema version.
	ErrSnapshot = errors.New("snapshot")
	// ErrOptOut: the register of opt-outs cannot be read or written.
	ErrOptOut = errors.New("opt-out register")
	// ErrOptions: an option is missing or out of range.
	ErrOptions = errors.New("options")
	// ErrNoArrow: this program was built without the tag that reads Arrow.
	ErrNoArrow = errors.New("reading Arrow files needs a build with -tags duckdb_arrow")
	// ErrMemory: the memory limit, or the room for temporary files, is too small.
	ErrMemory = errors.New("not enough memory or temporary space")
	// ErrEngine: the database engine failed; its text is withheld, because it
	// may quote values.
	ErrEngine = errors.New("the database engine failed")
)

// engineError maps what DuckDB said to words of our own. Only the class of the
// error is looked at; the text is dropped, for it quotes cell values even of
// rows that a filter excludes. stage is one of our own words.
func engineError(stage string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{
		context.Canceled, context.DeadlineExceeded, ErrNoArrow, ErrSource, ErrBinding,
		ErrBroken, ErrMemory, ErrEngine, ErrOptions,
	} {
		if errors.Is(err, known) {
			if known == context.Canceled || known == context.DeadlineExceeded {
				return fmt.Errorf("%s: %w", stage, known)
			}
			return err
		}
	}
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "INTERRUPT"), strings.HasPrefix(text, "Interrupt"):
		return fmt.Errorf("%s: %w", stage, context.Canceled)
	case strings.HasPrefix(text, "Out of Memory Error"), strings.Contains(text, "No space left"):
		return fmt.Errorf("%s: %w", stage, ErrMemory)
	}
	return fmt.Errorf("%s: %w (%s)", stage, ErrEngine, class(text))
}

// class is the name DuckDB gives to the kind of error, if it is one of those
// known; nothing else of the text is passed on.
func class(text string) string {
	for _, c := range []string{
		"Binder Error", "Catalog Error", "Constraint Error", "Conversion Error", "Fatal Error",
		"HTTP Error", "IO Error", "Internal Error", "Invalid Input Error", "Invalid Error",
		"Not implemented Error", "Out of Range Error", "Parser Error", "Permission Error",
		"Serialization Error", "TransactionContext Error",
	} {
		if strings.HasPrefix(text, c) {
			return c
		}
	}
	return "unknown class"
}
