package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// readable is a ledger that insurer-a may not read.
type readable struct{ *ledger.Ledger }

func (r readable) Checkpoint() []byte { return r.Newest() }

func (r readable) Tile(principal string, t tlog.Tile) ([]byte, error) {
	if principal == "insurer-a" {
		return nil, &policy.Refusal{Rule: policy.RuleRole, Detail: "not for insurers"}
	}
	return r.Ledger.Tile(t)
}

func (r readable) Handover(principal string, n int) ([]byte, error) {
	if _, err := r.Tile(principal, tlog.Tile{H: 8, W: 1}); err != nil {
		return nil, err
	}
	return r.Ledger.Handover(n)
}

// grown is a ledger of so many leaves under its checkpoint.
func grown(t *testing.T, leaves int) (*ledger.Ledger, string) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	l, err := ledger.Open(ledger.Options{Dir: t.TempDir(), Create: true, Population: "town", Signer: key,
		Now: func() time.Time { return noon }, Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	limit := dp.Cost{Rho: 1, Delta: 1}
	if _, err := l.Grant(t.Context(), ledger.Grant{Population: "town", Policy: "p", Mode: "evaluation", Year: limit, Life: limit}); err != nil {
		t.Fatal(err)
	}
	grow(t, l, leaves-1)
	return l, ledger.VerifierKey("town", key.Public().(ed25519.PublicKey))
}

func grow(t *testing.T, l *ledger.Ledger, leaves int) {
	done := make(chan error, leaves)
	for i := range leaves {
		go func() {
			_, err := l.Deny(context.Background(), ledger.Deny{Principal: fmt.Sprint("p", i), Rule: "no-grant"})
			done <- err
		}()
	}
	for range leaves {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// tiles reads tiles as x/mod's client of a checksum database does, over HTTP.
type tiles struct {
	t *testing.T
	s *Server
}

func (r tiles) Height() int { return 8 }

func (r tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range list {
		path := strings.Replace(strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1), "tile/8/", "tile/", 1)
		w := do(r.s.Handler(), "GET", "/v1/log/"+path, "", "Authorization: Bearer token-b")
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/octet-stream" {
			return nil, fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if full := tile.W == 256; full != (w.Header().Get("Cache-Control") == keepForever) {
			return nil, fmt.Errorf("%s is kept as %q", path, w.Header().Get("Cache-Control"))
		}
		out = append(out, w.Body.Bytes())
	}
	return out, nil
}

func (r tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// A standard client reads the published log: it follows the checkpoint to every leaf and
// from an older checkpoint to a newer one.
func TestPublishedLog(t *testing.T) {
	l, key := grown(t, 300)
	s, _ := server(t, func(o *Options) { o.Published = readable{l} })
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	tree := func() tlog.Tree {
		w := do(s.Handler(), "GET", "/v1/log/checkpoint", "")
		n, err := note.Open(w.Body.Bytes(), note.VerifierList(v))
		if err != nil || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("Cache-Control") != keepNever {
			t.Fatalf("%v %s %v", err, w.Body, w.Header())
		}
		var tree tlog.Tree
		var root string
		if _, err := fmt.Sscanf(n.Text, "town\n%d\n%s\n", &tree.N, &root); err != nil {
			t.Fatal(err)
		}
		if tree.Hash, err = tlog.ParseHash(root); err != nil {
			t.Fatal(err)
		}
		return tree
	}
	older := tree()
	grow(t, l, 300)
	newest := tree()
	if older.N != 300 || newest.N != 600 {
		t.Fatalf("%d and %d leaves", older.N, newest.N)
	}
	reader := tlog.TileHashReader(newest, tiles{t, s})
	proof, err := tlog.ProveTree(newest.N, older.N, reader)
	if err != nil || tlog.CheckTree(proof, newest.N, newest.Hash, older.N, older.Hash) != nil {
		t.Fatalf("it does not grow: %v", err)
	}
	bundles, err := tiles{t, s}.ReadTiles([]tlog.Tile{{H: 8, L: -1, N: 0, W: 256}, {H: 8, L: -1, N: 1, W: 256}, {H: 8, L: -1, N: 2, W: 88}})
	if err != nil {
		t.Fatal(err)
	}
	index := int64(0)
	for rest := bytes.Join(bundles, nil); len(rest) > 0; index++ {
		n := 2 + int(rest[0])<<8 + int(rest[1])
		path, err := tlog.ProveRecord(newest.N, index, reader)
		if err != nil || tlog.CheckRecord(path, newest.N, newest.Hash, index, tlog.RecordHash(rest[2:n])) != nil {
			t.Fatalf("leaf %d: %v", index, err)
		}
		rest = rest[n:]
	}
	if index != newest.N {
		t.Errorf("%d entries", index)
	}
}

// What is not under the checkpoint, or not named as the standard does, is not there; and
// leaves are for who may read the log.
func TestPublishedLogRefuses(t *testing.T) {
	l, _ := grown(t, 300)
	if _, err := l.Deny(t.Context(), ledger.Deny{Principal: "p", Rule: "no-grant"}); err != nil { // durable, under no checkpoint
		t.Fatal(err)
	}
	s, _ := server(t, func(o *Options) { o.Published = readable{l} })
	for _, path := range []string{"0/000", "0/000.p/5", "0/001.p/44", "1/000.p/1", "entries/000", "entries/001.p/44", "entries/001.p/3"} {
		if w := do(s.Handler(), "GET", "/v1/log/tile/"+path, "", "Authorization: Bearer token-b"); w.Code != 200 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		problem(t, do(s.Handler(), "GET", "/v1/log/tile/"+path, ""), "refused", 403)
		if w := do(s.Handler(), "GET", "/v1/log/tile/"+path, "", "Authorization: "); w.Code != 401 {
			t.Errorf("%s for nobody: %d", path, w.Code)
		}
	}
	for _, path := range []string{"0/001", "0/001.p/45", "entries/001.p/45", "entries/001", "0/002.p/1", "1/000", "1/001.p/1", "2/000.p/1", "63/000", "64/000", "8/000.p/1",
		"-1/000", "data/000", "00/000", "0/0", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/x000/000", "0/x001/x234/067", "0/000.p/5/6", "0/%30%30%30",
		"0/x999/x999/x999/x999/x999/999", "0/..%2f000", "checkpoint/000"} {
		problem(t, do(s.Handler(), "GET", "/v1/log/tile/"+path, "", "Authorization: Bearer token-b"), "unknown-tile", 404)
	}
	if w := do(s.Handler(), "GET", "/v1/log/checkpoint", "", "Authorization: "); w.Code != 401 {
		t.Errorf("a checkpoint for nobody: %d", w.Code)
	}
}

// The client reads them too.
func TestClientReadsTheLog(t *testing.T) {
	l, _ := grown(t, 5)
	s, _ := server(t, func(o *Options) { o.Published = readable{l} })
	listener := httptest.NewServer(s.Handler())
	defer listener.Close()
	c, err := NewClient(ClientOptions{Server: listener.URL, Token: "token-b"})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := c.Log(t.Context(), "checkpoint"); err != nil || !bytes.Equal(b, l.Newest()) {
		t.Errorf("%s %v", b, err)
	}
	var p *Problem
	if _, err := c.Log(t.Context(), "tile/entries/000.p/6"); !errors.As(err, &p) || p.Status != 404 {
		t.Error(err)
	}
}

func FuzzTileOf(f *testing.F) {
	for _, name := range []string{"0/000", "entries/x001/x234/067.p/5", "63/000.p/255", "data/000", "../0"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		tile, ok := tileOf(name)
		if ok && (tile.H != 8 || tile.W < 1 || tile.W > 256 || tile.N < 0 || tile.L < -1) {
			t.Fatalf("%q is %+v", name, tile)
		}
	})
}

// A key that hands over does so for everybody who may read the log.
func TestHandover(t *testing.T) {
	l, first := grown(t, 3)
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	next, err := ledger.NewSigner("town", key)
	if err != nil {
		t.Fatal(err)
	}
	public := ledger.VerifierKey("town", key.Public().(ed25519.PublicKey))
	if _, err := l.Rekey(t.Context(), ledger.Key{Use: "log", Algorithm: "ed25519", Public: public, By: "steward-s"}, next); err != nil {
		t.Fatal(err)
	}
	grow(t, l, 1)
	s, _ := server(t, func(o *Options) { o.Published = readable{l} })
	w := do(s.Handler(), "GET", "/v1/log/handover-1", "", "Authorization: Bearer token-b")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "\n\ntown\n4\n") || strings.Contains(first, public) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	problem(t, do(s.Handler(), "GET", "/v1/log/handover-1", ""), "refused", 403)
	problem(t, do(s.Handler(), "GET", "/v1/log/handover-2", "", "Authorization: Bearer token-b"), "unknown-tile", 404)
}
