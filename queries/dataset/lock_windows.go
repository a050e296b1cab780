package dataset

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockNow takes an exclusive lock on an open file, or fails at once. The lock
// ends when the file is closed, with the process at the latest.
func lockNow(f *os.File) error {
	return lockWith(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
}

// lockExclusive waits for the lock.
func lockExclusive(f *os.File) error { return lockWith(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

func lockWith(f *os.File, how uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{})
}
