package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// offered is what a shell is offered behind a line whose last word is begun.
func offered(t *testing.T, line ...string) string {
	t.Helper()
	c := root()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs(append([]string{cobra.ShellCompRequestCmd}, line...))
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCompletions(t *testing.T) {
	dir := t.TempDir()
	rules, err := os.ReadFile("../../policy/testdata/full.good.yaml")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "policy.yaml"), rules, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		line       string // words by a bar
		want, none string
	}{
		{"query|run|--template|", "I3\tClaim severity", "F1"},
		{"query|run|--template|per", "persistence\t", "I3"},
		{"federated|draft|--template|", "F1\t", "I3"},
		{"template|show|P", "P5\t", "I3"},
		{"query|run|--template|I3|--param|", "insutype=\tInsurance schemes.", "codes="},
		{"query|run|--template|I3|--param|insutype=", "insutype=employee", "window="},
		{"query|run|--template|I3|--param|window=", "window=2017-01-01..2017-12-31", "insutype="},
		{"query|run|--template|I3|--purpose|", "commercial-health-insurance", "elder-care"},
		{"query|run|--template|nothing|--param|", ":4", "="},
		{"query|fetch|--format|", "xlsx", "yaml"},
		{"query|run|--domain|" + dir + "|--as|", "insurer", "/"},
		{"query|run|--domain|", ":16", "\t"},
	} {
		got := offered(t, strings.Split(x.line, "|")...)
		if !strings.Contains(got, x.want) || strings.Contains(got, x.none) {
			t.Errorf("%s: %q, without %q, of\n%s", x.line, x.want, x.none, got)
		}
	}
}

// Every command has its page, which says what it is and gives its example.
func TestManPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	c := root()
	c.SetOut(&bytes.Buffer{})
	c.SetArgs([]string{"man", "--out", dir})
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" || !c.IsAvailableCommand() {
			return
		}
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil || !bytes.Contains(page, []byte(".SH NAME")) || !bytes.Contains(page, []byte(".SH EXAMPLE")) {
			t.Errorf("%s: %v", c.CommandPath(), err)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	for _, sub := range root().Commands() {
		walk(sub)
	}
}
