package queries_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
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

// A release whose file was deleted, as the log says, is not given out, also while the file
// is still there. Its receipt is, and holds.
func TestDeletedReleaseIsGone(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newReceipts(t)
		time.Sleep(184 * 24 * time.Hour)
		for _, r := range h.ledger.Requests() {
			if _, err := h.ledger.Delete(t.Context(), ledger.Delete{Leaf: r.Release, By: "steward-s"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.runner.Answer("insurer-a", h.id); !errors.Is(err, queries.ErrUnknownRequest) {
			t.Errorf("a deleted release is given out: %v", err)
		}
		if _, err := queries.VerifyReceipt(h.receipt("insurer-a", h.id), h.check); err != nil {
			t.Errorf("its receipt: %v", err)
		}
		h.close()
	})
}
