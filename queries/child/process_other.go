//go:build !linux

package child

import (
	"os"
	"syscall"
)

func ownProgram() (string, error) { return os.Executable() }

// attributes are the system's own here: a process ends with its parent because
// nothing is left to read.
func attributes() *syscall.SysProcAttr { return nil }
