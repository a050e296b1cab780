package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The command finds in each tampered bundle what its name says, ends with 5 and has the
// code on its last line; in the clean ones it finds nothing.
func TestAuditVerifyBundles(t *testing.T) {
	const dir = "../../policy/audit/testdata/bundles"
	files, err := filepath.Glob(dir + "/*.tar")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d bundles: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".tar")
		args := []string{"audit", "verify", "--bundle", file, "--policy", dir + "/policy"}
		if since := strings.TrimSuffix(file, ".tar") + ".since"; exists(since) {
			args = append(args, "--since", since)
		}
		if name == "stale" {
			args = append(args, "--max-age", "1s")
		}
		text, code := ran(t, args...)
		lines := strings.Split(strings.TrimSpace(text), "\n")
		last := lines[len(lines)-1]
		clean := strings.HasPrefix(name, "clean")
		if name == "log-unusable" {
			if text, _ = ran(t, append(args, "--json")...); code != exitFailed || last != "NOT OK: the log cannot be examined: log-unusable" || !strings.Contains(text, `"code": "log-unusable"`) {
				t.Errorf("%s ends with %d and %q; as JSON %s", name, code, last, text)
			}
			continue
		}
		if clean && (code != exitOK || !strings.HasPrefix(last, "OK: ")) || !clean && (code != exitInvalid || !strings.HasPrefix(last, "NOT OK: ") || !strings.HasSuffix(last, " findings: "+name)) {
			t.Errorf("%s ends with %d and %q", name, code, last)
		}
		text, _ = ran(t, append(args, "--json")...)
		var report struct {
			Findings []struct{ Code string }
		}
		if err := json.Unmarshal([]byte(text), &report); err != nil || clean != (len(report.Findings) == 0) || !clean && report.Findings[0].Code != name {
			t.Errorf("%s: %v %+v", name, err, report.Findings)
		}
	}
}

// ran runs a command and gives its output and exit code.
func ran(t *testing.T, args ...string) (string, int) {
	t.Helper()
	c := root()
	c.SetArgs(args)
	var out bytes.Buffer
	c.SetOut(&out)
	err := c.ExecuteContext(t.Context())
	var e *exitError
	switch {
	case err == nil:
		return out.String(), exitOK
	case errors.As(err, &e):
		return out.String(), e.code
	}
	return out.String(), exitFailed
}

// A bundle with something in it that does not belong there is not examined.
func TestAuditVerifyNoBundle(t *testing.T) {
	dir := t.TempDir()
	pinned := filepath.Join("../../policy/audit/testdata/bundles", "policy")
	for name, text := range map[string]string{"empty": "", "text": strings.Repeat("text", 1000)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := ran(t, "audit", "verify", "--bundle", file, "--policy", pinned); code != exitFailed || out != "NOT OK: the log cannot be examined: log-unusable\n" {
			t.Errorf("%s: %d %s", name, code, out)
		}
	}
	if _, code := ran(t, "audit", "verify", "--bundle", dir+"/absent", "--policy", pinned); code != exitFailed {
		t.Errorf("absent: %d", code)
	}
}
