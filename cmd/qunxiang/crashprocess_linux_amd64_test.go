package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// scene is a supervised domain D in a folder, with the folder W of its witness, ready to
// be asked.
type scene struct{ dir string }

// newScene makes one, all approved by two.
func newScene(t *testing.T) scene {
	t.Helper()
	s := scene{t.TempDir()}
	d := filepath.Join(s.dir, "D")
	mustRun(t, s.dir, "data", "synth", "--domain", d, "--persons", "300", "--seed", "2")
	key, err := initWitness(filepath.Join(s.dir, "W"), "w.example")
	if err != nil {
		t.Fatal(err)
	}
	logKey, err := os.ReadFile(filepath.Join(d, logKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := addWitnessLog(filepath.Join(s.dir, "W"), strings.TrimSpace(string(logKey)), ""); err != nil {
		t.Fatal(err)
	}
	args := []string{"supervise", "--domain", d, "--as", "steward-s", "--owner", "The authority", "--quorum", "1"}
	for _, o := range []string{"authority=The authority|statute", "insurer-a=Insurer A|2026/17", "pharma-b=Pharma B|2026/18", "regulator=The regulator|statute"} {
		args = append(args, "--organisation", o+"|2036-12-31")
	}
	for _, p := range []string{"steward-s=Stan", "insurer-a=Ina", "pharma-b=Phil", "regulator-r=Reg", "steward-a:authority:steward=Ada", "steward-b:authority:steward=Bo", "regulator-c:regulator:regulator=Cy"} {
		args = append(args, "--person", p)
	}
	for _, p := range []string{"Ada", "Bo", "Cy"} {
		out := strings.Fields(string(mustRun(t, s.dir, "approve", "keygen", "--out", p+".key")))
		args = append(args, "--approver", p+"="+out[0])
	}
	stop, url := s.witness(t)
	defer stop()
	mustRun(t, s.dir, append(args, "--witness", url+"="+key)...)
	for _, p := range [][2]string{{"Ada", "steward-a"}, {"Bo", "steward-b"}} {
		mustRun(t, s.dir, "approve", "sign", "grant", "snapshot", "I2", "--person", p[0], "--approver-key", p[0]+".key", "--domain", d, "--as", p[1], "--yes")
	}
	return s
}

// witness serves the scene's witness.
func (s scene) witness(t testing.TB) (stop func(), url string) {
	t.Helper()
	dir := filepath.Join(s.dir, "W")
	conf, err := loadWitness(dir)
	if err != nil {
		t.Fatal(err)
	}
	own, err := witnessSigner(dir, conf)
	if err != nil {
		t.Fatal(err)
	}
	w, err := witness.Open(witness.Options{Dir: dir, Cosigner: own, Logs: conf.logs()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Handler())
	return func() { server.Close(); _ = w.Close() }, server.URL
}

// copy is the scene once more, with a witness of its own that is reached; stop it.
func (s scene) copy(t testing.TB, to string) (c scene, stop func(), err error) {
	c = scene{to}
	if err := exec.Command("cp", "-a", filepath.Join(s.dir, "D"), filepath.Join(s.dir, "W"), to).Run(); err != nil { // with the modes of keys
		return c, nil, err
	}
	stop, url := c.witness(t)
	file := filepath.Join(to, "D", witnessesFile)
	text, err := os.ReadFile(file)
	if err == nil {
		at := strings.Index(string(text), `url: "`) + len(`url: "`)
		end := at + strings.Index(string(text[at:]), `"`)
		err = os.WriteFile(file, []byte(string(text[:at])+url+string(text[end:])), 0o600)
	}
	return c, stop, err
}

// ask runs the scene's request under trace.
func (s scene) ask(tr *tracer) (out []byte, said string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	o, err1 := os.Create(filepath.Join(s.dir, "out"))
	e, err2 := os.Create(filepath.Join(s.dir, "err"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, "", err
	}
	defer o.Close()
	defer e.Close()
	tr.folder = filepath.Join(s.dir, "D")
	// without async preemption there are fewer signals to hand on
	env := append(os.Environ(), "QUNXIANG_AS_PROGRAM=1", "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=2")
	if _, err := tr.run(self, s.question(), env, s.dir, o, e); err != nil {
		return nil, "", err
	}
	out, err1 = os.ReadFile(o.Name())
	text, err2 := os.ReadFile(e.Name())
	return out, string(text), errors.Join(err1, err2)
}

func (s scene) question() []string {
	q := question(1)
	for i, a := range q {
		if a == "D" {
			q[i] = filepath.Join(s.dir, "D")
		}
	}
	return q
}

// broken has one call of a request fail, looks at what that left, restarts and goes on.
func (s scene) broken(t testing.TB, fault string, at int) (struck bool, err error) {
	to, err := os.MkdirTemp("", "crash")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(to)
	c, stop, err := s.copy(t, to)
	if err != nil {
		return false, err
	}
	defer stop()
	tr := &tracer{fault: fault, at: at}
	out, said, err := c.ask(tr)
	if err != nil || !tr.struck {
		return false, err
	}
	what := fmt.Sprintf("%s at call %d, %s", fault, at, tr.calls[at-1])
	before, err := c.audit()
	if err != nil {
		return true, fmt.Errorf("%s: right after: %w (it said %q)", what, err, said)
	}
	if err := c.shown(out, before); err != nil {
		return true, fmt.Errorf("%s: %w", what, err)
	}
	if err := c.goOn(t, out, before); err != nil {
		return true, fmt.Errorf("%s: %w (it said %q)", what, err, said)
	}
	return true, nil
}

// shown holds what was printed against the log.
func (s scene) shown(out []byte, r *audit.Report) error {
	switch {
	case len(out) == 0:
		return nil
	case !json.Valid(out):
		return fmt.Errorf("printed half an answer")
	case r.Releases != 1 || r.Signed < r.Leaves:
		return fmt.Errorf("answered before the checkpoint: %+v", r)
	}
	return nil
}

// goOn asks again until it is answered and compares: a busy machine may miss a slot, and
// does not miss three.
func (s scene) goOn(t testing.TB, out []byte, before *audit.Report) error {
	want, spent := before.Charges, lifeSpent(before)
	for range 3 {
		again, err := s.plain(t)
		after, bad := s.audit()
		if bad != nil {
			return fmt.Errorf("after a restart: %w", bad)
		}
		if before.Releases == 0 { // else the answer is there, and free
			want++
		}
		switch {
		case after.Charges != want || after.Open != 0 || after.Abandoned+after.Releases != want || after.Releases > 1:
			return fmt.Errorf("after a restart %d charges, %d released, %d abandoned, %d open; %d were charged before", after.Charges, after.Releases, after.Abandoned, after.Open, before.Charges)
		case lifeSpent(after) < spent:
			return fmt.Errorf("spent went back from %d to %d", spent, lifeSpent(after))
		case err != nil && before.Releases == 0 && after.Releases == 0:
			spent = lifeSpent(after)
			continue
		case err != nil:
			return err
		case after.Releases != 1 || len(out) > 0 && !bytes.Equal(again, bytes.Replace(out, []byte(`"charged":true`), []byte(`"charged":false`), 1)):
			return fmt.Errorf("another answer than was shown")
		}
		return nil
	}
	return errors.New("after a restart it does not go on")
}

// plain runs the request untraced.
func (s scene) plain(t testing.TB) ([]byte, error) {
	var errs bytes.Buffer
	cmd := program(t, s.dir, s.question()...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, errs.String())
	}
	return out, nil
}

// audit is the auditor's report, without findings.
func (s scene) audit() (*audit.Report, error) {
	d := filepath.Join(s.dir, "D")
	key, err := os.ReadFile(filepath.Join(d, logKeyFile))
	if err != nil {
		return nil, err
	}
	second, err := os.ReadFile(filepath.Join(d, secondKeyFile))
	if err != nil {
		return nil, err
	}
	r, err := audit.Verify(context.Background(), audit.Options{
		Log: os.DirFS(filepath.Join(d, "ledger")), Key: strings.TrimSpace(string(key)), SM2: string(second), Releases: os.DirFS(filepath.Join(d, "releases")),
	})
	if err != nil {
		return nil, err
	}
	for _, f := range r.Findings {
		if f.Code != audit.TornTail {
			return nil, fmt.Errorf("leaf %d: %s: %s", f.Leaf, f.Code, f.Text)
		}
	}
	if r.Charges != r.Releases+r.Abandoned+r.Open {
		return nil, fmt.Errorf("charges do not add up: %+v", r)
	}
	return r, nil
}

// seeded is QUNXIANG_SEED, or one by chance.
func seeded(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("QUNXIANG_SEED")
	if text == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Every system call about a file of the domain, of a whole request in a supervised domain,
// fails in every way it can, and the process is killed at it. Right after it the auditor
// has no finding; the same request is then answered by a new process. In the long run all
// of them, else a few.
func TestCrashAtEverySystemCall(t *testing.T) {
	s, seed := newScene(t), seeded(t)
	probe, stop, err := s.copy(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{}
	out, said, err := probe.ask(tr)
	stop()
	if err != nil || len(out) == 0 {
		t.Fatalf("it does not answer under trace: %v\n%s", err, said)
	}
	type point struct {
		fault string
		at    int
	}
	var points []point
	for i, c := range tr.calls {
		for _, f := range []string{faultKill, faultEIO, faultFull, faultShort} {
			if c.can(f) {
				points = append(points, point{f, i + 1})
			}
		}
	}
	all := len(points)
	if os.Getenv("QUNXIANG_LONG") == "" {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(all, func(i, j int) { points[i], points[j] = points[j], points[i] })
		points = points[:min(all, 60)]
	}
	var next, met, wrong atomic.Int64
	var running sync.WaitGroup
	for range 3 * runtime.GOMAXPROCS(0) { // most of the time they wait for a slot
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(points)); i = next.Add(1) - 1 {
				struck, err := s.broken(t, points[i].fault, points[i].at)
				if struck {
					met.Add(1)
				}
				if err != nil {
					wrong.Add(1)
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	t.Logf("seed %d: %d calls, %d points of %d, %d of them met, %d violations", seed, len(tr.calls), len(points), all, met.Load(), wrong.Load())
	if 10*met.Load() < 9*int64(len(points)) {
		t.Error("fewer than nine points of ten were met")
	}
}

// Before a file has its name it is durable, and so is the name before anything that rests
// on it: the released file before its leaf, the leaf before its checkpoint, the checkpoint
// before the answer. A kill leaves what was written in the cache, so this is seen in the
// order of the calls.
func TestCrashOrderOfCalls(t *testing.T) {
	s := newScene(t)
	c, stop, err := s.copy(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	tr := &tracer{}
	out, said, err := c.ask(tr)
	if err != nil || len(out) == 0 {
		t.Fatalf("it does not answer under trace: %v\n%s", err, said)
	}
	last := func(before int, name, file string) int {
		for i := before - 1; i >= 0; i-- {
			if c := tr.calls[i]; strings.HasPrefix(c.name, name) && strings.HasPrefix(c.file, file) {
				return i
			}
		}
		return -1
	}
	end := len(tr.calls)
	leaf := last(end, "pwrite", "ledger/wal")
	answer := last(end, "rename", "releases/.new-")
	checkpoint := last(end, "rename", "ledger/checkpoint.tmp")
	file := func(at int) string { return tr.calls[max(0, at)].file }
	for what, order := range map[string][]int{
		"the answer, its fsync, its name": {last(answer, "write", file(answer)), last(answer, "fsync", file(answer)), answer},
		"the name, its fsync, the leaf":   {answer, last(leaf, "fsync", "releases"), leaf},
		"the leaf, its fsync, checkpoint": {leaf, last(checkpoint, "fsync", "ledger/wal"), last(checkpoint, "pwrite", "ledger/checkpoint.tmp")},
		"the checkpoint, fsync, its name": {last(checkpoint, "pwrite", "ledger/checkpoint.tmp"), last(checkpoint, "fsync", "ledger/checkpoint.tmp"), checkpoint},
		"the checkpoint's name, fsync":    {checkpoint, lastDir(tr.calls, "ledger")},
	} {
		for i, at := range order {
			if at < 0 || i > 0 && at <= order[i-1] {
				t.Errorf("%s: calls %v", what, order)
				break
			}
		}
	}
	if t.Failed() {
		for i, c := range tr.calls {
			t.Log(i, c)
		}
	}
}

// lastDir is the last fsync of a folder.
func lastDir(calls []call, dir string) int {
	for i := len(calls) - 1; i >= 0; i-- {
		if calls[i].name == "fsync" && calls[i].file == dir {
			return i
		}
	}
	return -1
}
