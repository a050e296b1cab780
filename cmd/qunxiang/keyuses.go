package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// keyUse is what one of a domain's signing keys is for. The private half is in
// keys/NAME.key, the public one in NAME.pub; one that waits for its KEY leaf in
// keys/NAME-next.key and NAME-next.pub; those before it, public halves alone, in
// NAME-before.pub.
type keyUse struct {
	name           string // of its files, and as key rotate --use has it
	use, algorithm string // as KEY leaves have them
}

var keyUses = []keyUse{{"log", "log", "ed25519"}, {"log-sm2", "log", "sm2"}, {"receipt", "receipt", "ed25519"}, {"receipt-sm2", "receipt", "sm2"}}

func keyUseOf(name string) (keyUse, error) {
	for _, u := range keyUses {
		if u.name == name {
			return u, nil
		}
	}
	return keyUse{}, &exitError{exitUsage, fmt.Errorf("--use is log, log-sm2, receipt or receipt-sm2")}
}

func keyUseOfLeaf(k ledger.Key) (keyUse, error) {
	for _, u := range keyUses {
		if u.use == k.Use && u.algorithm == k.Algorithm {
			return u, nil
		}
	}
	return keyUse{}, fmt.Errorf("%w: %s %s", ledger.ErrKey, k.Use, k.Algorithm)
}

// load reads the private key, or makes it.
func (u keyUse) load(k *keys) error {
	read := secret
	if u.algorithm == "sm2" {
		read = secretSM2
	}
	b, err := read(k.dir, u.name+".key")
	if err != nil {
		return err
	}
	return u.take(k, b)
}

// take puts a private key of 32 bytes into its place.
func (u keyUse) take(k *keys, b []byte) (err error) {
	switch u.name {
	case "log":
		k.log = ed25519.NewKeyFromSeed(b)
	case "log-sm2":
		k.sm2, err = witness.NewSM2Signer(k.person.Population(), b)
	case "receipt":
		k.receipt = ed25519.NewKeyFromSeed(b)
	case "receipt-sm2":
		k.receiptSM2, err = witness.NewSM2Key(b)
	}
	return err
}

// public is the public half, in the form in which it is pinned; "" of a key that is not
// here.
func (u keyUse) public(k *keys) string {
	switch {
	case u.name == "log" && k.log != nil:
		return ledger.VerifierKey(k.person.Population(), k.log.Public().(ed25519.PublicKey))
	case u.name == "log-sm2" && k.sm2 != nil:
		return k.sm2.VerifierKey()
	case u.name == "receipt" && k.receipt != nil:
		return hex.EncodeToString(k.receipt.Public().(ed25519.PublicKey))
	case u.name == "receipt-sm2" && k.receiptSM2 != nil:
		return k.receiptSM2.Public().Text()
	}
	return ""
}

// next reads the key that waits, nil for none.
func (u keyUse) next(k *keys) (*keys, error) {
	b, err := ownerOnly(filepath.Join(k.dir, u.name+"-next.key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(b) != 32 {
		return nil, fmt.Errorf("%s-next.key must hold 32 bytes", u.name)
	}
	n := &keys{dir: k.dir, person: k.person}
	return n, u.take(n, b)
}

// signer is a key as the ledger takes it; nil for one of receipts.
func (u keyUse) signer(k *keys) (ledger.Second, error) {
	switch u.name {
	case "log":
		return ledger.NewSigner(k.person.Population(), k.log)
	case "log-sm2":
		return func(head [32]byte) note.Signer { return k.sm2.WithHead(head) }, nil
	}
	return nil, nil
}

// publicLines are the lines of a file of public keys, none where it is not there.
func publicLines(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var lines []string
	for _, line := range bytes.Split(text, []byte("\n")) {
		if s := strings.TrimSpace(string(line)); s != "" {
			lines = append(lines, s)
		}
	}
	return lines, err
}

// publicKeys are a domain's public keys of one use: the one in force first, then those
// before, newest first.
func (u keyUse) publicKeys(dir string) (all []string, err error) {
	return u.publicFiles(dir, ".pub", "-before.pub")
}

func (u keyUse) publicFiles(dir string, suffixes ...string) (all []string, err error) {
	for _, suffix := range suffixes {
		lines, err := publicLines(filepath.Join(dir, u.name+suffix))
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			key, _, _ := strings.Cut(line, " ")
			if !contains(all, key) {
				all = append(all, key)
			}
		}
	}
	return all, nil
}

// readLog folds a domain's log by its own word for its keys; one that waits may sign
// already, if a crash kept it from taking its files.
func readLog(dir string) (*ledger.State, error) {
	keys, err := keyUses[0].publicFiles(dir, ".pub", "-before.pub", "-next.pub")
	if err != nil {
		return nil, err
	}
	return ledger.Read(filepath.Join(dir, "ledger"), keys...)
}
