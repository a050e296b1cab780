package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a domain's folder is called does not matter: jobs and sums are found below it.
func TestPathsOfAnyName(t *testing.T) {
	job := strings.Repeat("ab", 32)
	for _, name := range []string{"plain", "a[b", "a[b]", "x*", "q?", `back\slash`} {
		n := nodeFolderOf(filepath.Join(t.TempDir(), name))
		attempt := n.path("jobs", job, "attempt-1")
		if err := os.MkdirAll(attempt, 0o700); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{n.path("jobs", job, approvalFile): "{}", filepath.Join(attempt, "sum"): name} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, given := range []string{"", job[:8], job} {
			if dir, err := n.jobDir(given); err != nil || dir != n.path("jobs", job) {
				t.Errorf("%s: job %q is %q: %v", name, given, dir, err)
			}
		}
		if _, err := n.jobDir(job[:7]); err == nil {
			t.Errorf("%s: seven digits name a job", name)
		}
		released := newReleasedFiles(t.TempDir(), n.path("jobs"))
		if b, err := fs.ReadFile(released, fmt.Sprintf("%x.json", sha256.Sum256([]byte(name)))); err != nil || string(b) != name {
			t.Errorf("%s: the sum is %q: %v", name, b, err)
		}
		if err := (forgery{file: "attempt-*/sum"}).forge(n.path("jobs", job)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := n.jobDir("[" + job[:8]); err == nil {
			t.Errorf("%s: a pattern names a job", name)
		}
	}
}

// Templates are found in a folder of any name.
func TestCertifyFolderOfAnyName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t[1*")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.yaml", "x.sql"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("no template"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, refused, err := folder(nil, dir); err != nil || len(refused) != 1 || refused[0].Template != "x.yaml" {
		t.Errorf("%v %v", refused, err)
	}
}
