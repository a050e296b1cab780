package main

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
)

// receiptFiles are what audit receipt reads, by their paths.
type receiptFiles struct {
	key, sm2                                 []string
	logKey, policy, release, proof, handover string
}

func auditReceiptCommand() *cobra.Command {
	var r receiptFiles
	var asJSON bool
	c := &cobra.Command{
		Use: "receipt FILE", Short: "Verify a receipt offline, without trusting the server", Args: cobra.ExactArgs(1),
		Long: `Verify a receipt offline: both signatures of its statement, Ed25519 and SM2; the
proof that the RELEASE leaf and the CHARGE leaf before it are in the log under a
signed checkpoint; and that all speak of the same release. With --release also that
a file is the one that was released, as query fetch --json gives it. The receipt of an
answer that another organisation was charged for does not show whose charge it was; it is
held against the released file, so that --release is needed.

The leaves do not say the domain's mode, its k and who approved: of these the receipt has
the server's word, signed. One that cannot be true is refused: supervised, and not two
people each for the policy, the template, the snapshot and the job of a training. That they did
approve, audit verify proves, by the whole log.

The log is known by --policy, a file of pinned keys as audit policy prints it, which
also says whose cosignatures the checkpoint needs; or by --log-key alone.

Of a receipt that does not hold the last line has a code, which audit codes explains.
Exit codes: 0 it holds, 5 it does not, 1 it could not be examined.`,
		Example: "  qunxiang audit receipt receipt.json --key receipt.pub --sm2-key receipt-sm2.pub --policy pinned.policy --release release.json",
		RunE: func(c *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			check, err := r.read()
			if err != nil {
				return err
			}
			s, err := queries.VerifyReceipt(text, *check)
			if bad := (*queries.ReceiptError)(nil); errors.As(err, &bad) {
				return &exitError{exitInvalid, errors.Join(err, printFailing(c.OutOrStdout(), bad, asJSON))}
			}
			if err != nil {
				return err
			}
			if r.proof != "" {
				receipt, err := queries.ParseReceipt(text)
				if err != nil {
					return err
				}
				if err := os.WriteFile(r.proof, receipt.TlogProof(), 0o644); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), s)
			}
			printStatement(c.OutOrStdout(), s)
			return nil
		},
	}
	f := c.Flags()
	f.StringArrayVar(&r.key, "key", nil, "file with the public key that checks receipts (receipt.pub), and again for those before (receipt-before.pub)")
	f.StringArrayVar(&r.sm2, "sm2-key", nil, "the same of the SM2 key (receipt-sm2.pub, receipt-sm2-before.pub)")
	f.StringVar(&r.handover, "handovers", "", "directory or bundle with the log's handover-N files: a key that is pinned is followed to those that it handed over to")
	f.StringVar(&r.policy, "policy", "", "file with the pinned keys of the log and its witnesses")
	f.StringVar(&r.logKey, "log-key", "", "file with the public key that checks checkpoints (log.pub), in place of --policy")
	f.StringVar(&r.release, "release", "", "file with the release, byte for byte (default: not looked at)")
	f.StringVar(&r.proof, "tlog-proof", "", "write the proof of the RELEASE leaf to this file, as C2SP tlog-proof")
	f.BoolVar(&asJSON, "json", false, "print the statement as JSON, or the code and the reason why the receipt does not hold")
	_ = c.MarkFlagRequired("key")
	_ = c.MarkFlagRequired("sm2-key")
	c.MarkFlagsOneRequired("policy", "log-key")
	c.MarkFlagsMutuallyExclusive("policy", "log-key")
	return c
}

// read gives what the files say.
func (r receiptFiles) read() (*queries.ReceiptCheck, error) {
	bad := func(format string, args ...any) (*queries.ReceiptCheck, error) {
		return nil, &exitError{exitUsage, fmt.Errorf(format, args...)}
	}
	texts := map[string]string{}
	for _, path := range []string{r.policy, r.logKey, r.release} {
		if path == "" {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		texts[path] = string(b)
	}
	var c queries.ReceiptCheck
	var err error
	if err := receiptKeys(&c, r.key, func(k *queries.RetiredKey, text string) (err error) {
		k.Key, err = hex.DecodeString(text)
		return err
	}); err != nil {
		return bad("no receipt key: %w", err)
	}
	if err := receiptKeys(&c, r.sm2, func(k *queries.RetiredKey, text string) (err error) {
		k.SM2, err = witness.ParseSM2Public(text)
		return err
	}); err != nil {
		return bad("no SM2 receipt key: %w", err)
	}
	pinned := texts[r.policy]
	if r.logKey != "" {
		pinned = "log " + strings.TrimSpace(texts[r.logKey]) + "\nquorum none\n"
	}
	if c.Trust, err = witness.ParseTrust([]byte(pinned)); err != nil {
		return bad("%s: %w", r.policy+r.logKey, err)
	}
	if r.handover != "" {
		b, err := audit.OpenBundle(r.handover)
		if err != nil {
			return nil, err
		}
		defer b.Close()
		c.Trust = audit.Follow(c.Trust, b.Log, time.Now())
	}
	if r.release != "" {
		c.Release = []byte(texts[r.release])
	}
	return &c, nil
}

// receiptKeys reads files of receipt keys: a line with one, or with KEY until leaf N.
func receiptKeys(c *queries.ReceiptCheck, files []string, read func(*queries.RetiredKey, string) error) error {
	for _, path := range files {
		lines, err := publicLines(path)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			return fmt.Errorf("%s has none", path)
		}
		for _, line := range lines {
			var k queries.RetiredKey
			text, leaf, retired := strings.Cut(line, " until leaf ")
			if err := read(&k, text); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if !retired {
				if k.SM2 != nil {
					c.SM2 = k.SM2
				} else {
					c.Key = k.Key
				}
				continue
			}
			if k.Until, err = strconv.ParseInt(leaf, 10, 64); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			c.Retired = append(c.Retired, k)
		}
	}
	return nil
}

// printFailing says the code of a receipt that does not hold, as audit verify says those of
// findings.
func printFailing(w io.Writer, bad *queries.ReceiptError, asJSON bool) error {
	if asJSON {
		return printJSON(w, queries.ReceiptCodeMeaning{Code: bad.Code, Text: bad.Error()})
	}
	_, err := fmt.Fprintf(w, "NOT OK: the receipt does not hold: %s\n", bad.Code)
	return err
}

func printStatement(w io.Writer, s *queries.Statement) {
	p := s.Predicate
	fmt.Fprintf(w, "release %s of %s, digest %s\ncharged in leaf %d, released in leaf %d of the log of %s\n",
		p.Release, p.Template, s.Subject[0].Digest["sha256"], p.ChargeLeaf, p.ReleaseLeaf, p.Population)
	fmt.Fprintf(w, "by the server's word, which audit verify proves: mode %s, k %s, under the policy of leaf %d\n", printable(p.Mode), printable(cmp.Or(p.K, "not said")), p.PolicyLeaf)
	for _, a := range p.Approvals {
		fmt.Fprintf(w, "by the server's word: %s %s approved by %s in leaf %d\n", printable(a.Subject), printable(a.Digest), printable(a.Who), a.Leaf)
	}
	fmt.Fprintln(w, "OK: the receipt holds")
}
