package secagg

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const (
	sealTag   = 16           // of AES-256-GCM
	wrapBytes = 32 + sealTag // a share's key, wrapped for one node
)

// derive makes a key from an X25519 exchange by HKDF-SHA256 (RFC 5869), bound to
// the context, the purpose and both places.
func derive(secret *ecdh.PrivateKey, public []byte, ctx Hash, purpose string, from, to int) (Hash, error) {
	pub, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return Hash{}, fmt.Errorf("%w: %v", ErrWire, err)
	}
	shared, err := secret.ECDH(pub) // refuses points of low order
	if err != nil {
		return Hash{}, fmt.Errorf("%w: %v", ErrWire, err)
	}
	info := protocol + " " + purpose + string(place(from, to))
	key, err := hkdf.Key(sha256.New, shared, ctx[:], info, 32)
	if err != nil {
		return Hash{}, fmt.Errorf("%w: %v", ErrInternal, err)
	}
	return Hash(key), nil
}

// padKey is the common key of two nodes for their pads, the same from both ends.
func padKey(secret *ecdh.PrivateKey, public []byte, ctx Hash, i, j int) (Hash, error) {
	return derive(secret, public, ctx, "pad", min(i, j), max(i, j))
}

func gcm(key Hash) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err == nil {
		var a cipher.AEAD
		if a, err = cipher.NewGCM(block); err == nil {
			return a, nil
		}
	}
	return nil, fmt.Errorf("%w: %v", ErrInternal, err)
}

// Every key below encrypts one list of chunks once, so that the chunk's number
// serves as nonce.
func sealNonce(chunk int) []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 8, 12), uint32(chunk))
}

func sealLabel(ctx Hash, node, chunk int) []byte {
	return append(append([]byte(protocol+" share"), ctx[:]...), place(node, chunk)...)
}

// sealPart encrypts a share under the sender's random key.
func sealPart(key Hash, ctx Hash, node, chunk int, share []byte) ([]byte, error) {
	a, err := gcm(key)
	if err != nil {
		return nil, err
	}
	return a.Seal(make([]byte, 0, len(share)+sealTag), sealNonce(chunk), share, sealLabel(ctx, node, chunk)), nil
}

func openPart(key Hash, ctx Hash, node, chunk int, sealed []byte) ([]byte, error) {
	a, err := gcm(key)
	if err != nil {
		return nil, err
	}
	share, err := a.Open(nil, sealNonce(chunk), sealed, sealLabel(ctx, node, chunk))
	if err != nil {
		return nil, fmt.Errorf("%w: chunk %d of node %d does not open", ErrShare, chunk, node)
	}
	return share, nil
}

// wrap encrypts the sender's random key for one node. The coordinator has no
// ephemeral key, so it is no recipient.
func wrap(kek, key Hash) ([]byte, error) {
	a, err := gcm(kek)
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, sealNonce(0), key[:], nil), nil
}

func unwrap(kek Hash, wrapped []byte) (key Hash, err error) {
	a, err := gcm(kek)
	if err != nil {
		return Hash{}, err
	}
	b, err := a.Open(nil, sealNonce(0), wrapped, nil)
	if err != nil {
		return Hash{}, fmt.Errorf("%w: the wrapped key does not open", ErrShare)
	}
	return Hash(b), nil
}
