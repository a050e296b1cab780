package child

import "syscall"

// ownProgram is the running program, also where its file was replaced since.
func ownProgram() (string, error) { return "/proc/self/exe", nil }

// attributes end the process with its parent, and keep the terminal's signals from it:
// a server that is asked to stop lets its requests come to their slots.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
