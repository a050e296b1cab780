package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
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
	c.AddCommand(tokenAddCommand(), tokenListCommand(), tokenRevokeCommand(), tokenPinCommand())
	return c
}

func tokenAddCommand() *cobra.Command {
	var dir, as string
	var days int
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
			var expires time.Time
			switch {
			case days < 0 || days > 3660:
				return &exitError{exitUsage, fmt.Errorf("--days is from 1 to 3660, or 0 for a token that does not expire")}
			case days > 0:
				expires = time.Now().AddDate(0, 0, days)
			}
			tokens, err := d.tokens()
			if err != nil {
				return err
			}
			token, err := tokens.Add(as, expires)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), token)
			return err
		},
	}
	c.Flags().StringVar(&dir, "domain", "", "directory of the domain")
	c.Flags().StringVar(&as, "as", "", "principal whose token it is")
	c.Flags().IntVar(&days, "days", 0, "how long it holds; 0: until it is revoked")
	_ = c.MarkFlagRequired("domain")
	_ = c.MarkFlagRequired("as")
	return c
}

func tokenListCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the tokens, by the beginning of their digests", Args: cobra.NoArgs,
		Example: "  qunxiang token list --domain D",
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := listTokens(dir)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 2, 4, 2, ' ', 0)
			fmt.Fprintln(w, "DIGEST\tPRINCIPAL\tMADE\tEXPIRES")
			for _, t := range list {
				expires := t.Expires
				switch {
				case expires == "":
					expires = "never"
				case t.Expired:
					expires += " (expired)"
				}
				row(w, t.Digest[:20], t.Principal, t.Created, expires)
			}
			return w.Flush()
		},
	}
	c.Flags().StringVar(&dir, "domain", "", "directory of the domain")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = c.MarkFlagRequired("domain")
	return c
}

// listTokens reads the tokens of a domain.
func listTokens(dir string) ([]api.TokenInfo, error) {
	if _, err := os.Stat(filepath.Join(dir, "keys")); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, errNoDomain)
	}
	tokens, err := (&domain{dir: dir}).tokens()
	if err != nil {
		return nil, err
	}
	return tokens.List()
}

func tokenRevokeCommand() *cobra.Command {
	var dir, as string
	c := &cobra.Command{
		Use: "revoke [DIGEST]", Short: "Revoke a token, or all of a principal", Args: cobra.MaximumNArgs(1),
		Long:    "Revoke the token whose digest begins so, with twenty digits at least as token list\nshows them, or with --as all of a principal's. A running server refuses it from the\nnext request on.",
		Example: "  qunxiang token revoke 1b4f0e9851971998e732 --domain D\n  qunxiang token revoke --as insurer-a --domain D",
		RunE: func(c *cobra.Command, args []string) error {
			digest := strings.Join(args, "")
			if (digest == "") == (as == "") || digest != "" && len(digest) < digestDigits {
				return &exitError{exitUsage, fmt.Errorf("give either twenty digits of a digest or --as")}
			}
			if _, err := listTokens(dir); err != nil {
				return err
			}
			tokens, err := (&domain{dir: dir}).tokens()
			if err != nil {
				return err
			}
			n, err := tokens.Revoke(func(t api.TokenInfo) bool {
				return digest != "" && strings.HasPrefix(t.Digest, digest) || as != "" && t.Principal == as
			})
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "%d revoked\n", n)
			}
			return err
		},
	}
	c.Flags().StringVar(&dir, "domain", "", "directory of the domain")
	c.Flags().StringVar(&as, "as", "", "principal all of whose tokens are meant")
	_ = c.MarkFlagRequired("domain")
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
