package witness

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"golang.org/x/mod/sumdb/note"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	must(t, err)
	return b
}

// The key of GB/T 32918.5-2017 appendix A.
const standardKey = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"

func standardSigner(t testing.TB) *SM2Signer {
	t.Helper()
	s, err := NewSM2Signer(origin, unhex(t, standardKey))
	must(t, err)
	return s
}

// The published example of GB/T 32918.5-2017 appendix A.2 (user id 1234567812345678,
// "message digest"), and those of GB/T 32905-2016 appendix A for SM3.
func TestStandardVectors(t *testing.T) {
	s := standardSigner(t)
	za, err := sm2.CalculateZA(&s.key.PublicKey, []byte("1234567812345678"))
	must(t, err)
	if want := unhex(t, "B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3"); !bytes.Equal(za, want) {
		t.Errorf("ZA %X, want %X", za, want)
	}
	e := sm3.Sum(append(za, "message digest"...))
	if want := unhex(t, "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640"); !bytes.Equal(e[:], want) {
		t.Errorf("e %X, want %X", e, want)
	}
	r := new(big.Int).SetBytes(unhex(t, "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"))
	v := new(big.Int).SetBytes(unhex(t, "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"))
	if !sm2.VerifyWithSM2(&s.key.PublicKey, nil, []byte("message digest"), r, v) {
		t.Error("the standard's signature is refused")
	}
	if sm2.VerifyWithSM2(&s.key.PublicKey, []byte("another user"), []byte("message digest"), r, v) {
		t.Error("the user id does not count")
	}
	for in, want := range map[string]string{
		"abc":                      "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
		strings.Repeat("abcd", 16): "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
	} {
		if got := sm3.Sum([]byte(in)); hex.EncodeToString(got[:]) != want {
			t.Errorf("SM3 of %q: %x", in, got)
		}
	}
}

