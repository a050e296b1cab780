package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// keys are a domain's secrets, one file each, 32 bytes, readable by the owner only.
type keys struct {
	person  dataset.Key // turns source identifiers into psn_key
	request []byte      // keys canonical keys and request digests
	log     ed25519.PrivateKey
	sm2     *witness.SM2Signer // signs the log beside it
	receipt ed25519.PrivateKey
}

func loadKeys(dir string) (*keys, error) {
	k := &keys{}
	var err error
	if k.person, err = dataset.LoadOrCreateKey(filepath.Join(dir, "person.key")); err != nil {
		return nil, err
	}
	if k.request, err = secret(dir, "request.key"); err != nil {
		return nil, err
	}
	for name, into := range map[string]*ed25519.PrivateKey{"log.key": &k.log, "receipt.key": &k.receipt} {
		seed, err := secret(dir, name)
		if err != nil {
			return nil, err
		}
		*into = ed25519.NewKeyFromSeed(seed)
	}
	if k.sm2, err = secondKey(dir, k.person.Population()); err != nil {
		return nil, err
	}
	return k, nil
}

// secondKey reads the log's SM2 key, or makes it.
func secondKey(dir, population string) (*witness.SM2Signer, error) {
	path := filepath.Join(dir, "log-sm2.key")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		b, err := witness.GenerateSM2Key()
		if err == nil {
			err = writeDurably(path, b, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	b, err := ownerOnly(path)
	if err != nil {
		return nil, err
	}
	return witness.NewSM2Signer(population, b)
}

// secret reads 32 bytes, or makes them where the file is not there yet.
func secret(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		b := make([]byte, 32)
		rand.Read(b)
		return b, writeDurably(path, b, 0o600)
	}
	b, err := ownerOnly(path)
	if err == nil && len(b) != 32 {
		err = fmt.Errorf("%s must hold 32 bytes", path)
	}
	return b, err
}

// ownerOnly reads a file that nobody but its owner may read.
func ownerOnly(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s must be readable by its owner only (chmod 600)", path)
	}
	return os.ReadFile(path)
}

// Files that hold a domain's public keys, to be given to those who verify.
const (
	logKeyFile     = "log.pub"
	secondKeyFile  = "log-sm2.pub"
	receiptKeyFile = "receipt.pub"
)

func (d *domain) writePublicKeys() error {
	if err := writeDurably(d.path(logKeyFile), []byte(d.logKey()+"\n"), 0o644); err != nil {
		return err
	}
	if err := writeDurably(d.path(secondKeyFile), []byte(d.keys.sm2.VerifierKey()+"\n"), 0o644); err != nil {
		return err
	}
	public := hex.EncodeToString(d.keys.receipt.Public().(ed25519.PublicKey))
	return writeDurably(d.path(receiptKeyFile), []byte(public+"\n"), 0o644)
}

// receiptSigner signs receipts with Ed25519 (DSSE).
type receiptSigner struct{ key ed25519.PrivateKey }

func (s receiptSigner) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.key, data), nil
}

// KeyID names the key by the beginning of its public half's SHA-256.
func (s receiptSigner) KeyID() (string, error) {
	return queries.ReceiptKeyID(s.key.Public().(ed25519.PublicKey)), nil
}
