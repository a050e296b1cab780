//go:build duckdb_arrow

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// suspended has a template abandoned until it is suspended: the process is killed once it
// has charged, before its answer is due. A machine that is too slow for it tries again.
const suspended = `
charges() { grep -ao '"type":"CHARGE"' E/ledger/wal | wc -l; }
for day in $(seq -w 1 28); do
  before=$(charges)
  ./qunxiang query run --domain E --as insurer-a --template I2 --coarse --param window=2017-01-$day..2017-12-31 --cost 0.002 --allow-empty > said 2>&1 & asked=$!
  until [ $(charges) -gt $before ] || ! kill -0 $asked 2> /dev/null; do sleep 0.02; done
  kill -9 $asked 2> /dev/null || true
  wait $asked 2> /dev/null || true
  if grep "template is suspended" said; then break; fi
done
./qunxiang template resume`

// The walk-throughs of a supervised domain, the steward's and then the regulator's, run as
// they are written, but for the ports, and are the same in both languages but for their comments.
func TestSupervisedWalkThrough(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("there is no " + tool)
		}
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := strings.Replace(defaultConfig, "internal: 127.0.0.1:8444", `internal: ""`, 1)
	for name, text := range map[string]string{
		"qunxiang":      "#!/bin/bash\nQUNXIANG_AS_PROGRAM=1 exec " + self + ` "$@"` + "\n",
		"qunxiang.yaml": config,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	script := supervisedScript(t)
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", "trap 'kill $(jobs -p); wait' EXIT\n"+script)
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"groups shown", "stays", "taken back by Bo", "cosigned by witness.example", "(supervised)", "OK: every release has its one earlier charge", "kept beside the list", "added: log",
		"template is suspended", "approved by two people and done: resume", "approved by two people and done: delete", "NO VERDICT",
		"put back: exit code 5", "findings: since-mismatch", "compare these with the people", "NOT OK: 1 findings: not-witnessed", "old pins: exit code 5", "cosigned by witness.regulator.example"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing of %q in\n%s", want, out)
		}
	}
	if n := strings.Count(string(out), "OK: every release has its one earlier charge"); n != 5 {
		t.Errorf("verified %d times, before the key changed and after, of a log that was put back, and before the witness changed and after\n%s", n, out)
	}
	list, err := os.ReadFile(filepath.Join(dir, "E", "optout"))
	if err != nil || len(list) == 0 {
		t.Errorf("nobody has opted out: %v", err)
	}
	wal, err := os.ReadFile(filepath.Join(dir, "E", "ledger", "wal"))
	if err != nil || bytes.Contains(wal, []byte("optout")) || bytes.Contains(wal, []byte("opt-out")) {
		t.Errorf("the log tells of opt-outs (%v)", err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "E", "log-before.pub"))
	if err != nil || !strings.Contains(string(before), " until leaf ") {
		t.Errorf("the log still has its first key: %q %v", before, err)
	}
}

// supervisedScript is the walk-throughs' commands, one after the other, on free ports.
func supervisedScript(t *testing.T) string {
	t.Helper()
	script := ""
	for _, part := range []struct{ file, heading, chinese string }{
		{"steward.md", "## Operator walk-through", "## 运维演练"},
		{"steward.md", "## What is rarer", "## 较少发生"},
		{"regulator.md", "## A supervised domain", "## 受监督的数据域"},
	} {
		block := walkthrough(t, "docs/"+part.file, part.heading)
		if bare(block) != bare(walkthrough(t, "docs/zh/"+part.file, part.chinese)) {
			t.Errorf("%s: the two languages have different commands", part.heading)
		}
		script += block
	}
	if strings.Contains(bare(script), "--domain D") || strings.Contains(bare(script), "B.tar") {
		t.Error("it uses a domain or a file that an earlier section has made")
	}
	script = strings.Replace(script, "\n./qunxiang template resume", suspended, 1)
	for _, addr := range []string{"127.0.0.1:8700", "127.0.0.1:8701", "127.0.0.1:8443"} {
		script = strings.ReplaceAll(script, addr, free(t))
	}
	return strings.ReplaceAll(script, "serve --domain E --addr", "serve --config qunxiang.yaml --domain E --addr")
}

func free(t *testing.T) string {
	t.Helper()
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
