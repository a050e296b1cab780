//go:build unix

package witness

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lock takes a flock on a folder, which the system drops with the process. A folder that
// holds the state cannot be removed and made anew under a process that runs, as a file
// that is nothing but a lock could.
func lock(name string) (io.Closer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, err
	}
	return f, nil
}
