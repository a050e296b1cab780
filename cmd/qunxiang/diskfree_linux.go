package main

import "syscall"

// diskFree is the share of a folder's disk that this user may still fill; -1 where it is
// not known.
func diskFree(dir string) float64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil || s.Blocks == 0 {
		return -1
	}
	return float64(s.Bavail) / float64(s.Blocks)
}
