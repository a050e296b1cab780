//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime is the processor time of this process: on a busy machine the clock on the
// wall measures the others.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