// Signatures that OpenSSL 3.0 and the Python package gmssl made with the standard's key
// over a checkpoint's text and a head: our verifier takes them.
func TestSignaturesOfOthers(t *testing.T) {
	v, err := NewSM2Verifier(standardSigner(t).VerifierKey())
	must(t, err)
	text := []byte("hangzhou\n3\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
	head := unhex(t, "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283")
	for by, sig := range map[string]string{
		"OpenSSL": "0bbf293abccfb47d6ef6cd5b8abd6366c375b3f42c38cd00f41ad7088d8c1a7c9250daf22f48c11a038cc4390ebf668b2e18925e93a268a72a22ff413a472614",
		"gmssl":   "578407bde42a5836fb30b225558d420c5cdbaa5b363eb9280fb52e25718a9d3f7ccefc97697060eb6a7a9d0f7f97474901fe159780fbe5ee0d8605760abf381a",
	} {
		if !v.Verify(text, append(append([]byte{}, head...), unhex(t, sig)...)) {
			t.Errorf("%s's signature is refused", by)
		}
	}
}

// A checkpoint has both signatures, and either is found beside the other.
func TestBothAlgorithms(t *testing.T) {
	l := newTree(t, newEdKey(t, origin, "log")).grow(t, 3, "")
	key, err := GenerateSM2Key()
	must(t, err)
	s, err := NewSM2Signer(origin, key)
	must(t, err)
	head := sm3.Sum([]byte("the newest leaf"))
	b := l.checkpoint(t, s.WithHead(head))
	v, err := NewVerifier(s.VerifierKey())
	must(t, err)
	n, err := note.Open(b, note.VerifierList(l.key.(*edKey), v))
	must(t, err)
	if len(n.Sigs) != 2 {
		t.Fatalf("%d signatures", len(n.Sigs))
	}
	if got, ok := v.(*SM2Verifier).Head(n); !ok || got != head {
		t.Errorf("head %x, %v", got, ok)
	}
	n, err = note.Open(b, note.VerifierList(l.key.(*edKey)))
	must(t, err)
	if got, ok := v.(*SM2Verifier).Head(n); ok {
		t.Errorf("a head that nobody verified: %x", got)
	}
	if _, err := s.Sign([]byte("text\n")); err == nil {
		t.Error("signed without a head")
	}
}

// Every bit of the signature counts, those of the head and of the text included.
func TestEveryBitOfSM2Counts(t *testing.T) {
	s := standardSigner(t)
	v, err := NewSM2Verifier(s.VerifierKey())
	must(t, err)
	text := []byte(newTree(t, newEdKey(t, origin, "log")).grow(t, 2, "").checkpoint(t))
	sig, err := s.WithHead([32]byte{1, 2, 3}).Sign(text)
	must(t, err)
	if !v.Verify(text, sig) {
		t.Fatal("the signature is refused")
	}
	for i := range len(sig) * 8 {
		sig[i/8] ^= 1 << (i % 8)
		if v.Verify(text, sig) {
			t.Errorf("bit %d of the signature does not count", i)
		}
		sig[i/8] ^= 1 << (i % 8)
	}
	for i := range text {
		text[i] ^= 1
		if v.Verify(text, sig) {
			t.Errorf("byte %d of the text does not count", i)
		}
		text[i] ^= 1
	}
	for _, n := range []int{0, 32, 64, 95, 97} {
		if v.Verify(text, append(sig, 0)[:n]) {
			t.Errorf("a signature of %d bytes", n)
		}
	}
	// the last byte of the text does not become the first of the head
	if moved := append([]byte{}, sig...); v.Verify(append(text, sig[0]), moved) || v.Verify(text[:len(text)-1], moved) {
		t.Error("text and head can be moved against each other")
	}
}

func TestKeyTexts(t *testing.T) {
	s := standardSigner(t)
	good := s.VerifierKey()
	name, data, err := readKey(good)
	if err != nil || name != origin {
		t.Fatal(name, err)
	}
	off := append([]byte{}, data...)
	off[len(off)-1] ^= 1
	infinite := append([]byte(SM2Type), make([]byte, 65)...)
	own, err := NewCosigner("w", seed("w"), nil)
	must(t, err)
	ed := newEdKey(t, origin, "log").text
	for what, c := range map[string]struct {
		text string
		ok   bool
	}{
		"SM2":                       {good, true},
		"Ed25519":                   {ed, true},
		"a witness's":               {own.VerifierKey(), true},
		"nothing":                   {"", false},
		"no key":                    {origin, false},
		"another hash":              {strings.Replace(good, "+"+good[len(origin)+1:len(origin)+9]+"+", "+00000000+", 1), false},
		"a name with a space":       {keyText("a b", data), false},
		"no name":                   {keyText("", data), false},
		"not base64":                {good[:len(good)-1] + "!", false},
		"another spelling":          {good + "\n", false},
		"not on the curve":          {keyText(origin, off), false},
		"the point at infinity":     {keyText(origin, infinite), false},
		"another private type":      {keyText(origin, append([]byte(strings.Replace(SM2Type, "v1", "v2", 1)), data[len(SM2Type):]...)), false},
		"too short":                 {keyText(origin, data[:len(data)-1]), false},
		"an empty key":              {keyText(origin, nil), false},
		"Ed25519 of 31 bytes":       {keyText(origin, make([]byte, 32)), false},
		"a witness's of 31 bytes":   {keyText(origin, append([]byte{4}, make([]byte, 31)...)), false},
		"a type that nobody has":    {keyText(origin, append([]byte{7}, make([]byte, 32)...)), false},
		"the identifier cut short":  {keyText(origin, []byte(SM2Type)[:10]), false},
		"uncompressed without a 04": {keyText(origin, append(append([]byte(SM2Type), 5), data[len(SM2Type)+1:]...)), false},
	} {
		v, err := NewVerifier(c.text)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
		if err == nil && v.Name() == "" {
			t.Errorf("%s has no name", what)
		}
	}
	for _, key := range [][]byte{nil, make([]byte, 32), make([]byte, 31), bytes.Repeat([]byte{255}, 32)} {
		if _, err := NewSM2Signer(origin, key); !errors.Is(err, ErrKey) {
			t.Errorf("private key %x: %v", key, err)
		}
	}
}
