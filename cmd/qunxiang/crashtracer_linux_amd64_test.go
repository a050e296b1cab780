package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// Faults of a system call.
const (
	faultKill  = "kill"        // the process is killed as it makes the call
	faultEIO   = "EIO"         // the call is not made and fails
	faultFull  = "ENOSPC"      // the same; of a write half is made, and the rest fails
	faultShort = "short write" // half of it is made, which the caller is told
)

// tracer runs a program and counts the system calls of all its threads and children that
// are about files under a folder. One of them fails: what strace's -e inject does, but
// counted over the whole program, by folder, and with writes that are really short. It is
// a process of its own, for whatever it waits for must be of the program.
type tracer struct {
	Path, Dir, Out, Err string
	Args                []string
	Folder              string
	Fault               string
	At                  int // 1 for the first call; 0 for none
	Calls               []call
	Struck              bool // the call was made and failed

	ends map[int]func(*syscall.PtraceRegs)
	full string // where the rest of a half write fails
}

// call is a system call about a file of the folder.
type call struct {
	Name, File string
	Bytes      uint64 // of a read or write
	Creates    bool
}

// trace runs a tracer in a process of its own and takes in what it saw.
func (t *tracer) trace() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "QUNXIANG_AS_TRACER=1")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("it cannot be traced: %w", err)
	}
	return json.Unmarshal(out, t)
}

// traceAlone is the tracer's process: it reads what to do and writes what it saw.
func traceAlone() int {
	var t tracer
	err := json.NewDecoder(os.Stdin).Decode(&t)
	if err == nil {
		err = t.run()
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c call) String() string { return c.Name + " " + c.File }

// can says whether a call can fail in a way.
func (c call) can(fault string) bool {
	write := strings.Contains(c.Name, "write")
	switch fault {
	case faultShort:
		return (write || strings.Contains(c.Name, "read")) && c.Bytes > 1
	case faultFull:
		return write || c.Creates
	}
	return true
}

// run runs the program to its end.
func (t *tracer) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t.ends = map[int]func(*syscall.PtraceRegs){}
	out, err1 := os.Create(t.Out)
	errs, err2 := os.Create(t.Err)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	// without async preemption there are fewer signals to hand on
	env := append(os.Environ(), "QUNXIANG_AS_TRACER=", "QUNXIANG_AS_PROGRAM=1", "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=2")
	p, err := os.StartProcess(t.Path, append([]string{t.Path}, t.Args...), &os.ProcAttr{Dir: t.Dir, Env: env, Files: []*os.File{nil, out, errs},
		Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true}})
	if err != nil {
		return err
	}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(p.Pid, &ws, syscall.WALL, nil); err != nil {
		return err
	}
	const exitKill = 0x100000 // whatever is left ends with the tracer
	if err := syscall.PtraceSetOptions(p.Pid, exitKill|syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE|
		syscall.PTRACE_O_TRACEFORK|syscall.PTRACE_O_TRACEVFORK|syscall.PTRACE_O_TRACEEXEC); err != nil {
		return err
	}
	known := map[int]bool{p.Pid: true}
	onward(p.Pid, 0)
	for {
		tid, err := syscall.Wait4(-1, &ws, syscall.WALL, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return err
		case (ws.Exited() || ws.Signaled()) && tid == p.Pid:
			return nil
		case !ws.Stopped():
			continue
		}
		sig := ws.StopSignal()
		switch {
		case sig == syscall.SIGTRAP|0x80:
			if t.stopped(tid) {
				_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
				continue
			}
			sig = 0
		case sig == syscall.SIGTRAP, sig == syscall.SIGSTOP && !known[tid]:
			sig = 0
		}
		known[tid] = true
		onward(tid, int(sig))
	}
}

// onward lets a thread go on to its next system call; one that is gone is gone.
func onward(tid, sig int) { _ = syscall.PtraceSyscall(tid, sig) }

// info is the kernel's struct ptrace_syscall_info.
type info struct {
	op      uint8
	_       [3]uint8
	arch    uint32
	ip, sp  uint64
	nr      uint64
	args    [6]uint64
	retData uint32
}

