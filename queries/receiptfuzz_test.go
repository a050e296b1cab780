package queries_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
)

// FuzzReceipt reads receipts that nobody has signed: none holds, all errors are the
// one, and whatever can be read has one spelling.
func FuzzReceipt(f *testing.F) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32)).Public().(ed25519.PublicKey)
	sm2, err := witness.NewSM2Key(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		f.Fatal(err)
	}
	trust, err := witness.ParseTrust([]byte("log " + ledger.VerifierKey(pop, key) + "\nquorum none\n"))
	if err != nil {
		f.Fatal(err)
	}
	statement, err := json.Marshal(queries.Statement{})
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range []queries.Receipt{{}, {Envelope: dsse.Envelope{
		PayloadType: "application/vnd.in-toto+json", Payload: base64.StdEncoding.EncodeToString(statement),
		Signatures: []dsse.Signature{{KeyID: "0123456789abcdef", Sig: base64.StdEncoding.EncodeToString(make([]byte, 64))}},
	}}} {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(text, '\n'))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := queries.VerifyReceipt(text, queries.ReceiptCheck{Key: key, SM2: sm2.Public(), Trust: trust}); !errors.Is(err, queries.ErrReceipt) {
			t.Fatalf("%v", err)
		}
		r, err := queries.ParseReceipt(text)
		if err != nil {
			if !errors.Is(err, queries.ErrReceipt) {
				t.Fatal(err)
			}
			return
		}
		if again, err := json.MarshalIndent(r, "", "  "); err != nil || !bytes.Equal(append(again, '\n'), text) {
			t.Fatalf("read as %s", again)
		}
	})
}
