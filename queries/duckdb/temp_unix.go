//go:build unix

package duckdb

import (
	"errors"
	"syscall"
)

// ended says whether there is no process of that number.
func ended(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
