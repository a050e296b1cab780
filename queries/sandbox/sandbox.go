// Package sandbox shuts a process in before it meets data: limits, no network, no
// other program, and of the file system only the folders it needs.
//
// On Linux that is Landlock for files, abstract sockets and signals, and a seccomp
// filter for system calls. Landlock binds one thread, and Go has several before
// main: so [Enter] restricts its own thread and runs the same program once more,
// whose threads all descend from that one, and [Seal] adds the filter there, for
// every thread at once. What is in force is found out by trying, not believed.
//
// Elsewhere there is nothing of it, and [Report] says so.
package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSandbox means that the process could not be shut in as it was asked.
var ErrSandbox = errors.New("the sandbox is not in force")

// Options say what a process may do.
type Options struct {
	// Read are folders that may be read, with all below.
	Read []string
	// Write are folders where files may also be made, written and removed.
	Write []string
	// Memory is the most private memory that may be written, in bytes; 0 = no limit.
	Memory int64
	// FileSize is the longest file that may be written, in bytes; 0 = no limit.
	FileSize int64
	// Off leaves out all but the limits.
	Off bool
}

// Report is what was found in force.
type Report struct {
	// Files says that nothing outside of the folders can be opened.
	Files bool `json:"files"`
	// Landlock is the version of Landlock's interface; 0 = none.
	Landlock int `json:"landlock"`
	// Network says that no socket can be made.
	Network bool `json:"no_network"`
	// Programs says that no program can be run and no process made.
	Programs bool `json:"no_programs"`
}

// Whole says whether all of it is in force.
func (r Report) Whole() bool { return r.Files && r.Network && r.Programs }

// String is one line for operators.
func (r Report) String() string {
	var parts []string
	if r.Files {
		parts = append(parts, fmt.Sprintf("landlock v%d", r.Landlock))
	} else {
		parts = append(parts, "no landlock: files are not shut off")
	}
	switch {
	case r.Network && r.Programs:
		parts = append(parts, "seccomp; no network, no other programs")
	case r.Network:
		parts = append(parts, "no network")
	default:
		parts = append(parts, "no seccomp: the network is not shut off")
	}
	return strings.Join(parts, ", ")
}
