package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
)

// tokens are the domain's bearer tokens; only their digests are kept.
func (d *domain) tokens() (*api.Tokens, error) { return api.OpenTokens(d.path("tokens.yaml"), nil) }

func tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "token", Short: "Make bearer tokens for a server's clients",
		Example: "  qunxiang token add --domain D --as insurer-a",
	}
	c.AddCommand(tokenAddCommand(), tokenPinCommand())
	return c
}

func tokenAddCommand() *cobra.Command {
	var dir, as string
	c := &cobra.Command{
		Use: "add", Short: "Make a token for a principal and print it once", Args: cobra.NoArgs,
		Long:    "Make a token for a principal and print it, this once: the domain keeps only its\ndigest. A running server takes it at once.",
		Example: "  qunxiang token add --domain D --as insurer-a",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			if d.policy().Organisation(as) == "" {
				return &exitError{exitUsage, fmt.Errorf("%q is no principal of this domain's policy", as)}
			}
			tokens, err := d.tokens()
			if err != nil {
				return err
			}
			token, err := tokens.Add(as, time.Time{})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), token)
			return err
		},
	}
	c.Flags().StringVar(&dir, "domain", "", "directory of the domain")
	c.Flags().StringVar(&as, "as", "", "principal whose token it is")
	_ = c.MarkFlagRequired("domain")
	_ = c.MarkFlagRequired("as")
	return c
}

func tokenPinCommand() *cobra.Command {
	return &cobra.Command{
		Use: "pin FILE", Short: "Name the key of a client certificate, for a policy", Args: cobra.ExactArgs(1),
		Long: `Name the key of a client certificate (a PEM file) as policy.yaml pins it:

    principals:
      - {id: insurer-a, ..., certificates: ["sha256:..."]}

A renewed certificate of the same key has the same name.`,
		Example: "  qunxiang token pin client.crt",
		RunE: func(c *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			block, _ := pem.Decode(text)
			if block == nil || block.Type != "CERTIFICATE" {
				return &exitError{exitUsage, fmt.Errorf("%s does not begin with a certificate in PEM", args[0])}
			}
			leaf, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return &exitError{exitUsage, fmt.Errorf("%s: %w", args[0], err)}
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), api.KeyName(leaf))
			return err
		},
	}
}
