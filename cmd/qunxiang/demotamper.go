package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// forgery changes a copy of a job's folder.
type forgery struct {
	what string
	file string // glob in the folder
	from string // text to replace; "" flips a bit in the middle
	to   string
	code int
}

func forgeries() []forgery {
	return []forgery{
		{"a cheaper card", cardFile, `"rho":"`, `"rho":"0.0`, 10},
		{"an approval that was never given", "approval-2.json", `"signature":"`, `"signature":"A`, 11},
		{"a decrypted sum that was changed", "attempt-*/sum", "", "", 12},
		{"a coefficient that was changed", modelFile, `"Estimate": `, `"Estimate": 1`, 13},
		{"a charge that was made smaller", "attempt-*/charge.json", "", "", 14},
		{"a charge that was left out", "attempt-*/charge.json", "*", "", 15},
	}
}

// tamper changes copies of a finished job, one thing at a time, and lets the verifier
// look at each.
func (f *four) tamper(ctx context.Context) error {
	f.say("\n== Somebody changes a copy of the evidence\n\n")
	honest, err := nodeFolderOf(f.parties[1].dir).jobDir(f.job)
	if err != nil {
		return err
	}
	for i, x := range forgeries() {
		bad := filepath.Join(f.dir, fmt.Sprint("forged-", i))
		if err := os.CopyFS(bad, os.DirFS(honest)); err != nil {
			return err
		}
		if err := x.forge(bad); err != nil {
			return err
		}
		_, errs, code, err := f.cast.try(ctx, "federated", "verify", "--folder", bad)
		if err != nil {
			return err
		}
		if code != x.code {
			return fmt.Errorf("the verifier ends with %d on %s, not with %d: %s", code, x.what, x.code, errs)
		}
		f.say("  %s\n    exit %d: %s\n", x.what, code, lastLine(errs))
		if err := os.RemoveAll(bad); err != nil {
			return err
		}
	}
	return nil
}

func (x forgery) forge(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, x.file))
	if err != nil || len(names) == 0 {
		return errors.Join(err, fmt.Errorf("%s is not there", x.file))
	}
	b, err := os.ReadFile(names[0])
	switch {
	case err != nil:
		return err
	case x.from == "*":
		return os.Remove(names[0])
	case x.from == "":
		b[len(b)/3] ^= 1
	default:
		if !bytes.Contains(b, []byte(x.from)) {
			return fmt.Errorf("%s has no %s", x.file, x.from)
		}
		b = bytes.Replace(b, []byte(x.from), []byte(x.to), 1)
	}
	return os.WriteFile(names[0], b, 0o600)
}
