package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pythonFolder is where the Python package is.
var pythonFolder = filepath.Join("..", "..", "api", "python")

// python is an interpreter that has the package's test requirements.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("QUNXIANG_PYTHON")
	if path == "" {
		path = filepath.Join(pythonFolder, ".venv", "bin", "python")
	}
	path, err := filepath.Abs(path)
	if err == nil {
		err = exec.Command(path, "-c", "import pytest, mypy, ruff, pyarrow, pandas, polars, cryptography").Run()
	}
	if err == nil {
		return path
	}
	const how = "no Python with the package's requirements: python3 -m venv api/python/.venv && api/python/.venv/bin/python -m pip install -e 'api/python[test]'"
	if os.Getenv("QUNXIANG_NO_SKIP") != "" {
		t.Fatalf("%s (%v)", how, err)
	}
	t.Skip(how)
	return ""
}

// demoServer runs the demo until the test ends, and gives its credentials file.
func demoServer(t *testing.T) (file string, stop func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file = filepath.Join(dir, "conf", "credentials.json")
	ctx, cancel := context.WithCancel(t.Context())
	demo := exec.CommandContext(ctx, self, "demo", "--persons", "4000", "--credentials", file)
	demo.Env = append(os.Environ(), "QUNXIANG_AS_PROGRAM=1", "TMPDIR="+dir)
	demo.Cancel = func() error { return demo.Process.Signal(os.Interrupt) }
	demo.WaitDelay = 20 * time.Second
	var out bytes.Buffer
	demo.Stdout, demo.Stderr = &out, &out
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = demo.Wait(); close(ended) }()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	for range 1200 {
		if exists(file) {
			return file, stop
		}
		select {
		case <-ended:
			t.Fatalf("the demo has ended:\n%s", out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatal("the demo takes longer than a minute")
	return "", nil
}

// inPython runs an interpreter in the package's folder, with the package on its path.
func inPython(t *testing.T, python, credentials string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, args...)
	cmd.Dir = pythonFolder
	cmd.Env = append(os.Environ(), "PYTHONPATH=src", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1",
		"QUNXIANG_TEST_CREDENTIALS="+credentials, "QUNXIANG_CREDENTIALS="+credentials)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("python %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// commandLineReads asks by the command line as an identity of the file.
func commandLineReads(t *testing.T, file string) {
	t.Helper()
	c, err := readCredentials(file)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for as, want := range map[string]string{"insurer": "rho 0.0", "pharma": "audience"} {
		cmd := exec.CommandContext(t.Context(), self, "query", "estimate", "--server", c.Server, "--as", as, "--template", "I2",
			"--coarse", "--allow-empty", "--param", "window=2017-01-01..2017-12-31", "--cost", "0.05")
		cmd.Env = append(os.Environ(), "QUNXIANG_AS_PROGRAM=1", "QUNXIANG_TOKEN=", credentialsVariable+"="+file)
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("as %s: %s", as, out)
		}
	}
}

// The Python package passes its own tests, on the server of a demo, and its examples run
// there as an actuary, an analyst and a regulator would run them.
func TestPython(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs a demo")
	}
	python := python(t)
	pytest := slices.Clip([]string{"-m", "pytest", "-q", "-p", "no:cacheprovider"})
	checked := make(chan struct{})
	go func() { // beside the demo, which mostly waits
		defer close(checked)
		inPython(t, python, "", "-m", "mypy")
		inPython(t, python, "", "-m", "ruff", "check", "--no-cache", ".")
		inPython(t, python, "", "-m", "ruff", "format", "--no-cache", "--check", ".")
		t.Log(inPython(t, python, "", append(pytest, "--ignore=tests/test_live.py", "--ignore=tests/test_generated.py")...))
	}()
	file, stop := demoServer(t)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the credentials file: %v, %v", info, err)
	}
	t.Log(inPython(t, python, file, append(pytest, "tests/test_live.py", "tests/test_generated.py")...))
	for example, says := range map[string]string{
		"actuary": "relativities", "rwe_analyst": "Persistence on a drug", "regulator": "with one digit changed: the receipt does not hold",
	} {
		out := inPython(t, python, file, filepath.Join("examples", example+".py"))
		if !strings.Contains(out, says) || !strings.Contains(out, "it holds") {
			t.Errorf("%s does not say %q:\n%s", example, says, out)
		}
	}
	commandLineReads(t, file)
	<-checked
	stop()
	if exists(file) {
		t.Error("the demo has left its credentials file")
	}
}
