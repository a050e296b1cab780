package dp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// What is charged, capped and hidden is integers, and they are the same on every machine:
// a domain may be moved to another, its caps are not raised by that, and its noise is
// audited there. The deviations behind them differ in their last bits, because products
// are fused with sums on some machines and not on others; the log bears the one that was
// used.
func TestGoldenIntegers(t *testing.T) {
	for _, c := range []struct {
		epsilon, delta float64
		want           Cost
	}{
		{10, 1e-9, Cost{Rho: 1059705430290, Delta: 499999999999}},
		{1, 1e-9, Cost{Rho: 14407578613, Delta: 499999999999}},
		{3, 1e-6, Cost{Rho: 175749908688, Delta: 499999999999950}},
		{0.5, 1e-10, Cost{Rho: 3352407249, Delta: 49999999999}},
		{20, 1e-5, Cost{Rho: 5194617870247, Delta: 4999999999999500}},
	} {
		if got, err := CapFor(c.epsilon, c.delta); err != nil || got != c.want {
			t.Errorf("CapFor(%v, %v) = %+v, %v, want %+v", c.epsilon, c.delta, got, err, c.want)
		}
	}
	r := rand.New(rand.NewChaCha8([32]byte{9}))
	sum := sha256.New()
	number := func(n int64) { sum.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	for range 300 {
		// Parameters that every machine makes alike: sums and quotients of whole numbers.
		linf := int64(1 + r.IntN(100_000))
		d := draw{linf: linf, sigma: float64(linf) * float64(64+r.IntN(64_000)) / 64}
		ch := channel{linf: linf, moved: int64(1 + r.IntN(4)), delta2: new(big.Int).Mul(big.NewInt(linf), big.NewInt(linf))}
		cost, err := ch.cost(1+r.IntN(12), d)
		if err != nil {
			t.Fatal(err)
		}
		number(cost.Rho)
		number(cost.Delta)
		number(tau(float64(64+r.IntN(64_000))/64, math.Ldexp(1, -20-r.IntN(60))))
		number(deltaCeil(math.Ldexp(float64(1+r.IntN(1000)), -50)))
	}
	const want = "242ac302632da75c"
	if got := hex.EncodeToString(sum.Sum(nil)[:8]); got != want {
		t.Errorf("the integers of 300 draws are %s, want %s", got, want)
	}
}
