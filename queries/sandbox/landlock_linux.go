package sandbox

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights of Landlock by the version that brought them, as the kernel's
// include/uapi/linux/landlock.h has them.
const (
	readFile = unix.LANDLOCK_ACCESS_FS_READ_FILE
	readRun  = readFile | unix.LANDLOCK_ACCESS_FS_EXECUTE
	readDir  = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
	writeDir = readDir | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE

	firstFiles = 1<<13 - 1
)

// handled are the rights that a version can take away: all of those here then are,
// but for what rules give back.
func handled(version int) unix.LandlockRulesetAttr {
	a := unix.LandlockRulesetAttr{Handled_access_fs: firstFiles}
	if version >= 2 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= 5 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 {
		a.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return a
}

// rulesetSize is the part of the attributes that every version from the sixth
// knows; an older kernel takes the rest as long as it is zero.
const rulesetSize = 3 * 8

// landlock restricts this thread and gives the version in force; 0 where the
// kernel has none.
func landlock(o Options) (version int, err error) {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno == unix.ENOSYS || errno == unix.EOPNOTSUPP {
		return 0, nil
	} else if errno != 0 {
		return 0, failed("landlock", errno)
	}
	attr := handled(int(v))
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), rulesetSize, 0)
	if errno != 0 {
		return 0, failed("landlock", errno)
	}
	rules := ruleset{int(fd), attr.Handled_access_fs}
	defer unix.Close(rules.fd)
	if err := rules.add(o); err != nil {
		return 0, err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return 0, failed("landlock", errno)
	}
	return int(v), nil
}

type ruleset struct {
	fd      int
	handled uint64
}

func (r ruleset) add(o Options) error {
	for _, dir := range o.Read {
		if err := r.allow(dir, readDir); err != nil {
			return err
		}
	}
	for _, dir := range o.Write {
		if err := r.allow(dir, writeDir); err != nil {
			return err
		}
	}
	if err := r.allow(self, readRun); err != nil {
		return err
	}
	libraries, err := libraries()
	if err != nil {
		return failed("libraries", err)
	}
	for _, file := range libraries {
		if err := r.allow(file, readRun); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, file := range []string{"/etc/ld.so.cache", cgroupFile, cgroupLimits} {
		if err := r.allow(file, readFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// cgroupFile names the control group of the process, and below cgroupLimits are
// its numbers. DuckDB asks for them when it opens, and ends the process where they
// are there and cannot be read.
const (
	cgroupFile   = "/proc/self/cgroup"
	cgroupLimits = "/sys/fs/cgroup"
)

// pin keeps the kernel from forgetting a file that it makes anew whenever it is
// asked for, and with it what was allowed of it. It stays open beyond the next
// program, for nothing: it can be neither read nor written.
func pin(path string) { _, _ = unix.Open(path, unix.O_PATH, 0) }

// libraries are the files of which this program's code is made: what it takes to
// load it again.
func libraries() ([]string, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out []string
	for line := range bytes.Lines(maps) {
		at := bytes.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		name := string(bytes.TrimSuffix(line[at:], []byte("\n")))
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out, nil
}

// allow gives rights on a file or on all below a folder.
func (r ruleset) allow(path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed("landlock", err)
	}
	defer unix.Close(fd)
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & r.handled, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return failed("landlock", errno)
	}
	return nil
}
