package sandbox

import "golang.org/x/sys/unix"

// foreign calls getpid by its number in the x32 interface.
func foreign() map[string]func() error {
	return map[string]func() error{"the other interface": raw(foreignCalls | unix.SYS_GETPID)}
}
