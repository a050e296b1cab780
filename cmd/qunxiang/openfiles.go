package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// warnOfOpen tells of what others than their owner can read: the domain's folder, below
// which are data and keys, and the private key of the server's certificate, "" for none.
func warnOfOpen(log io.Writer, dir, key string) {
	if runtime.GOOS == "windows" { // permissions are kept elsewhere there
		return
	}
	if isOpen(dir) {
		fmt.Fprintf(log, "others can enter %s, where the data are: chmod 700 %s\n", dir, dir)
		for _, name := range []string{"keys", "snapshots", "releases", "policies", "proposals", "tmp"} {
			if at := filepath.Join(dir, name); isOpen(at) {
				fmt.Fprintf(log, "others can enter %s: chmod 700 %s\n", at, at)
			}
		}
	}
	if key != "" && isOpen(key) {
		fmt.Fprintf(log, "others can read %s, the key of the server's certificate: chmod 600 %s\n", key, key)
	}
}

// isOpen says whether others than its owner may do anything with a file.
func isOpen(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o077 != 0
}
