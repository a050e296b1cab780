package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/qunxiang/qunxiang/federated"
)

// forgery changes a copy of a job's folder.
type forgery struct {
	what string
	file string              // glob in the folder; the first is changed
	make func([]byte) []byte // nil removes it
	code int                 // that federated verify ends with
}

func forgeries() []forgery {
	return []forgery{
		{"a card that looks cheaper", cardFile, rewrite(`"rho":"0\.`, `"rho":"0.0`), verifyExit[federated.VerifyCard]},
		{"an approval that was never given", "approval-2.json", rewrite(`"signature":"..`, `"signature":"AB`), verifyExit[federated.VerifyApproval]},
		{"a sum that is not the one decrypted", "attempt-*/sum", flip, verifyExit[federated.VerifyTranscript]},
		{"a coefficient that suits somebody better", modelFile, rewrite(`"PerUnit": (-?)`, `"PerUnit": ${1}1`), verifyExit[federated.VerifyModel]},
		{"a charge that looks smaller", "attempt-*/charge.json", cheapenProof, verifyExit[federated.VerifyCharge]},
		{"a charge that was left out", "attempt-*/charge.json", nil, verifyExit[federated.VerifyMissing]},
	}
}

func rewrite(from, to string) func([]byte) []byte {
	return func(b []byte) []byte { return regexp.MustCompile(from).ReplaceAll(b, []byte(to)) }
}

func flip(b []byte) []byte {
	b[len(b)/3] ^= 1
	return b
}

// cheapenProof makes the charge in a proof look smaller.
func cheapenProof(b []byte) []byte {
	var p federated.ChargeProof
	if json.Unmarshal(b, &p) != nil {
		return b
	}
	leaf, err := base64.StdEncoding.DecodeString(p.Leaf)
	if err != nil {
		return b
	}
	leaf = regexp.MustCompile(`"rho":"[2-9]`).ReplaceAll(leaf, []byte(`"rho":"1`))
	leaf = regexp.MustCompile(`"rho":"1.`).ReplaceAll(leaf, []byte(`"rho":"10`))
	p.Leaf = base64.StdEncoding.EncodeToString(leaf)
	text, err := json.Marshal(p)
	if err != nil {
		return b
	}
	return text
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
		_, errs, code, err := f.cast.try(ctx, "federated", "verify", "--folder", bad, "--job", f.job)
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
	names, err := fs.Glob(os.DirFS(dir), x.file)
	if err != nil || len(names) == 0 {
		return errors.Join(err, fmt.Errorf("%s is not there", x.file))
	}
	name := filepath.Join(dir, names[0])
	if x.make == nil {
		return os.Remove(name)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	forged := x.make(bytes.Clone(b))
	if bytes.Equal(b, forged) {
		return fmt.Errorf("%s: nothing to change", x.file)
	}
	return os.WriteFile(name, forged, 0o600)
}
