package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
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
	tr.Path, tr.Args, tr.Dir, tr.Folder = self, s.question(), s.dir, filepath.Join(s.dir, "D")
	tr.Out, tr.Err = filepath.Join(s.dir, "out"), filepath.Join(s.dir, "err")
	if err := tr.trace(); err != nil {
		return nil, "", err
	}
	out, err1 := os.ReadFile(tr.Out)
	text, err2 := os.ReadFile(tr.Err)
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

// orphaned is the scene after a process that was killed between a charge and its release.
// Where the machine was too busy for the slot, it is another copy's turn.
func (s scene) orphaned(t *testing.T) scene {
	t.Helper()
	calls := s.probe(t)
	at := slices.IndexFunc(calls, func(c call) bool { return strings.HasPrefix(c.File, "releases/.new-") })
	for tries := 1; ; tries++ {
		c, stop, err := s.copy(t, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.ask(&tracer{Fault: faultKill, At: at + 1})
		stop()
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.audit()
		if err == nil && r.Open == 1 && r.Releases == 0 {
			return c
		}
		if err != nil || tries == 5 || r.Abandoned != 1 {
			t.Fatalf("no charge was left open: %+v (%v)", r, err)
		}
	}
}

// probe are the calls of a request on a copy of the scene, nothing failing. Where the
// machine was too busy for the slot, it is another copy's turn.
func (s scene) probe(t *testing.T) []call {
	t.Helper()
	for tries := 1; ; tries++ {
		c, stop, err := s.copy(t, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		tr := &tracer{}
		out, said, err := c.ask(tr)
		stop()
		if err == nil && len(out) > 0 {
			return tr.Calls
		}
		if err != nil || tries == 5 || !strings.Contains(said, queries.ErrAbandoned.Error()) {
			t.Fatalf("it does not answer under trace: %v\n%s", err, said)
		}
	}
}
