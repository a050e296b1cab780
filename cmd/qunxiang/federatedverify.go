package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// verifyExit gives each finding of the offline verifier its exit code.
var verifyExit = map[string]int{
	federated.VerifyCard:       10,
	federated.VerifyApproval:   11,
	federated.VerifyTranscript: 12,
	federated.VerifyModel:      13,
	federated.VerifyCharge:     14,
	federated.VerifyMissing:    15,
	federated.VerifyUncharged:  16,
	federated.VerifyUnseen:     17,
}

// lineageFlags say where a job's folder is and what is known of it by other ways.
type lineageFlags struct {
	dir, job, folder, logKey string
	asJSON                   bool
}

func (l *lineageFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&l.dir, "dir", "", "directory of the node's data domain")
	f.StringVar(&l.job, "job", "", "digest of the job's card, or with --dir its first eight digits (default: the only job there)")
	f.StringVar(&l.folder, "folder", "", "a copy of a job's folder, in place of --dir")
	f.StringVar(&l.logKey, "log-key", "", "file with the public key of the node's log (default with --dir: the domain's own)")
	f.BoolVar(&l.asJSON, "json", false, "print JSON")
}

// open finds the folder and what it is to be held against.
func (l *lineageFlags) open() (folder string, o federated.VerifyOptions, err error) {
	if (l.dir == "") == (l.folder == "") {
		return "", o, &exitError{exitUsage, fmt.Errorf("give --dir, or --folder with a copy of a job's folder")}
	}
	folder, key := l.folder, l.logKey
	if l.dir != "" {
		if folder, err = nodeFolderOf(l.dir).jobDir(l.job); err != nil {
			return "", o, err
		}
		l.job = filepath.Base(folder)
		o.Book = bookOf(l.dir)
		if key == "" {
			key = filepath.Join(l.dir, logKeyFile)
		}
	}
	if err := examinable(folder); err != nil {
		return "", o, err
	}
	if l.job != "" {
		job, err := jobDigest(l.job)
		if err != nil {
			return "", o, err
		}
		o.Job = &job
	}
	if key != "" {
		text, err := os.ReadFile(key)
		if err != nil {
			return "", o, err
		}
		o.LedgerKey = strings.TrimSpace(string(text))
	}
	if l.dir != "" && l.logKey == "" {
		if o.Earlier, err = keyUses[0].publicKeys(l.dir); err != nil {
			return "", o, err
		}
	}
	return folder, o, nil
}

// examinable says whether there is a job's folder at all, and whether it can be read: a
// mistyped path is not a finding.
func examinable(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return &exitError{exitUsage, fmt.Errorf("%s is no job's folder: there is nothing in it", folder)}
	}
	if err != nil {
		return err
	}
	return filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return f.Close()
	})
}

// bookOf reads what a domain's own ledger has charged for a job. It can be read beside a
// process that writes it.
func bookOf(dir string) func(secagg.Hash) (map[uint64]string, error) {
	return func(job secagg.Hash) (map[uint64]string, error) {
		s, err := readLog(dir)
		if err != nil {
			return nil, err
		}
		return (&federated.LedgerBooks{Ledger: &ledger.Ledger{State: s}}).Charged(job), nil
	}
}

func federatedVerifyCommand() *cobra.Command {
	var l lineageFlags
	c := &cobra.Command{
		Use: "verify", Short: "Verify a node's job offline: approvals, transcripts, sums, models, charges", Args: cobra.NoArgs,
		Long: `Verify the folder of a job at a node, offline, from the public keys on the card
alone: that all owners approved this card, that what was decrypted in each round is
the sum on disk and all nodes signed the transcript, that every model follows from
the sums, and that the node's ledger charged each share once. An unfinished job is
verified as far as it went. Nobody needs to be trusted for it, and nothing is sent.

Without --job, or with a copy whose origin is unknown, the card in the folder is
taken for the one that was approved: compare the digest with your own copy.

Exit codes: 0 it verifies; else what does not hold:
  10 card        the card is broken, or not the one of --job
  11 approval    an owner's approval is missing or forged
  12 transcript  a transcript does not prove its sum
  13 model       a model does not follow from the sums, or was not signed by all
  14 charge      a share without its one charge, or a ledger that went back
  15 missing     a file of the lineage is not there
  16 uncharged   a node's ledger lacks the charge of a share that it sent
  17 unseen      a charge where the ledger did not grow as the others were shown
and 1 or 2 if nothing could be examined.`,
		Example: "  qunxiang federated verify --dir D\n  qunxiang federated verify --folder copy --job 5f1c...e0 --log-key log.pub --json",
		RunE: func(c *cobra.Command, _ []string) error {
			folder, o, err := l.open()
			if err != nil {
				return withCode(err)
			}
			proven, err := federated.Verify(folder, o)
			if l.asJSON {
				return errors.Join(printJSON(c.OutOrStdout(), verifiedJSON(proven, err)), quietly(verifyCode(err)))
			}
			if err == nil {
				printVerified(c.OutOrStdout(), proven, o)
			}
			return verifyCode(err)
		},
	}
	l.add(c)
	return c
}

