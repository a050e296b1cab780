//go:build unix

package dataset

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockNow takes an exclusive lock on an open file, or fails at once. The lock
// ends when the file is closed, with the process at the latest.
func lockNow(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// lockExclusive waits for the lock.
func lockExclusive(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX) }
