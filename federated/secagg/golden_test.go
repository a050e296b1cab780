package secagg

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// What nodes on different machines and versions must compute alike is fixed.
func TestGolden(t *testing.T) {
	p := tinyV(t)
	ctx := hash("golden")
	m := make([]uint64, p.degree()*p.tables.words)
	if err := p.pack([]int64{1, -2, 3, p.MaxAbs(5), -p.MaxAbs(5)}, p.checkValue(ctx, 1, 5), 5, m); err != nil {
		t.Fatal(err)
	}
	x := p.ring.NewPoly()
	p.encode(m, x)
	encoded := p.appendPoly(nil, x)
	if err := p.addPad(hash("pad"), 7, true, m); err != nil {
		t.Fatal(err)
	}
	p.encode(m, x)
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	msg, err := sign(key, PhaseCT, ctx, 3, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	r := Roster{Coordinator: public(key), Nodes: []Node{{"a", "b", public(key)}}}
	open := Open{Job: hash("job"), Model: hash("model"), Round: 2, Attempt: 3, Length: 4}
	rec := hashAll("list", ctx, []Hash{open.Context0(p.ID(), r.Digest()), SumDigest(ctx, []int64{5, -6})})
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"common part of keys": {p.appendPoly(nil, p.expand(ctx)), "b74b3c2bf0ae38b3"},
		"encoding":            {encoded, "21a2e4e7a998c50f"},
		"padded":              {p.appendPoly(nil, x), "8f7377ed881c2fd0"},
		"message":             {msg.Append(nil), "2ea9c7c3fa02fd1f"},
		"part":                {Part{Sealed, 2, 300, []byte("body")}.Append(nil), "958f06fbc20a3d09"},
		"contexts":            {rec[:], "a5a046854b99a0bf"},
		"commitments":         {func() []byte { h := commitPart(ctx, C1, 2, 3, encoded); return h[:] }(), "8f2f67644f709f5b"},
	} {
		h := sha256.Sum256(c.b)
		if got := hex.EncodeToString(h[:8]); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}
