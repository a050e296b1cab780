package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Stages is how often the program is run for one process: by Enter, and after it.
const Stages = 2

// self is this very program, also where its file was replaced or removed since.
const self = "/proc/self/exe"

// Enter shuts its thread in and runs this program once more in its place, with the
// arguments, then Landlock's version, 0 without it, and no environment. Standard
// input, output and error stay open and nothing else. It returns only with an
// error: ErrSandbox.
func Enter(o Options, args ...string) error {
	runtime.LockOSThread() // for good: the thread is restricted
	if err := limit(o); err != nil {
		return err
	}
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil && err != unix.ENOSYS {
		return failed("files", err)
	}
	version := 0
	if !o.Off {
		dropCapabilities()
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return failed("privileges", err)
		}
		pin(cgroupFile)
		var err error
		if version, err = landlock(o); err != nil {
			return err
		}
	}
	return failed("again", syscall.Exec(self, append(args, strconv.Itoa(version)), []string{}))
}

func failed(what string, err error) error { return fmt.Errorf("%w: %s: %w", ErrSandbox, what, err) }

// maxFiles is more than DuckDB, Go and the loader open.
const maxFiles = 512

// limit sets what the kernel counts. The process is the first to go where memory
// runs out.
func limit(o Options) error {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) // where /proc is not there, that is all that is lost
	type bound struct {
		what int
		most int64
	}
	bounds := []bound{{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, maxFiles}}
	if o.Memory > 0 {
		bounds = append(bounds, bound{unix.RLIMIT_DATA, o.Memory})
	}
	if o.FileSize > 0 {
		bounds = append(bounds, bound{unix.RLIMIT_FSIZE, o.FileSize})
	}
	for _, b := range bounds {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(b.what, &now); err != nil {
			return failed("limits", err)
		}
		n := min(uint64(b.most), now.Max)
		if err := syscall.Setrlimit(b.what, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			return failed("limits", err)
		}
	}
	return nil
}

// dropCapabilities keeps a process of root's from having root's powers after it
// runs the program again, but for reading what belongs to others: a domain may. It
// is no error where there are none to drop.
func dropCapabilities() {
	for c := 0; c <= 63; c++ {
		if c != unix.CAP_DAC_READ_SEARCH {
			_ = unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		}
	}
}

// Seal adds the filter of system calls, for every thread that there is and will
// be, and then tries what must fail. version is what Enter said of Landlock. The
// report tells what is in force; an error, ErrSandbox, that the filter is not
// although the kernel should have it.
func Seal(o Options, version int) (Report, error) {
	// Nobody else of this user may look into the process, and no core is written.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return Report{}, failed("dumps", err)
	}
	if o.Off {
		return Report{}, nil
	}
	if err := filter(); err != nil && err != unix.ENOSYS && err != unix.EINVAL {
		return Report{}, failed("seccomp", err)
	}
	return tried(version), nil
}

// tried is what fails when it is tried.
func tried(version int) Report {
	r := Report{Landlock: version}
	// The root of the file system is in no folder that a process is given.
	f, err := os.Open("/")
	if err == nil {
		_ = f.Close()
	}
	r.Files = version > 0 && os.IsPermission(err)
	r.Network = true
	for _, family := range []int{unix.AF_INET, unix.AF_INET6, unix.AF_UNIX, unix.AF_NETLINK} {
		fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
		if err == nil {
			_ = unix.Close(fd)
		}
		r.Network = r.Network && err == unix.EPERM
	}
	// No file has an empty name: ENOENT says that nothing but the name was wrong.
	r.Programs = syscall.Exec("", nil, nil) == syscall.EPERM
	return r
}
