//go:build duckdb_arrow

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The rehearsal of a lost disk and a lost key runs as it is written, and is the same in
// both languages but for its comments.
func TestOperationsWalkThrough(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("there is no " + tool)
		}
	}
	script := walkthrough(t, "docs/deployment.md", "## Keep it running")
	if bare(script) != bare(walkthrough(t, "docs/zh/deployment.md", "## 日常运维")) {
		t.Error("the two languages have different commands")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	wrapper := "#!/bin/bash\nQUNXIANG_AS_PROGRAM=1 exec " + self + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "qunxiang"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", script)
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"refused with 5", "are known outside", "of which the backup had", "claim-frequency", "person.key is not there", "OK: every release"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing of %q in\n%s", want, out)
		}
	}
}
