package ledger_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// reader reads a log the way a stranger with the C2SP pages in hand would: a
// checkpoint, then tiles.
type reader struct {
	dir string
	t   testing.TB
}

func (r reader) tree() tlog.Tree {
	b, err := os.ReadFile(filepath.Join(r.dir, "checkpoint"))
	must(r.t, err)
	v, err := note.NewVerifier(verifier(r.t))
	must(r.t, err)
	n, err := note.Open(b, note.VerifierList(v))
	must(r.t, err)
	lines := strings.Split(n.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(r.t, err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(r.t, err)
	if lines[0] != population {
		r.t.Fatalf("origin %q", lines[0])
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}
}

func (r reader) Height() int                         { return 8 }
func (r reader) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		b, err := os.ReadFile(filepath.Join(r.dir, "tile", fmt.Sprint(t.L), name(t.N, t.W)))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// name is a tile's number as the specification writes it: x001/x234/067.p/5.
func name(n int64, w int) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	if w < 256 {
		s += fmt.Sprintf(".p/%d", w)
	}
	return s
}

func (r reader) entry(size, index int64) []byte {
	w := int(min(size-index/256*256, 256))
	b, err := os.ReadFile(filepath.Join(r.dir, "tile/entries", name(index/256, w)))
	must(r.t, err)
	for i := range w {
		n := int(binary.BigEndian.Uint16(b))
		if int64(i) == index%256 {
			return b[2 : 2+n]
		}
		b = b[2+n:]
	}
	r.t.Fatalf("entry %d is not in its bundle", index)
	return nil
}

func deny(t testing.TB, l *ledger.Ledger, n int) {
	for i := range n {
		_, err := l.Deny(ctx, ledger.Deny{Principal: "insurer-a", Template: fmt.Sprint("t-", i), Rule: "no-grant"})
		must(t, err)
	}
}

func TestTilesAreReadByOthers(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	r := reader{dir, t}
	for _, more := range []int{0, 1, 252, 1, 1, 300} { // sizes 2, 3, 255, 256, 257, 557
		deny(t, l, more)
		text, err := l.Checkpoint(ctx)
		must(t, err)
		tree := r.tree()
		if tree.N != l.Size() || !bytes.Contains(text, []byte(population)) {
			t.Fatalf("checkpoint of %d leaves, log of %d", tree.N, l.Size())
		}
		hashes := tlog.TileHashReader(tree, r)
		for _, index := range []int64{0, tree.N / 2, tree.N - 1} {
			_, raw, err := l.Leaf(index)
			must(t, err)
			if !bytes.Equal(raw, r.entry(tree.N, index)) {
				t.Fatalf("size %d: entry %d differs", tree.N, index)
			}
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			must(t, err)
			must(t, tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(raw)))
		}
	}
}

// Partial tiles of sizes nobody needs any more go away.
func TestPartialTilesDoNotPileUp(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	for range 30 {
		deny(t, l, 1)
		_, err := l.Checkpoint(ctx)
		must(t, err)
	}
	for _, kind := range []string{"0", "entries"} {
		list, err := os.ReadDir(filepath.Join(dir, "tile", kind, "000.p"))
		must(t, err)
		if len(list) != 2 {
			t.Fatalf("%d partial tiles in %s, want the newest two", len(list), kind)
		}
	}
}

// Tiles are projections: lost, cut or wrong, the next Open makes them again.
func TestTilesAreMended(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	deny(t, l, 300)
	must(t, l.Close())
	var files []string
	must(t, filepath.WalkDir(filepath.Join(dir, "tile"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, p)
		}
		return err
	}))
	want := map[string][]byte{}
	for i, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		want[f] = bytes.Clone(b)
		switch i % 3 {
		case 0:
			must(t, os.Remove(f))
		case 1:
			must(t, os.Truncate(f, int64(len(b)/2)))
		case 2:
			b[0] ^= 1
			must(t, os.WriteFile(f, b[:len(b)-1], 0o600))
		}
	}
	l = open(t, options(dir, c))
	defer l.Close()
	current := map[string]bool{"0/000": true, "0/001.p/46": true, "1/000.p/1": true, "entries/000": true, "entries/001.p/46": true}
	for f, b := range want {
		rel, err := filepath.Rel(filepath.Join(dir, "tile"), f)
		must(t, err)
		have, err := os.ReadFile(f)
		if !current[filepath.ToSlash(rel)] {
			continue
		}
		delete(current, filepath.ToSlash(rel))
		if err != nil || !bytes.Equal(have, b) {
			t.Errorf("%s was not mended: %v", rel, err)
		}
	}
	if len(current) != 0 {
		t.Fatalf("tiles that were never there: %v", current)
	}
}

