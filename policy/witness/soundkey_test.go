package witness_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// Keys that are points of small order, or in another spelling than their one, sign
// anything for anybody: they are neither a witness's nor a log's.
func TestUnsoundKeys(t *testing.T) {
	point := func(first, last byte) []byte {
		b := make([]byte, 32)
		b[0], b[31] = first, last
		return b
	}
	eighth, err := base64.StdEncoding.DecodeString("JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/AU=")
	if err != nil {
		t.Fatal(err)
	}
	beyond := make([]byte, 32) // 2^255-18, which is 1
	for i := range beyond {
		beyond[i] = 0xff
	}
	beyond[0], beyond[31] = 0xee, 0x7f
	for name, b := range map[string][]byte{"identity": point(1, 0), "identity again": point(1, 0x80), "order 4": point(0, 0), "order 4 again": point(0, 0x80), "order 8": eighth, "not below p": beyond} {
		for kind := range map[byte]bool{1: true, 4: true} {
			data := append([]byte{kind}, b...)
			sum := sha256.Sum256(append([]byte("w.example\n"), data...))
			key := fmt.Sprintf("w.example+%08x+%s", binary.BigEndian.Uint32(sum[:]), base64.StdEncoding.EncodeToString(data))
			if _, err := witness.NewVerifier(key); err == nil {
				t.Errorf("%s of kind %d is taken", name, kind)
			}
		}
	}
}
