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

// The walk-through of a supervised domain runs as it is written, but for the ports, and is
// the same in both languages but for its comments.
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
	script := walkthrough(t, "docs/steward.md", "## Two people, and witnesses")
	if strings.Contains(script, "--domain D") || strings.Contains(script, "B.tar") {
		t.Error("it uses a domain or a file that an earlier section has made")
	}
	if bare(script) != bare(walkthrough(t, "docs/zh/steward.md", "## 两人审批与见证方")) {
		t.Error("the two languages have different commands")
	}
	script = strings.ReplaceAll(script, "127.0.0.1:8700", free(t))
	script = strings.ReplaceAll(script, "127.0.0.1:8443", free(t))
	script = strings.Replace(script, "serve --domain E --addr", "serve --config qunxiang.yaml --domain E --addr", 1)
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", "trap 'kill $(jobs -p); wait' EXIT\n"+script)
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"groups shown", "stays", "taken back by Bo", "cosigned by witness.example", "(supervised)", "OK: every release has its one earlier charge", "kept beside the list", "added: log"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing of %q in\n%s", want, out)
		}
	}
	if n := strings.Count(string(out), "OK: every release has its one earlier charge"); n != 2 {
		t.Errorf("verified %d times, before the key changed and after\n%s", n, out)
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

func free(t *testing.T) string {
	t.Helper()
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
