package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command says what it does with an example; every one of training that prints
// something prints JSON too.
func TestEveryCommandHasItsHelp(t *testing.T) {
	var walk func(c *cobra.Command, training bool)
	walk = func(c *cobra.Command, training bool) {
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s has no description or no example", c.CommandPath())
		}
		if training && !c.HasSubCommands() && c.Flag("json") == nil && c.Name() != "draft" { // a draft is YAML
			t.Errorf("%s has no --json", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub, training || c.Name() == "node" || c.Name() == "federated" && c.Parent().Name() == "qunxiang")
		}
	}
	walk(root(), false)
}

// A line that no command takes is wrong usage, and says where to look.
func TestWrongUsage(t *testing.T) {
	for line, want := range map[string]string{
		"serv":                         `no command "serv" of qunxiang: perhaps serve; see qunxiang --help`,
		"node status":                  `no command "status" of qunxiang node; see qunxiang node --help`,
		"federated creat":              "perhaps create",
		"federated enrolments aprove":  "perhaps approve",
		"demo fedrated":                "perhaps federated",
		"node serve":                   `required flag(s) "dir" not set; see qunxiang node serve --help`,
		"node approve --dir D another": "qunxiang node approve --help",
		"node approve --dri D":         "unknown flag",
	} {
		c := root()
		c.SetArgs(strings.Fields(line))
		c.SetOut(io.Discard)
		err := c.ExecuteContext(t.Context())
		var e *exitError
		if !errors.As(err, &e) || e.code != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	for _, line := range []string{"", "node", "federated --help"} {
		c := root()
		c.SetArgs(strings.Fields(line))
		var out strings.Builder
		c.SetOut(&out)
		if err := c.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "Available Commands") {
			t.Errorf("%q: %v\n%s", line, err, out.String())
		}
	}
}
