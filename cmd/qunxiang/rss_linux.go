package main

import (
	"os"
	"strconv"
	"strings"
)

// peakMemory is the most memory this process has had, in bytes. The system's
// account of a child's usage will not do: it begins with the parent's peak.
func peakMemory() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
