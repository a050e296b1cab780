package audit

import (
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// unhex takes what encoding/hex takes in small digits, to the same bytes, and of all other
// bytes none, wherever it stands.
func TestUnhex(t *testing.T) {
	var into link
	good := strings.Repeat("0123456789abcdef", 4)
	for at := range good {
		for x := range 256 {
			text := []byte(good)
			text[at] = byte(x)
			want := strings.IndexByte("0123456789abcdef", byte(x)) >= 0
			if unhex(&into, text) != want {
				t.Fatalf("byte %d at %d: %v", x, at, !want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Byte(), len(into), len(into)).Draw(t, "bytes")
		if !unhex(&into, []byte(hex.EncodeToString(want))) || string(into[:]) != string(want) {
			t.Fatalf("%x, not %x", into, want)
		}
	})
}
