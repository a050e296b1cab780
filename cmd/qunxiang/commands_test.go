package main

import (
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
		if training && c.Runnable() && c.Flag("json") == nil && c.Name() != "draft" { // a draft is YAML
			t.Errorf("%s has no --json", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub, training || c.Name() == "node" || c.Name() == "federated" && c.Parent().Name() == "qunxiang")
		}
	}
	walk(root(), false)
}
