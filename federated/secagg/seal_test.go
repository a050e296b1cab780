package secagg

import (
	"slices"
	"testing"
)

// A sealed share opens in its own place only, and equal shares do not look equal.
func TestSeal(t *testing.T) {
	key, ctx, share := hash("key"), hash("context"), make([]byte, 64)
	a, err := sealPart(key, ctx, 1, 0, share)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sealPart(key, ctx, 1, 1, share)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(a[:64], b[:64]) {
		t.Fatal("two chunks have one key stream")
	}
	if got, err := openPart(key, ctx, 1, 0, a); err != nil || !slices.Equal(got, share) {
		t.Fatal(err)
	}
	for _, x := range []struct {
		key, ctx    Hash
		node, chunk int
	}{{hash("x"), ctx, 1, 0}, {key, hash("x"), 1, 0}, {key, ctx, 2, 0}, {key, ctx, 1, 1}} {
		_, err := openPart(x.key, x.ctx, x.node, x.chunk, a)
		mustBe(t, err, ErrShare)
	}
}
