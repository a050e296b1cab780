package queries_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
)

var update = flag.Bool("update", false, "write down anew which codes flipped bits of a receipt have")

// pythonData are receipts that a server once made, for the client's tests.
const pythonData = "../api/python/tests/data/supervised"

// flipped is a bit of a receipt and the code that it is found as.
type flipped struct {
	Byte int                 `json:"byte"`
	Bit  byte                `json:"bit"` // 1, 2, 4 and so on
	Code queries.ReceiptCode `json:"code"`
}

// served is such a receipt, and against what it holds.
func served(t *testing.T) ([]byte, queries.ReceiptCheck) {
	t.Helper()
	read := func(kind string) []byte {
		b, err := os.ReadFile(filepath.FromSlash(pythonData) + kind)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var keys struct {
		Policy     string
		Receipt    []string
		ReceiptSM2 []string `json:"receipt_sm2"`
	}
	if err := json.Unmarshal(read(".keys.json"), &keys); err != nil {
		t.Fatal(err)
	}
	first, err := hex.DecodeString(keys.Receipt[0])
	if err != nil {
		t.Fatal(err)
	}
	second, err := witness.ParseSM2Public(keys.ReceiptSM2[0])
	if err != nil {
		t.Fatal(err)
	}
	return read(".receipt.json"), queries.ReceiptCheck{Key: first, SM2: second, Release: read(".release.json"),
		Trust: trust(t, strings.TrimSuffix(keys.Policy, "\n"))}
}

// Bits flipped all over a receipt of a supervised domain have the codes that are written down
// beside the tests of the client for Python, which finds the same (test_receipt.py).
func TestFlipsHaveTheirCodes(t *testing.T) {
	text, check := served(t)
	if s, err := queries.VerifyReceipt(text, check); err != nil || s.Predicate.Mode != "supervised" {
		t.Fatal(err)
	}
	found, seen := []flipped{}, map[queries.ReceiptCode]bool{}
	try := func(at int, bit byte) {
		bad := bytes.Clone(text)
		bad[at] ^= bit
		_, err := queries.VerifyReceipt(bad, check)
		code := codeOf(err)
		if code == "" {
			t.Fatalf("bit %d of byte %d: %v", bit, at, err)
		}
		found, seen[code] = append(found, flipped{at, bit, code}), true
	}
	random := rand.New(rand.NewPCG(5, 6))
	for _, mark := range []string{`"payloadType": "`, `"payload": "`, `"keyid": "`, `"sig": "`, `"checkpoint": "`, `"index": `, `"leaf": "`, `"hashes": [`} {
		at := bytes.Index(text, []byte(mark))
		for n := range 8 {
			try(at+1+n, 1<<random.IntN(8))
			try(at+len(mark)+3*n, 1<<random.IntN(8))
		}
	}
	for range 100 {
		try(random.IntN(len(text)), 1<<random.IntN(8))
	}
	for _, code := range []queries.ReceiptCode{queries.ReceiptMalformed, queries.ReceiptSignature, queries.ReceiptCheckpoint, queries.ReceiptProof} {
		if !seen[code] {
			t.Errorf("no flip is a %s", code)
		}
	}
	now, err := json.MarshalIndent(found, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.FromSlash(pythonData) + ".flips.json"
	if *update {
		if err := os.WriteFile(file, append(now, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, append(now, '\n')) {
		t.Errorf("%s is not what is found: run with -update (%v)", file, err)
	}
}