// verifyCode gives the verifier's finding its exit code.
func verifyCode(err error) error {
	var found *federated.VerifyError
	if errors.As(err, &found) && verifyExit[found.Code] != 0 {
		at := found.Code
		if found.Attempt > 0 {
			at = fmt.Sprintf("%s, attempt %d", at, found.Attempt)
		}
		why := strings.ReplaceAll(found.Err.Error(), "\n", "; ")
		return &exitError{verifyExit[found.Code], fmt.Errorf("NOT OK (%s): %s", at, strings.ReplaceAll(why, "federated: ", ""))}
	}
	return withCode(err)
}

// quietly keeps the exit code of an error that was printed already.
func quietly(err error) error {
	var e *exitError
	if errors.As(err, &e) {
		return &exitError{e.code, nil}
	}
	return err
}

type roundJSON struct {
	Attempt uint64 `json:"attempt"`
	Root    string `json:"transcript"`
	Model   string `json:"from_model"`
	Next    string `json:"to_model"`
}

type verifiedReport struct {
	OK        bool        `json:"ok"`
	Code      string      `json:"code,omitempty"`
	Attempt   uint64      `json:"attempt,omitempty"`
	Error     string      `json:"error,omitempty"`
	Job       string      `json:"job,omitempty"`
	Name      string      `json:"name,omitempty"`
	Done      bool        `json:"done"`
	Rounds    []roundJSON `json:"rounds,omitempty"`
	Burnt     []uint64    `json:"burnt,omitempty"`
	Rho       string      `json:"rho,omitempty"`
	LedgerKey string      `json:"ledger_key,omitempty"`
}

func verifiedJSON(v *federated.Verified, err error) verifiedReport {
	var found *federated.VerifyError
	if err != nil {
		r := verifiedReport{Error: err.Error()}
		if errors.As(err, &found) {
			r.Code, r.Attempt = found.Code, found.Attempt
		}
		return r
	}
	r := verifiedReport{OK: true, Job: v.Job.String(), Name: v.Card.Job, Done: v.Done, Rounds: roundsJSON(v), Burnt: v.Burnt, Rho: rhoText(v.Rho), LedgerKey: v.LedgerKey}
	return r
}

func roundsJSON(v *federated.Verified) []roundJSON {
	out := []roundJSON{}
	for _, x := range v.Rounds {
		out = append(out, roundJSON{x.Attempt, x.Root.String(), x.Model.String(), x.Next.String()})
	}
	return out
}

// rhoText writes units of 1e-12 as a decimal.
func rhoText(rho int64) string {
	b, err := federated.Rho(rho).MarshalText()
	if err != nil {
		return "unknown"
	}
	return string(b)
}

// rhoShort writes units of 1e-12 for people, to six digits.
func rhoShort(rho int64) string { return fmt.Sprintf("%.6g", float64(rho)/1e12) }

func printVerified(w io.Writer, v *federated.Verified, o federated.VerifyOptions) {
	fmt.Fprintf(w, "job %s %s\n", v.Card.Job, v.Job)
	if o.Job == nil {
		fmt.Fprintln(w, "  (the folder's own card: compare this digest with the one that you approved)")
	}
	fmt.Fprintf(w, "  approvals    %d of %d owners, of exactly this card\n", len(v.Card.Nodes), len(v.Card.Nodes))
	for i, r := range v.Rounds {
		fmt.Fprintf(w, "  round %d      attempt %d, transcript %s, model %s -> %s\n", i+1, r.Attempt, brief(r.Root), brief(r.Model), brief(r.Next))
	}
	if n := v.Card.Model.Rounds; !v.Done {
		fmt.Fprintf(w, "  UNFINISHED   %d of %d rounds are closed\n", len(v.Rounds), n)
	}
	if len(v.Burnt) > 0 {
		fmt.Fprintf(w, "  burnt        attempts %v were charged and gave no sum\n", v.Burnt)
	}
	fmt.Fprintf(w, "  charged      rho %s in %d charges, proven under the log of this node\n", rhoShort(v.Rho), len(v.Rounds)+len(v.Burnt))
	if o.LedgerKey == "" {
		fmt.Fprintln(w, "  (the folder's own word for the log's key: give --log-key)")
	}
	what := "every sum was decrypted from what all nodes signed, and the model follows from the sums"
	if !v.Done {
		what = "it holds as far as it went"
	}
	fmt.Fprintf(w, "OK: %s\n", what)
}

// brief is the beginning of a digest, for people.
func brief(h secagg.Hash) string { return h.String()[:8] }
