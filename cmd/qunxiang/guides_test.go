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

// The commands that a job waits for are those that supervisedtraining.txtar runs, with
// other names; here only their words are looked at.
func TestGuideOfJobs(t *testing.T) {
	block := walkthrough(t, "docs/steward.md", "A training job waits")
	if bare(block) != bare(walkthrough(t, "docs/zh/steward.md", "训练任务在每个")) {
		t.Error("the two languages have different commands")
	}
	for line := range strings.Lines(bare(block)) {
		c, rest, err := root().Find(strings.Fields(line)[1:])
		if err == nil {
			err = c.ParseFlags(rest)
		}
		if err == nil {
			err = c.ValidateArgs(c.Flags().Args())
		}
		if err == nil {
			err = c.ValidateRequiredFlags()
		}
		if err != nil || !c.Runnable() {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// Every guide's commands run as they are written, but for the port, and are the same in
// both languages but for their comments.
func TestGuides(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "tar", "dd"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("there is no " + tool)
		}
	}
	for _, x := range []struct {
		file, heading, chinese string
		want                   []string
		made                   []string // files that begin so
	}{
		{"actuary.md", "## Ask, price, and read the answer", "## 提问、估价、读懂回答",
			[]string{"Claim frequency", "± ", "groups shown"}, []string{"frequency.xlsx:PK", "frequency.csv:", "receipt.json:{"}},
		{"rwe-analyst.md", "## Cohorts, curves and their intervals", "## 队列、曲线及其区间",
			[]string{"Persistence", "groups shown"}, []string{"persistence.parquet:PAR1", "receipt.json:{"}},
		{"steward.md", "## A domain", "## 一个数据域",
			[]string{"claim-frequency", "qx_", "insurer-a"}, nil},
		{"regulator.md", "## Verify", "## 核验",
			[]string{"OK: every release has its one earlier charge", "found: exit code 5", "tested against the noise"}, nil},
	} {
		t.Run(x.file, func(t *testing.T) {
			t.Parallel()
			script := walkthrough(t, "docs/"+x.file, x.heading)
			if bare(script) != bare(walkthrough(t, "docs/zh/"+x.file, x.chinese)) {
				t.Error("the two languages have different commands")
			}
			dir := t.TempDir()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{
				"qunxiang":      "#!/bin/bash\nQUNXIANG_AS_PROGRAM=1 exec " + self + ` "$@"` + "\n",
				"qunxiang.yaml": strings.Replace(defaultConfig, "internal: 127.0.0.1:8444", `internal: ""`, 1),
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			script = strings.ReplaceAll(script, "127.0.0.1:8443", free(t))
			script = strings.Replace(script, "serve --domain D --addr", "serve --config qunxiang.yaml --domain D --addr", 1)
			script = strings.Replace(script, "\n./qunxiang serve", "\nsed -i 's/slot: 2s/slot: 5s/' D/policy.yaml\n./qunxiang serve", 1) // a busy machine
			cmd := exec.CommandContext(t.Context(), "bash", "-euc", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"+script)
			cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range x.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("nothing of %q in\n%s", want, out)
				}
			}
			for _, made := range x.made {
				name, begin, _ := strings.Cut(made, ":")
				if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(b) == 0 || !strings.HasPrefix(string(b), begin) {
					t.Errorf("%s: %.20q %v", name, b, err)
				}
			}
		})
	}
}
