package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The page for users of R runs as it is written, from its first line to the receipt.
func TestRPage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs a demo")
	}
	if err := exec.Command("Rscript", "-e", "library(httr2); library(jsonlite)").Run(); err != nil {
		if os.Getenv("QUNXIANG_NO_SKIP") != "" && os.Getenv("QUNXIANG_LONG") != "" {
			t.Fatal("no R with httr2 and jsonlite: apt-get install r-base-core r-cran-httr2 r-cran-jsonlite")
		}
		t.Skip("no R with httr2 and jsonlite: apt-get install r-base-core r-cran-httr2 r-cran-jsonlite")
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "api", "r", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, ok := strings.Cut(string(page), "```r\nlibrary(httr2)\n")
	code, rest, ended := strings.Cut(code, "```\n")
	_, check, told := strings.Cut(rest, "```bash\nqunxiang ")
	check, _, closed := strings.Cut(check, "\n```")
	if !ok || !ended || !told || !closed {
		t.Fatal("the page has no R, or no command after it")
	}
	file, _ := demoServer(t)
	r := exec.CommandContext(t.Context(), "Rscript", "-e", "library(httr2)\n"+code)
	r.Dir = t.TempDir()
	r.Env = append(os.Environ(), "QUNXIANG_CREDENTIALS="+file)
	if out, err := r.CombinedOutput(); err != nil || !strings.Contains(string(out), "severity") {
		t.Fatalf("%v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	audit := exec.CommandContext(t.Context(), self, strings.Fields(check)...)
	audit.Dir, audit.Env = r.Dir, append(os.Environ(), "QUNXIANG_AS_PROGRAM=1")
	if out, err := audit.CombinedOutput(); err != nil || !strings.Contains(string(out), "OK: the receipt holds") {
		t.Errorf("%v\n%s", err, out)
	}
}
