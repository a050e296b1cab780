package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
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
	dir     string
	person  dataset.Key // turns source identifiers into psn_key
	request []byte      // keys canonical keys and request digests
	// What follows signs, and may have been lost: then it is nil. See keyUse.
	log        ed25519.PrivateKey
	sm2        *witness.SM2Signer // signs the log beside it
	receipt    ed25519.PrivateKey
	receiptSM2 *witness.SM2Key // signs receipts beside it
}

func loadKeys(dir string) (*keys, error) {
	k := &keys{dir: dir}
	var err error
	if k.person, err = dataset.LoadOrCreateKey(filepath.Join(dir, "person.key")); err != nil {
		return nil, err
	}
	if k.request, err = secret(dir, "request.key"); err != nil {
		return nil, err
	}
	for _, u := range keyUses {
		if !exists(filepath.Join(dir, u.name+".key")) && exists(filepath.Join(filepath.Dir(dir), u.name+".pub")) {
			continue // it was lost: another one in its place would sign what nobody believes
		}
		if err := u.load(k); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// secretSM2 reads a private SM2 key, or makes it.
func secretSM2(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		b, err := witness.GenerateSM2Key()
		if err == nil {
			err = writeDurably(path, b, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	return ownerOnly(path)
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
	receiptSM2File = "receipt-sm2.pub"
)

// addPublicKeys writes the public keys of a new domain, and of one from before there were
// all of them.
func (d *domain) addPublicKeys() error {
	for _, u := range keyUses {
		if public := u.public(d.keys); public != "" && !exists(d.path(u.name+".pub")) {
			if err := writeDurably(d.path(u.name+".pub"), []byte(public+"\n"), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

var errReceiptKey = errors.New("the key that signs receipts is not here; see qunxiang key list")

// receiptSigner signs receipts with Ed25519 (DSSE), by the key in force.
type receiptSigner struct{ d *domain }

func (s receiptSigner) key() (ed25519.PrivateKey, error) {
	k, err := s.d.keysInForce("receipt")
	if err != nil {
		return nil, err
	}
	return k.receipt, nil
}

func (s receiptSigner) Sign(_ context.Context, data []byte) ([]byte, error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	return ed25519.Sign(key, data), nil
}

// KeyID names the key by the beginning of its public half's SHA-256.
func (s receiptSigner) KeyID() (string, error) {
	key, err := s.key()
	if err != nil {
		return "", err
	}
	return queries.ReceiptKeyID(key.Public().(ed25519.PublicKey)), nil
}

// receiptSM2Signer signs receipts with SM2 (DSSE), by the key in force.
type receiptSM2Signer struct{ d *domain }

func (s receiptSM2Signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	k, err := s.d.keysInForce("receipt-sm2")
	if err != nil {
		return nil, err
	}
	return k.receiptSM2.Sign(data)
}

// KeyID names the key by the beginning of its public point's SHA-256.
func (s receiptSM2Signer) KeyID() (string, error) {
	k, err := s.d.keysInForce("receipt-sm2")
	if err != nil {
		return "", err
	}
	return queries.ReceiptKeyID(k.receiptSM2.Public().Bytes()), nil
}
