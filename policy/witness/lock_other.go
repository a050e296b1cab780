//go:build !unix

package witness

import (
	"errors"
	"io"
)

// lock fails: a witness runs on Unix systems only.
func lock(string) (io.Closer, error) { return nil, errors.ErrUnsupported }
