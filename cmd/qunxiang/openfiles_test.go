package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A server says what others can read, and nothing where they cannot.
func TestOpenFilesAreTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "D")
	key := filepath.Join(t.TempDir(), "tls.key")
	for _, err := range []error{os.Mkdir(dir, 0o700), os.Mkdir(filepath.Join(dir, "snapshots"), 0o755), os.WriteFile(key, nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	said := func() string {
		var out strings.Builder
		warnOfOpen(&out, dir, key)
		return out.String()
	}
	if got := said(); got != "" {
		t.Errorf("said %q", got)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o755, key: 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	got := said()
	for _, want := range []string{"chmod 700 " + dir + "\n", "chmod 700 " + filepath.Join(dir, "snapshots") + "\n", "chmod 600 " + key + "\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing of %q in %q", want, got)
		}
	}
}
