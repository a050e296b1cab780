//go:build linux && (amd64 || arm64)

package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestMain is also the program that is shut in: "attempts", the options and the
// name of one attempt or "all".
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "attempts" {
		os.Exit(attempted(os.Args))
	}
	os.Exit(m.Run())
}

// world is where the attempts are made: a folder that may be read, one that may be
// written, and beside them what may not.
type world struct{ Read, Write, Secret, Outside string }

type setup struct {
	World   world
	Options Options
}

// result is what each attempt came to; "" where it succeeded.
type result struct {
	Report Report
	Errors map[string]string
}

func attempted(args []string) int {
	var s setup
	if err := json.Unmarshal([]byte(args[2]), &s); err != nil {
		return 90
	}
	if len(args) == 4 {
		fmt.Fprintln(os.Stderr, Enter(s.Options, args...))
		return 91
	}
	version, err := strconv.Atoi(args[4])
	if err != nil {
		return 92
	}
	out := result{Errors: map[string]string{}}
	if out.Report, err = Seal(s.Options, version); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 93
	}
	done := make(chan struct{})
	go func() { // on a thread that is not the first
		runtime.LockOSThread()
		defer close(done)
		for name, try := range attempts(s.World) {
			if args[3] == "all" && name != "the other interface" || args[3] == "harmless" && slices.Contains(harmless, name) || args[3] == name {
				out.Errors[name] = ""
				if err := try(); err != nil {
					out.Errors[name] = err.Error()
				}
			}
		}
	}()
	<-done
	if json.NewEncoder(os.Stdout).Encode(out) != nil {
		return 94
	}
	return 0
}

func raw(nr uintptr, args ...uintptr) func() error {
	return func() error {
		args = append(args, 0, 0, 0, 0, 0, 0)
		if _, _, errno := unix.Syscall6(nr, args[0], args[1], args[2], args[3], args[4], args[5]); errno != 0 {
			return errno
		}
		return nil
	}
}

func opened(path string, flags int) func() error {
	return func() error {
		f, err := os.OpenFile(path, flags, 0o600)
		if err == nil {
			_ = f.Close()
		}
		return err
	}
}

