package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/queries"
)

func auditReceiptCommand() *cobra.Command {
	var key, logKey, release string
	var asJSON bool
	c := &cobra.Command{
		Use: "receipt FILE", Short: "Verify a receipt offline, without trusting the server", Args: cobra.ExactArgs(1),
		Long: `Verify a receipt offline: the signature of its statement, the proof that the
RELEASE leaf is in the log under a signed checkpoint, and that both speak of the
same release; with --release also that a file is the one that was released, as
query fetch --json gives it.

Exit codes: 0 it holds, 5 it does not, 1 it could not be examined.`,
		Example: "  qunxiang audit receipt receipt.json --key receipt.pub --log-key log.pub --release release.json",
		RunE: func(c *cobra.Command, args []string) error {
			texts := map[string][]byte{}
			for _, path := range []string{args[0], key, logKey, release} {
				if path == "" {
					continue
				}
				b, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				texts[path] = b
			}
			public, err := hex.DecodeString(strings.TrimSpace(string(texts[key])))
			if err != nil {
				return &exitError{exitUsage, fmt.Errorf("%s holds no receipt key", key)}
			}
			s, err := queries.VerifyReceipt(c.Context(), texts[args[0]], public, strings.TrimSpace(string(texts[logKey])), texts[release])
			if errors.Is(err, queries.ErrReceipt) {
				return &exitError{exitInvalid, err}
			}
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), s)
			}
			fmt.Fprintf(c.OutOrStdout(), "release %s of %s (%s), digest %s\ncharged in leaf %d, released in leaf %d of the log of %s\nOK: the receipt holds\n",
				s.Release, s.Template, s.Mode, s.Digest, s.ChargeLeaf, s.ReleaseLeaf, s.Population)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&key, "key", "", "file with the public key that checks receipts (receipt.pub)")
	f.StringVar(&logKey, "log-key", "", "file with the public key that checks checkpoints (log.pub)")
	f.StringVar(&release, "release", "", "file with the release, byte for byte (default: not looked at)")
	f.BoolVar(&asJSON, "json", false, "print the statement as JSON")
	_ = c.MarkFlagRequired("key")
	_ = c.MarkFlagRequired("log-key")
	return c
}