// stopped looks at a thread before or after a system call, and says whether the program
// is to be killed here.
func (t *tracer) stopped(tid int) (kill bool) {
	var i info
	const getSyscallInfo, entry, exit = 0x420e, 1, 2
	if _, _, e := syscall.Syscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(i), uintptr(unsafe.Pointer(&i)), 0, 0); e != 0 {
		return false
	}
	switch i.op {
	case exit:
		if end := t.ends[tid]; end != nil {
			delete(t.ends, tid)
			change(tid, end)
		}
	case entry:
		return t.enter(tid, &i)
	}
	return false
}

func (t *tracer) enter(tid int, i *info) (kill bool) {
	c, ok := t.about(tid, i)
	if !ok {
		return false
	}
	t.Calls = append(t.Calls, c)
	if t.full != "" && t.full == c.File && strings.Contains(c.Name, "write") {
		t.full = ""
		t.refuse(tid, syscall.ENOSPC)
		return false
	}
	if len(t.Calls) != t.At || !c.can(t.Fault) {
		return false
	}
	t.Struck = true
	half := func(r *syscall.PtraceRegs) { r.Rdx /= 2 }
	switch {
	case t.Fault == faultKill:
		return true
	case t.Fault == faultEIO:
		t.refuse(tid, syscall.EIO)
	case t.Fault == faultFull && c.Bytes > 1:
		t.full = c.File
		change(tid, half)
	case t.Fault == faultFull:
		t.refuse(tid, syscall.ENOSPC)
	default:
		change(tid, half)
	}
	return false
}

// refuse has a call not made, and fail.
func (t *tracer) refuse(tid int, errno syscall.Errno) {
	change(tid, func(r *syscall.PtraceRegs) { r.Orig_rax = ^uint64(0) })
	t.ends[tid] = func(r *syscall.PtraceRegs) { r.Rax = uint64(-int64(errno)) }
}

func change(tid int, how func(*syscall.PtraceRegs)) {
	var r syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &r) == nil {
		how(&r)
		_ = syscall.PtraceSetRegs(tid, &r)
	}
}

// Calls by where they name their file: by a descriptor, or a path.
var (
	byDescriptor = map[uint64]string{
		syscall.SYS_READ: "read", syscall.SYS_PREAD64: "pread64", syscall.SYS_WRITE: "write", syscall.SYS_PWRITE64: "pwrite64",
		syscall.SYS_FSYNC: "fsync", syscall.SYS_FDATASYNC: "fdatasync", syscall.SYS_FTRUNCATE: "ftruncate",
		syscall.SYS_FLOCK: "flock", syscall.SYS_FCHMOD: "fchmod", syscall.SYS_GETDENTS64: "getdents64",
	}
	byPath = map[uint64]struct {
		name    string
		arg     int
		creates bool
	}{
		syscall.SYS_OPENAT: {"openat", 1, false}, syscall.SYS_OPEN: {"open", 0, false}, syscall.SYS_RENAMEAT: {"renameat", 1, true},
		316: {"renameat2", 1, true}, syscall.SYS_RENAME: {"rename", 0, true}, syscall.SYS_MKDIRAT: {"mkdirat", 1, true},
		syscall.SYS_MKDIR: {"mkdir", 0, true}, syscall.SYS_UNLINKAT: {"unlinkat", 1, false}, syscall.SYS_UNLINK: {"unlink", 0, false},
	}
)

// about says which file of the folder a call is about; false for none.
func (t *tracer) about(tid int, i *info) (c call, ok bool) {
	var path string
	if name, yes := byDescriptor[i.nr]; yes {
		c.Name = name
		path, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(i.args[0])))
		if strings.Contains(name, "read") || strings.Contains(name, "write") {
			c.Bytes = i.args[2]
		}
		c.Creates = strings.HasSuffix(name, "sync")
	} else if by, yes := byPath[i.nr]; yes {
		c.Name, c.Creates = by.name, by.creates
		path = text(tid, i.args[by.arg])
		if i.nr == syscall.SYS_OPENAT {
			c.Creates = i.args[2]&syscall.O_CREAT != 0
		}
	} else {
		return c, false
	}
	rel, err := filepath.Rel(t.Folder, path)
	if path == "" || err != nil || strings.HasPrefix(rel, "..") {
		return c, false
	}
	c.File = rel
	return c, true
}

// text reads a C string of a thread's memory.
func text(tid int, at uint64) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", tid))
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, 4096)
	n, _ := f.ReadAt(b, int64(at))
	s, _, _ := bytes.Cut(b[:n], []byte{0})
	return string(s)
}
