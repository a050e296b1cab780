package secagg

import (
	"slices"
	"testing"
)

// Both ends of a pair derive the same key, and a key serves one context, purpose
// and direction only.
func TestDerive(t *testing.T) {
	h, pad, seal, err := ephemeral(Mark{})
	if err != nil {
		t.Fatal(err)
	}
	g, other, _, err := ephemeral(Mark{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := hash("context")
	must := func(k Hash, err error) Hash {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a := must(padKey(pad, g.pad, ctx, 1, 2))
	if a != must(padKey(other, h.pad, ctx, 2, 1)) {
		t.Fatal("the two ends of a pair have different pads")
	}
	keys := []Hash{
		a, must(padKey(pad, g.pad, hash("another context"), 1, 2)), must(padKey(pad, g.pad, ctx, 1, 3)),
		must(padKey(pad, h.seal, ctx, 1, 2)), must(padKey(seal, g.pad, ctx, 1, 2)),
		must(derive(pad, g.pad, ctx, "wrap", 1, 2)), must(derive(pad, g.pad, ctx, "wrap", 2, 1)),
	}
	if err := distinct("keys", keys); err != nil {
		t.Fatal(err)
	}
	_, err = padKey(pad, make([]byte, 32), ctx, 1, 2) // a point of low order
	mustBe(t, err, ErrWire)
	_, err = padKey(pad, make([]byte, 31), ctx, 1, 2)
	mustBe(t, err, ErrWire)
}

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
