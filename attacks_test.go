package qunxiang_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every attack that SECURITY.md lists names tests that there are.
func TestAttacksAreTried(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(text), "## Attacks, and the tests that try them\n")
	if !ok {
		t.Fatal("SECURITY.md lists no attacks")
	}
	list, _, _ = strings.Cut(list, "\n## ")
	named := regexp.MustCompile(`(Test\w+) \(([\w/]+)\)`)
	rows := 0
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| attack") {
			continue
		}
		rows++
		tests := named.FindAllStringSubmatch(line, -1)
		if len(tests) == 0 {
			t.Errorf("nothing tries this: %s", line)
		}
		for _, m := range tests {
			if !hasTest(t, m[2], m[1]) {
				t.Errorf("%s has no %s", m[2], m[1])
			}
		}
	}
	if rows < 32 {
		t.Errorf("only %d attacks", rows)
	}
}

// hasTest says whether a folder has a test.
func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