// forked makes a process, which ends at once.
func forked() error {
	pid, _, errno := unix.RawSyscall(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return nil
}

// harmless are the attempts that may succeed on the machine of a test.
var harmless = []string{
	"a TCP socket", "a UDP socket", "a Unix socket", "a pair of sockets", "reading /etc/passwd", "listing /", "reading the secret", "writing the secret",
	"the secret by another way", "the secret by a link", "a file outside", "writing what is read", "a file among what is read", "cutting what is read",
	"removing what is read", "changing modes", "moving the secret in", "a process", "the parent's environment", "a signal to the parent",
	"a signal to its thread", "a descriptor of it", "limits of the parent",
}

// attempts are what an intruder would try first.
func attempts(w world) map[string]func() error {
	parent, page := uintptr(os.Getppid()), make([]byte, 4096)
	at := uintptr(unsafe.Pointer(&page[0]))
	secret, _ := unix.BytePtrFromString(w.Secret)
	readable, _ := unix.BytePtrFromString(filepath.Join(w.Read, "data"))
	out := map[string]func() error{
		"a TCP socket":              raw(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM),
		"a UDP socket":              raw(unix.SYS_SOCKET, unix.AF_INET6, unix.SOCK_DGRAM),
		"a Unix socket":             raw(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM),
		"a netlink socket":          raw(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW),
		"a pair of sockets":         raw(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_STREAM, 0, at),
		"io_uring":                  raw(unix.SYS_IO_URING_SETUP, 1, at),
		"reading /etc/passwd":       opened("/etc/passwd", os.O_RDONLY),
		"listing /":                 opened("/", os.O_RDONLY),
		"reading the secret":        opened(w.Secret, os.O_RDONLY),
		"writing the secret":        opened(w.Secret, os.O_WRONLY),
		"the secret by another way": opened(filepath.Join(w.Read, "..", "keys", "secret"), os.O_RDONLY),
		"the secret by a link":      opened(filepath.Join(w.Read, "link"), os.O_RDONLY),
		"a file outside":            opened(filepath.Join(w.Outside, "new"), os.O_CREATE|os.O_WRONLY),
		"a file in /tmp":            opened(filepath.Join(os.TempDir(), "qunxiang-attempt"), os.O_CREATE|os.O_WRONLY),
		"writing what is read":      opened(filepath.Join(w.Read, "data"), os.O_WRONLY),
		"a file among what is read": opened(filepath.Join(w.Read, "new"), os.O_CREATE|os.O_WRONLY),
		"cutting what is read":      func() error { return os.Truncate(filepath.Join(w.Read, "data"), 0) },
		"removing what is read":     func() error { return os.Remove(filepath.Join(w.Read, "victim")) },
		"changing modes":            func() error { return os.Chmod(filepath.Join(w.Read, "data"), 0o644) },
		"moving the secret in":      func() error { return os.Rename(w.Secret+"2", filepath.Join(w.Write, "got")) },
		"linking the secret in":     func() error { return os.Link(w.Secret, filepath.Join(w.Write, "hard")) },
		"a program":                 raw(unix.SYS_EXECVE, uintptr(unsafe.Pointer(secret)), 0, 0),
		"a process":                 forked,
		"a process by clone3":       raw(unix.SYS_CLONE3, at, 88),
		"the parent's memory":       opened(fmt.Sprintf("/proc/%d/mem", parent), os.O_RDONLY),
		"the parent's environment":  opened(fmt.Sprintf("/proc/%d/environ", parent), os.O_RDONLY),
		"tracing the parent":        raw(unix.SYS_PTRACE, unix.PTRACE_SEIZE, parent, 0, 0),
		"peeking at the parent":     raw(unix.SYS_PROCESS_VM_READV, parent, at, 0, at, 0, 0),
		"a signal to the parent":    raw(unix.SYS_KILL, parent, 0),
		"a signal to its thread":    raw(unix.SYS_TGKILL, parent, parent, 0),
		"a descriptor of it":        raw(unix.SYS_PIDFD_OPEN, parent, 0),
		"limits of the parent":      raw(unix.SYS_PRLIMIT64, parent, unix.RLIMIT_NOFILE, 0, at),
		"mounting":                  raw(unix.SYS_MOUNT, uintptr(unsafe.Pointer(readable)), uintptr(unsafe.Pointer(readable)), 0, unix.MS_BIND, 0),
		"a name space":              raw(unix.SYS_UNSHARE, unix.CLONE_NEWUSER),
		"BPF":                       raw(unix.SYS_BPF, 0, at, 72),
		"counters":                  raw(unix.SYS_PERF_EVENT_OPEN, at, 0, ^uintptr(0), ^uintptr(0), 0),
		"page faults":               raw(unix.SYS_USERFAULTFD, 1),
		"keys of the kernel":        raw(unix.SYS_KEYCTL, 0, ^uintptr(2), 0),
		"shared memory":             raw(unix.SYS_SHMGET, 0, 4096, unix.IPC_CREAT|0o600),
		"a file by its handle":      raw(unix.SYS_OPEN_BY_HANDLE_AT, ^uintptr(99), at, 0),
	}
	for name, try := range foreign() {
		out[name] = try
	}
	return out
}

// try runs the attempts in a process of their own.
func try(t *testing.T, o Options, which string) (result, error) {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "sandbox-") // not below what may be read or written
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := world{Read: filepath.Join(dir, "snapshot"), Write: filepath.Join(dir, "tmp"), Secret: filepath.Join(dir, "keys", "secret"), Outside: dir}
	for _, d := range []string{w.Read, w.Write, filepath.Dir(w.Secret)} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{w.Secret, w.Secret + "2", filepath.Join(w.Read, "data"), filepath.Join(w.Read, "victim")} {
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(w.Secret, filepath.Join(w.Read, "link")); err != nil {
		t.Fatal(err)
	}
	o.Read, o.Write = []string{w.Read}, []string{w.Write}
	arg, err := json.Marshal(setup{w, o})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, self, "attempts", string(arg), which)
	c.Args[0] = os.Args[0]
	var stderr strings.Builder
	c.Stderr = &stderr
	body, err := c.Output()
	var r result
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return r, err
}

// needsSandbox skips where the kernel has none: not on the machines that check changes.
func needsSandbox(t *testing.T) {
	t.Helper()
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno == 0 {
		return
	}
	if os.Getenv("QUNXIANG_NO_SKIP") != "" {
		t.Fatal("this kernel has no Landlock")
	}
	t.Skip("this kernel has no Landlock")
}

