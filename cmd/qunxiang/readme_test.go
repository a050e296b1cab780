package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// walkthrough is the block of commands under a heading of a page.
func walkthrough(t *testing.T, file, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), heading)
	_, rest, begun := strings.Cut(rest, "```bash\n")
	block, _, ended := strings.Cut(rest, "```")
	if !ok || !begun || !ended {
		t.Fatalf("%s has no commands under %q", file, heading)
	}
	return block
}

// The walk-through to join as a node runs as it is written, and is the same in both
// languages but for its comments.
func TestReadmeWalkThrough(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	commands := walkthrough(t, "docs/node-operator.md", "## Join as a node")
	if bare(commands) != bare(walkthrough(t, "docs/zh/node-operator.md", "## 作为节点加入")) {
		t.Error("the two languages have different commands")
	}
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	wrapper := "#!/bin/sh\nQUNXIANG_AS_PROGRAM=1 exec " + self + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "qunxiang"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euc", "trap 'kill $(jobs -p) 2>/dev/null' EXIT\n"+strings.ReplaceAll(commands, "127.0.0.1:8800", addr))
	cmd.Dir = dir
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"Where it comes from (verified)", "OK: every sum was decrypted", "training has charged nothing here", "released"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing like %q in\n%s", want, out.String())
		}
	}
}

// bare is the commands without their comments.
func bare(block string) string {
	var out []string
	for line := range strings.Lines(block) {
		if line, _, _ = strings.Cut(line, "# "); strings.TrimSpace(line) != "" {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return strings.Join(out, "\n")
}
