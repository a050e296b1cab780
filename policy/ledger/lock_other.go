//go:build !unix

package ledger

import (
	"errors"
	"io"
)

// Lock fails: a ledger is written on Unix systems only.
func (OS) Lock(string) (io.Closer, error) { return nil, errors.ErrUnsupported }
