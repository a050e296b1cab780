package duckdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// NewTemp makes an empty folder in dir for what one process spills, and removes
// those that processes which have ended left there: what was spilled is un-noised.
// It is for processes that this one starts, and its number is in the name.
func NewTemp(dir string) (string, error) {
	removeLeftovers(dir)
	return os.MkdirTemp(dir, tempPrefix())
}

// tempPrefix names this process' folders in the temp directory.
func tempPrefix() string { return fmt.Sprintf("duckdb-%d-", os.Getpid()) }

// removeLeftovers removes the folders of processes that ended without Close:
// what was spilled there is un-noised. It is no error if it cannot.
func removeLeftovers(dir string) {
	folders, _ := filepath.Glob(filepath.Join(dir, "duckdb-*-*"))
	for _, f := range folders {
		pid, err := strconv.Atoi(strings.Split(filepath.Base(f), "-")[1])
		if err == nil && pid != os.Getpid() && ended(pid) {
			_ = os.RemoveAll(f)
		}
	}
}