// An earlier tree is shown to be the beginning of a later one, and no other tree is.
func TestConsistency(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	for i := range 5 {
		answer(t, l, c, fmt.Sprint("a", i), 1)
	}
	_, err := l.Checkpoint(t.Context())
	must(t, err)
	early, err := l.Proof(0)
	must(t, err)
	lines := strings.Split(early.Checkpoint, "\n")
	b, err := base64.StdEncoding.DecodeString(lines[2])
	must(t, err)
	root := [32]byte(b)
	answer(t, l, c, "b", 1)
	then, err := l.Root(early.Size)
	must(t, err)
	if then != root {
		t.Fatalf("the root of %d leaves is %x, the checkpoint said %x", early.Size, then, root)
	}
	for _, size := range []int64{0, l.Size() + 1} {
		_, err = l.Root(size)
		want(t, err, ledger.ErrUnknown)
	}
	_, err = l.Checkpoint(t.Context())
	must(t, err)
	late, err := l.Proof(0)
	must(t, err)
	grown, err := l.Consistency(early.Size, late)
	must(t, err)
	must(t, ledger.VerifyConsistency(grown, early.Size, root, late, verifier(t)))
	must(t, ledger.VerifyGrown(grown, early, late, verifier(t)))
	must(t, ledger.VerifyGrown(nil, late, late, verifier(t)))
	want(t, ledger.VerifyGrown(grown, late, early, verifier(t)), ledger.ErrProof)
	want(t, ledger.VerifyGrown(nil, early, late, verifier(t)), ledger.ErrProof)
	forged := early
	forged.Checkpoint = strings.Replace(early.Checkpoint, lines[2], base64.StdEncoding.EncodeToString(make([]byte, 32)), 1)
	want(t, ledger.VerifyGrown(grown, forged, late, verifier(t)), ledger.ErrProof)
	want(t, ledger.VerifyConsistency(grown, early.Size-1, root, late, verifier(t)), ledger.ErrProof)
	want(t, ledger.VerifyConsistency(grown, 0, root, late, verifier(t)), ledger.ErrProof)
	want(t, ledger.VerifyConsistency(grown[1:], early.Size, root, late, verifier(t)), ledger.ErrProof)
	root[0] ^= 1
	want(t, ledger.VerifyConsistency(grown, early.Size, root, late, verifier(t)), ledger.ErrProof)
	_, err = l.Consistency(0, late)
	want(t, err, ledger.ErrUnknown)
	_, err = l.Consistency(late.Size+1, late)
	want(t, err, ledger.ErrUnknown)
}

func TestProof(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	_, index := answer(t, l, c, "r-1", 10)
	deny(t, l, 3)
	p, err := l.Proof(index)
	must(t, err)
	_, raw, err := l.Leaf(index)
	must(t, err)
	must(t, ledger.VerifyProof(p, raw, verifier(t)))

	text, err := json.Marshal(p)
	must(t, err)
	var back ledger.Proof
	must(t, json.Unmarshal(text, &back))
	must(t, ledger.VerifyProof(back, raw, verifier(t)))

	_, err = l.Proof(l.Size() - 1)
	want(t, err, ledger.ErrUnknown) // under no checkpoint yet
	_, _, err = l.Leaf(l.Size())
	want(t, err, ledger.ErrUnknown)
	_, _, err = l.Leaf(-1)
	want(t, err, ledger.ErrUnknown)

	for name, change := range map[string]func(p *ledger.Proof, raw []byte){
		"index":      func(p *ledger.Proof, _ []byte) { p.Index-- },
		"negative":   func(p *ledger.Proof, _ []byte) { p.Index = -1 },
		"size":       func(p *ledger.Proof, _ []byte) { p.Size++ },
		"hash":       func(p *ledger.Proof, _ []byte) { p.Hashes[0][3] ^= 1 },
		"less":       func(p *ledger.Proof, _ []byte) { p.Hashes = p.Hashes[1:] },
		"leaf":       func(_ *ledger.Proof, raw []byte) { raw[100] ^= 1 },
		"checkpoint": func(p *ledger.Proof, _ []byte) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n4\n", "\n5\n", 1) },
		"signature":  func(p *ledger.Proof, _ []byte) { p.Checkpoint = p.Checkpoint[:len(p.Checkpoint)-8] + "AAAAAA==" + "\n" },
	} {
		bad, leaf := p, bytes.Clone(raw)
		bad.Hashes = append([]tlog.Hash{}, p.Hashes...)
		change(&bad, leaf)
		if err := ledger.VerifyProof(bad, leaf, verifier(t)); !errors.Is(err, ledger.ErrProof) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	want(t, ledger.VerifyProof(p, raw, "nonsense"), ledger.ErrProof)
}
