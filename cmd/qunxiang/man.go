package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "man", Short: "Write the manual pages of every command", Args: cobra.NoArgs,
		Long: `Writes one page of section 1 for each command into a folder, made where it is
not there. Put them where man looks, such as /usr/local/share/man/man1.`,
		Example: "  qunxiang man --out man1 && man ./man1/qunxiang-query-run.1",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			whole := c.Root()
			whole.DisableAutoGenTag = true
			if err := doc.GenManTree(whole, &doc.GenManHeader{Section: "1", Source: "Qunxiang " + version, Manual: "Qunxiang"}, out); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s has the manual pages.\n", out)
			return err
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder to write to")
	_ = c.MarkFlagRequired("out")
	return c
}
