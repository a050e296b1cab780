//go:build duckdb_arrow

package child_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/child"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/sandbox"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// Hostile code inside the process gets nowhere; and it does where the sandbox is
// off, so that this shows something.
func TestHostileCodeStaysInside(t *testing.T) {
	p := newPlace(t, 50)
	o := p.order(t, "I3", 0)
	a := p.answerer(t, "engine-escapes", nil)
	if !a.Sandbox().Whole() {
		if os.Getenv("QUNXIANG_NO_SKIP") != "" {
			t.Fatalf("the sandbox: %s", a.Sandbox())
		}
		t.Skip("this kernel has no sandbox")
	}
	if _, err := a.Answer(soon(t), o); err != nil {
		t.Error("something got out of the process")
	}
	open := p.answerer(t, "engine-escapes", func(o *child.Options) { o.Sandbox = child.Off })
	if _, err := open.Answer(soon(t), o); err == nil {
		t.Error("nothing gets out without the sandbox: this shows nothing")
	}
}

// Every process that says anything but the one answer, whole, is no answer.
func TestOnlyTheOneAnswerCounts(t *testing.T) {
	p := newPlace(t, 50)
	o := p.order(t, "I3", 0)
	for kind := range misbehaviours() {
		a := p.answerer(t, kind, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		table, err := a.Answer(ctx, o)
		cancel()
		if kind == "says-what-is-checked" {
			if err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			continue
		}
		if err != child.ErrProcess || table != nil {
			t.Errorf("%s: %v %v", kind, table, err)
		}
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "canary") {
			t.Errorf("%s: %s", kind, text)
		}
	}
}

// Whatever ends a process, the error is the one, and the next request is answered.
func TestEndsOfAProcessAreOpaque(t *testing.T) {
	p := newPlace(t, 50)
	o := p.order(t, "I3", 0)
	for _, kind := range []string{"engine-allocates", "engine-hangs", "engine-panics", "engine-fails", "engine-other-shape"} {
		a := p.answerer(t, kind, func(o *child.Options) { o.Memory = 1 << 30 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if kind == "engine-hangs" {
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		}
		start := time.Now()
		_, err := a.Answer(ctx, o)
		if err != child.ErrProcess {
			t.Errorf("%s: %v", kind, err)
		}
		if ctx.Err() != nil && kind != "engine-hangs" {
			t.Errorf("%s: it did not end by itself", kind)
		}
		if took := time.Since(start); took > 50*time.Second {
			t.Errorf("%s: it took %s", kind, took)
		}
		cancel()
	}
	if left, _ := os.ReadDir(filepath.Join(p.dir, "tmp")); len(left) > 0 {
		t.Errorf("temporary folders are left: %v", left)
	}
	if _, err := p.answerer(t, "engine", nil).Answer(soon(t), o); err != nil {
		t.Error(err)
	}
}

// An order that comes to another job is refused by the process itself.
func TestProcessHoldsAnOrderAgainstItsSeal(t *testing.T) {
	p := newPlace(t, 50)
	a := p.answerer(t, "engine", nil)
	o := *p.order(t, "I3", 0)
	if _, err := a.Answer(soon(t), &o); err != nil {
		t.Fatal(err)
	}
	o.K = 21 // and no longer what was sealed
	if _, err := a.Answer(soon(t), &o); err != child.ErrProcess {
		t.Errorf("another k: %v", err)
	}
	if err := a.Check(soon(t), &o); !errors.Is(err, queries.ErrNoEngine) {
		t.Errorf("checking it: %v", err)
	}
	if err := a.Check(soon(t), p.order(t, "I3", 0)); err != nil {
		t.Errorf("the next check: %v", err)
	}
}

// children lists the processes that this one has started and that still run.
func children(t *testing.T, of int) []int {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(names) == 0 {
		t.Skip("there is no /proc")
	}
	var out []int
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if parent, _ := strconv.Atoi(fields[1]); parent == of && fields[0] != "Z" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			out = append(out, pid)
		}
	}
	return out
}

