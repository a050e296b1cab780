package main

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// take puts what a regular expression's group finds in the last command's output into a
// variable: take NAME 'digest: *([0-9a-f]+)'.
func take(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: take NAME REGEXP")
	}
	found := regexp.MustCompile(`(?m)` + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("the output has nothing like %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// expand writes the variables' values into files: ${NAME}.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(v string) string { return ts.Getenv(v) })
		if err := os.WriteFile(ts.MkAbs(name), []byte(text), 0o600); err != nil {
			ts.Fatalf("%v", err)
		}
	}
}

// until runs a command again and again, up to a minute, until its output has something
// like a regular expression: until 'done: 2' qunxiang federated status --dir K.
func until(ts *testscript.TestScript, _ bool, args []string) {
	like := regexp.MustCompile(args[0])
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		_ = ts.Exec(args[1], args[2:]...) // it may be too early for it
		if like.MatchString(strings.TrimSpace(ts.ReadFile("stdout"))) {
			return
		}
	}
	ts.Fatalf("after a minute there is nothing like %s", args[0])
}

// code runs a command and wants its exit code: code 3 qunxiang node approve ...
func code(ts *testscript.TestScript, _ bool, args []string) {
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit %d, want %s", got, args[0])
	}
}
