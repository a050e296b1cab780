package queries_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

// A receipt by keys that were retired holds under checkpoints up to their leaf, and no
// further.
func TestReceiptKeysOfTheirTime(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newReceipts(t)
		r, err := queries.ParseReceipt(h.text)
		if err != nil {
			t.Fatal(err)
		}
		size, err := strconv.ParseInt(strings.Split(r.Checkpoint, "\n")[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		now := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)).Public().(ed25519.PublicKey)
		for name, tt := range map[string]struct {
			ed25519, sm2 int64 // the leaf that retired the key
			ok           bool
		}{
			"retired later":       {size, size, true},
			"by the newest leaf":  {size - 1, size - 1, true},
			"before":              {size - 2, size - 1, false},
			"the SM2 key before":  {size - 1, size - 2, false},
			"both long before it": {0, 0, false},
		} {
			c := h.check
			c.Key, c.SM2 = now, sm2Key(t, 6).Public()
			c.Retired = []queries.RetiredKey{{Key: h.check.Key, Until: tt.ed25519}, {SM2: h.check.SM2, Until: tt.sm2}}
			if _, err := queries.VerifyReceipt(h.text, c); (err == nil) != tt.ok || err != nil && !errors.Is(err, queries.ErrReceipt) {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.close()
	})
}