// Eight processes at work are killed: eight times no answer, at once, and then
// questions are answered again.
func TestKilledProcesses(t *testing.T) {
	p := newPlace(t, 50)
	o := p.order(t, "I3", 0)
	a := p.answerer(t, "engine-hangs", nil)
	before := len(children(t, os.Getpid())) // the one that checks
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = a.Answer(soon(t), o) })
	}
	for len(children(t, os.Getpid())) < before+len(errs) {
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	for _, pid := range children(t, os.Getpid()) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // the one that checks, too
	}
	start := time.Now()
	wg.Wait()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s to see that they are dead", took)
	}
	for _, err := range errs {
		if err != child.ErrProcess {
			t.Error(err)
		}
	}
	if err := a.Check(soon(t), o); err != nil {
		t.Errorf("the check that meets a dead process: %v", err)
	}
	if _, err := p.answerer(t, "engine", nil).Answer(soon(t), o); err != nil {
		t.Error(err)
	}
}

// parent is a process that asks a question which is never answered.
func parent(dir string) int {
	a, err := child.New(context.Background(), child.Options{
		Command: []string{os.Args[0], "engine-hangs"}, Domain: dir, Temp: func() (string, error) { return duckdb.NewTemp(dir + "/tmp") },
	})
	if err != nil {
		return 1
	}
	entries, err := os.ReadDir(dir + "/snapshots")
	if err != nil {
		return 1
	}
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return 1
	}
	o, err := newOrder(catalog, entries[0].Name(), "I3", 0)
	if err != nil {
		return 1
	}
	_, _ = a.Answer(context.Background(), o)
	return 2
}

// A process does not outlive its parent, however that ends.
func TestProcessesGoWithTheirParent(t *testing.T) {
	p := newPlace(t, 50)
	c := exec.Command(os.Args[0], "parent", p.dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	var at []int
	for len(at) < 2 && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
		at = children(t, c.Process.Pid)
	}
	if len(at) < 2 {
		t.Fatalf("its processes: %v", at)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	for _, pid := range at {
		for gone := false; !gone; {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			gone = err != nil || strings.Contains(string(b), ") Z ")
			if time.Now().After(deadline) {
				t.Fatalf("process %d lives on", pid)
			}
		}
	}
	if _, err := duckdb.NewTemp(p.dir + "/tmp"); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(p.dir + "/tmp"); len(left) != 1 {
		t.Errorf("the next start leaves %v", left)
	}
}

// A snapshot that processes cannot reach is seen before anything is charged.
func TestTry(t *testing.T) {
	p := newPlace(t, 5)
	a := p.answerer(t, "engine", nil)
	if err := a.Try(soon(t), p.snapshot); err != nil {
		t.Error(err)
	}
	if err := a.Try(soon(t), strings.Repeat("ab", 32)); err == nil {
		t.Error("a snapshot that is not there can be reached")
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(p.dir, "snapshots", p.snapshot, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if err := a.Try(soon(t), p.snapshot); a.Sandbox().Files && err != child.ErrReach {
		t.Errorf("a file that leads elsewhere: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Join(p.dir, "tmp")); len(left) > 0 {
		t.Errorf("temporary folders are left: %v", left)
	}
}

// A domain may be named by where the server works.
func TestRelativePaths(t *testing.T) {
	p := newPlace(t, 50)
	t.Chdir(p.dir)
	p.dir = "."
	if _, err := p.answerer(t, "engine", nil).Answer(soon(t), p.order(t, "I3", 0)); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir("tmp"); len(left) > 0 {
		t.Errorf("temporary folders are left: %v", left)
	}
}

// Where the sandbox is required and not whole, nothing starts.
func TestRequiredSandbox(t *testing.T) {
	p := newPlace(t, 5)
	_, err := child.New(t.Context(), child.Options{Command: []string{os.Args[0], "says-nothing"}, Domain: p.dir, Sandbox: child.Required})
	if !errors.Is(err, sandbox.ErrSandbox) {
		t.Errorf("required of a process without: %v", err)
	}
	if _, err := child.New(t.Context(), child.Options{Command: []string{os.Args[0], "engine"}, Domain: p.dir, Sandbox: "some"}); !errors.Is(err, sandbox.ErrSandbox) {
		t.Errorf("another mode: %v", err)
	}
	a := p.answerer(t, "engine", nil)
	if a.Sandbox().Whole() {
		p.answerer(t, "engine", func(o *child.Options) { o.Sandbox = child.Required })
	}
}
