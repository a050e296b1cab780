package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/queries"
)

// kills is how many times the process is killed; QUNXIANG_KILLS asks for more.
func kills(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("QUNXIANG_KILLS")); err == nil {
		return n
	}
	if testing.Short() {
		return 4
	}
	return 12
}

// program runs this test binary as qunxiang.
func program(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "QUNXIANG_AS_PROGRAM=1")
	return cmd
}

func mustRun(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	var errs bytes.Buffer
	cmd := program(t, dir, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	return out
}

// question is the i-th of many different ones, each as cheap as can be.
func question(i int) []string {
	day := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i%700)
	window := day.Format(time.DateOnly) + ".." + day.AddDate(0, 0, 300).Format(time.DateOnly)
	return []string{"query", "run", "--domain", "D", "--as", "insurer-a", "--template", "I2", "--coarse",
		"--param", "window=" + window, "--cost", "0.002", "--allow-empty", "--json"}
}

// moment is when to kill: often while the request is being charged, else at any
// time until after its slot.
func moment(r *rand.Rand) time.Duration {
	if r.IntN(3) == 0 {
		return time.Duration(r.Int64N(int64(300 * time.Millisecond)))
	}
	return time.Duration(r.Int64N(int64(2200 * time.Millisecond)))
}

// A process is killed at a random moment of a request, again and again, on one
// domain. Right after each kill the log verifies; after a restart it still
// does, nothing spent came back, and a request that was released gives the same
// bytes for nothing.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustRun(t, dir, "data", "synth", "--domain", "D", "--persons", "300", "--seed", "2")
	quicken(t, filepath.Join(dir, "D", "policy.yaml"))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var spent int64
	outcomes := map[string]int{}
	for i := range kills(t) {
		cmd := program(t, dir, question(i)...)
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-time.After(moment(r)):
			_ = cmd.Process.Kill()
			<-done
		case <-done:
		}
		report := audited(t, filepath.Join(dir, "D"))
		if report.Charges != report.Releases+report.Abandoned+report.Open {
			t.Fatalf("charges do not add up: %+v", report)
		}
		if now := lifeSpent(report); now < spent {
			t.Fatalf("spent went back from %d to %d", spent, now)
		} else {
			spent = now
		}
		outcomes[fmt.Sprintf("answered=%v open=%d", out.Len() > 0, report.Open)]++
		resume(t, dir)
		again, late := insist(t, dir, question(i)...)
		after := audited(t, filepath.Join(dir, "D"))
		if after.Open != 0 {
			t.Fatalf("a charge is open after a restart: %+v", after)
		}
		if out.Len() > 0 { // the answer was out: the retry is free, with the same bytes
			if after.Charges != report.Charges || !bytes.Equal(again, []byte(strings.Replace(out.String(), `"charged":true`, `"charged":false`, 1))) {
				t.Fatal("a released answer was drawn again")
			}
		}
		if after.Charges > report.Charges+1+late || lifeSpent(after) < spent {
			t.Fatalf("the retry charged %d times", after.Charges-report.Charges)
		}
		spent = lifeSpent(after)
		var rel struct{ Groups []json.RawMessage }
		if err := json.Unmarshal(again, &rel); err != nil || len(rel.Groups) == 0 {
			t.Fatalf("the retry gave no release: %v", err)
		}
	}
	t.Logf("%v", outcomes)
}

// insist runs a question again where it was abandoned because the machine was too busy
// for its slot, and says how often.
func insist(t *testing.T, dir string, args ...string) (out []byte, late int64) {
	t.Helper()
	for ; late < 3; late++ {
		var said bytes.Buffer
		cmd := program(t, dir, args...)
		cmd.Stderr = &said
		if out, err := cmd.Output(); err == nil {
			return out, late
		} else if !strings.Contains(said.String(), queries.ErrAbandoned.Error()) {
			t.Fatalf("%v: %v\n%s", args, err, said.String())
		}
		resume(t, dir)
	}
	t.Fatalf("%v: abandoned %d times", args, late)
	return nil, 0
}

// resume lifts the suspension that three orphans of one template bring.
func resume(t *testing.T, dir string) {
	t.Helper()
	_ = program(t, dir, "template", "resume", "I2", "--domain", "D").Run() // fails where there is none
}

// quicken sets the shortest slot.
func quicken(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.ReplaceAll(string(b), "slot: 2s", "slot: 1s")
	if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
}

func audited(t *testing.T, domain string) *audit.Report {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(domain, logKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(t.Context(), audit.Options{
		Log: os.DirFS(filepath.Join(domain, "ledger")), Key: strings.TrimSpace(string(key)), Releases: os.DirFS(filepath.Join(domain, "releases")),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Code != audit.TornTail { // a record that was being written when the process died
			t.Fatalf("leaf %d: %s: %s", f.Leaf, f.Code, f.Text)
		}
	}
	return report
}

func lifeSpent(r *audit.Report) int64 {
	for _, s := range r.Scopes {
		if strings.HasSuffix(s.Name, "/life") {
			return s.Spent.Rho
		}
	}
	return 0
}