// All that an intruder would try is refused, by the kernel, on every thread.
func TestNothingGetsOut(t *testing.T) {
	needsSandbox(t)
	r, err := try(t, Options{Memory: 8 << 30, FileSize: 1 << 20}, "all")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Errors) < 35 {
		t.Fatalf("only %d attempts", len(r.Errors))
	}
	for name, text := range r.Errors {
		ok := strings.Contains(text, syscall.EPERM.Error()) || strings.Contains(text, syscall.EACCES.Error()) ||
			name == "a process by clone3" && text == syscall.ENOSYS.Error()
		if !ok {
			t.Errorf("%s: %q", name, text)
		}
	}
	if !r.Report.Whole() || !strings.Contains(r.Report.String(), "landlock v") || !strings.Contains(r.Report.String(), "no network") {
		t.Errorf("the report: %+v %s", r.Report, r.Report)
	}
}

// The same attempts succeed without the sandbox, or they would show nothing; and
// the report does not claim what is not so.
func TestAttemptsAreReal(t *testing.T) {
	r, err := try(t, Options{Off: true}, "harmless")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range harmless {
		if text, made := r.Errors[name]; !made || text != "" {
			t.Errorf("%s: %q", name, text)
		}
	}
	if r.Report.Files || r.Report.Network || r.Report.Programs || r.Report.Whole() || !strings.Contains(r.Report.String(), "not shut off") {
		t.Errorf("the report: %+v %s", r.Report, r.Report)
	}
}

// Calls by the numbers of another interface end the process.
func TestOtherInterfaceIsFatal(t *testing.T) {
	needsSandbox(t)
	if len(foreign()) == 0 {
		t.Skip("this processor has one interface")
	}
	_, err := try(t, Options{}, "the other interface")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGSYS {
		t.Errorf("it ended with %v", err)
	}
}

// Nothing is let through to the filter's end unseen: each refused call is refused
// by its number, and of clone only threads are let through.
func TestProgramOfTheFilter(t *testing.T) {
	const pid = 4711
	p := program(pid)
	for _, nr := range append(append([]uint32{}, refused[:]...), refusedHere[:]...) {
		if got := interpret(t, p, arch, nr); got != refuse {
			t.Errorf("call %d: %#x", nr, got)
		}
	}
	for _, c := range []struct {
		what   string
		arch   uint32
		nr     uint32
		args   []uint32
		action uint32
	}{
		{"another processor", arch + 1, unix.SYS_READ, nil, unix.SECCOMP_RET_KILL_PROCESS},
		{"the last number", arch, 0xffffffff, nil, unix.SECCOMP_RET_KILL_PROCESS},
		{"reading", arch, unix.SYS_READ, nil, unix.SECCOMP_RET_ALLOW},
		{"a thread", arch, unix.SYS_CLONE, []uint32{unix.CLONE_THREAD | unix.CLONE_VM}, unix.SECCOMP_RET_ALLOW},
		{"a process", arch, unix.SYS_CLONE, []uint32{unix.CLONE_VM | unix.CLONE_VFORK}, refuse},
		{"clone3", arch, unix.SYS_CLONE3, nil, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{"a signal to itself", arch, unix.SYS_TGKILL, []uint32{pid}, unix.SECCOMP_RET_ALLOW},
		{"a signal to all", arch, unix.SYS_KILL, []uint32{0xffffffff}, refuse},
		{"own limits", arch, unix.SYS_PRLIMIT64, []uint32{0}, unix.SECCOMP_RET_ALLOW},
		{"other limits", arch, unix.SYS_PRLIMIT64, []uint32{1}, refuse},
		{"typing", arch, unix.SYS_IOCTL, []uint32{0, unix.TIOCSTI}, refuse},
		{"typing on a console", arch, unix.SYS_IOCTL, []uint32{0, unix.TIOCLINUX}, refuse},
		{"another ioctl", arch, unix.SYS_IOCTL, []uint32{0, unix.TCGETS}, unix.SECCOMP_RET_ALLOW},
	} {
		if got := interpret(t, p, c.arch, c.nr, c.args...); got != c.action {
			t.Errorf("%s: %#x, want %#x", c.what, got, c.action)
		}
	}
}

// interpret runs the program by hand.
func interpret(t *testing.T, p []unix.SockFilter, arch, nr uint32, args ...uint32) uint32 {
	t.Helper()
	data := map[uint32]uint32{dataNumber: nr, dataArch: arch}
	for i, a := range args {
		data[dataArgs+8*uint32(i)] = a
	}
	var a uint32
	for i := 0; i < len(p); i++ {
		in := p[i]
		yes := false
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = data[in.K]
			continue
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			yes = a == in.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			yes = a >= in.K
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			yes = a&in.K != 0
		default:
			t.Fatalf("instruction %#x", in.Code)
		}
		if yes {
			i += int(in.Jt)
		} else {
			i += int(in.Jf)
		}
	}
	t.Fatal("the program runs out")
	return 0
}
