package secagg

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"slices"
	"testing"
)

// secretsOf are ephemeral keys from fixed bytes.
func secretsOf(t testing.TB, b byte) (hello, *secrets) {
	t.Helper()
	seed := slices.Repeat([]byte{b}, mlkem.SeedSize)
	dh, err := ecdh.X25519().NewPrivateKey(seed[:32])
	if err != nil {
		t.Fatal(err)
	}
	kem, err := mlkem.NewDecapsulationKey768(seed)
	if err != nil {
		t.Fatal(err)
	}
	return hello{dh: dh.PublicKey().Bytes(), kem: kem.EncapsulationKey().Bytes()}, &secrets{dh, kem}
}

// Both ends of a pair derive the same keys, each direction its own, and keys serve
// one context, place, purpose and ciphertext only.
func TestPairKeys(t *testing.T) {
	h, low := secretsOf(t, 1)
	g, high := secretsOf(t, 2)
	ctx := hash("context")
	c, p, err := low.offer(g, ctx, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	accept := func(s *secrets, c []byte, peer hello, ctx Hash, self, other int) pair {
		t.Helper()
		q, err := s.accept(c, peer, ctx, self, other)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	if q := accept(high, c, h, ctx, 2, 1); q != (pair{p.pad, p.from, p.to}) {
		t.Fatal("the two ends of a pair have different keys")
	}
	garbled := slices.Clone(c)
	garbled[700] ^= 1
	_, stranger := secretsOf(t, 3)
	list := []pair{p}
	for _, q := range []pair{
		accept(high, c, h, hash("another context"), 2, 1), accept(high, c, h, ctx, 3, 1), accept(high, c, h, ctx, 2, 0),
		accept(high, garbled, h, ctx, 2, 1), accept(high, c, g, ctx, 2, 1),
		accept(&secrets{high.dh, stranger.kem}, c, h, ctx, 2, 1), accept(&secrets{stranger.dh, high.kem}, c, h, ctx, 2, 1),
	} {
		list = append(list, pair{q.pad, q.from, q.to})
	}
	var keys []Hash
	for _, q := range list {
		keys = append(keys, q.pad, q.to, q.from)
	}
	if err := distinct("keys", keys); err != nil {
		t.Fatal(err)
	}
	for _, dh := range [][]byte{make([]byte, 32), h.dh[1:]} { // a point of low order, and none
		_, err = high.accept(c, hello{dh: dh}, ctx, 2, 1)
		mustBe(t, err, ErrWire)
	}
	_, err = high.accept(c[1:], h, ctx, 2, 1)
	mustBe(t, err, ErrWire)
	for _, bad := range [][]byte{g.kem[1:], slices.Repeat([]byte{0xff}, len(g.kem)), nil} {
		g.kem = bad
		_, _, err = low.offer(g, ctx, 1, 2)
		mustBe(t, err, ErrWire)
	}
}

// Every byte of either shared secret, of the ciphertext and of the context
// decides every key, and the shared secrets are cleared.
func TestPairKeysNeedBothSecrets(t *testing.T) {
	ctx := hash("context")
	make3 := func() [3][]byte {
		return [3][]byte{slices.Repeat([]byte{1}, 32), slices.Repeat([]byte{2}, 32), slices.Repeat([]byte{3}, mlkem.CiphertextSize768)}
	}
	b := make3()
	first, err := pairKeys(b[0], b[1], b[2], ctx, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Max(b[0]) != 0 || slices.Max(b[1]) != 0 {
		t.Fatal("a shared secret is still in memory")
	}
	check := func(what string, q pair, err error) {
		t.Helper()
		if err != nil || q.pad == first.pad || q.to == first.to || q.from == first.from {
			t.Fatalf("%s does not decide the keys: %v", what, err)
		}
	}
	for k, what := range []string{"the ML-KEM secret", "the X25519 secret", "the ciphertext"} {
		for i := range b[k] {
			b := make3()
			b[k][i] ^= 1
			q, err := pairKeys(b[0], b[1], b[2], ctx, 0, 1)
			check(what, q, err)
		}
	}
	b = make3()
	q, err := pairKeys(b[1], b[0], b[2], ctx, 0, 1)
	check("the order", q, err)
	b = make3()
	q, err = pairKeys(b[0], b[1], b[2], hash("another"), 0, 1)
	check("the context", q, err)
}

// The keys are those of the formula, written out here once more: HKDF-SHA256 of
// the ML-KEM and the X25519 secret with the context as salt.
func TestPairKeysFormula(t *testing.T) {
	h, low := secretsOf(t, 4)
	g, high := secretsOf(t, 5)
	ctx := hash("formula")
	kem, c, err := mlkemtest.Encapsulate768(high.kem.EncapsulationKey(), slices.Repeat([]byte{6}, 32))
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ecdh.X25519().NewPublicKey(g.dh)
	if err != nil {
		t.Fatal(err)
	}
	dh, err := low.dh.ECDH(pub)
	if err != nil {
		t.Fatal(err)
	}
	mac := func(key []byte, parts ...[]byte) []byte {
		m := hmac.New(sha256.New, key)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	prk, bound := mac(ctx[:], kem, dh), sha256.Sum256(c)
	key := func(purpose string, from, to byte) Hash {
		return Hash(mac(prk, []byte("qx-fl/1 "+purpose), []byte{0, 0, 0, from, 0, 0, 0, to}, bound[:], []byte{1}))
	}
	got, err := high.accept(c, h, ctx, 9, 7)
	if err != nil {
		t.Fatal(err)
	}
	if want := (pair{key("pad", 7, 9), key("wrap", 9, 7), key("wrap", 7, 9)}); got != want {
		t.Fatalf("%v, not %v", got, want)
	}
}
