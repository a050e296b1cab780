package dataset_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// testConn is a session of an engine like an import's.
func testConn(t testing.TB) *sql.Conn {
	t.Helper()
	dir := t.TempDir()
	db, err := duckdb.OpenWriter(context.Background(), dataset.WriterOptions{
		Snapshot: filepath.Join(dir, "a"), Stage: filepath.Join(dir, "b"), TempDir: dir, Dirs: []string{dir}, Threads: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); db.Close() })
	return conn
}

func TestLoadOrCreateKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "domain.key")
	k, err := dataset.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := dataset.LoadOrCreateKey(path)
	if err != nil || again != k {
		t.Fatalf("the key changed: %v", err)
	}
	if other, err := dataset.LoadOrCreateKey(path + "2"); err != nil || other == k {
		t.Fatalf("two keys are alike: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != dataset.KeyLen {
		t.Errorf("mode %v, size %d", info.Mode(), info.Size())
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.LoadOrCreateKey(path); !errors.Is(err, dataset.ErrKey) {
		t.Errorf("a key others may read: %v", err)
	}
	if err := os.WriteFile(path+"3", []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.LoadOrCreateKey(path + "3"); !errors.Is(err, dataset.ErrKey) {
		t.Errorf("a short key: %v", err)
	}
}

func TestKeyPrintsRedacted(t *testing.T) {
	t.Parallel()
	k, err := dataset.NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(map[string]any{"k": k})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "k", k)
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %x %s %d %q", k, k, k, k, k, k, k), fmt.Sprintf("%v", dataset.Options{Key: k}.Key), string(j), log.String()} {
		if strings.Contains(s, "0123") || strings.Contains(s, "3031") || strings.Contains(s, "48 49") || !strings.Contains(s, "redacted") {
			t.Errorf("the key shows: %s", s)
		}
	}
}

// The digests that SQL computes are crypto/hmac's.
func TestKeysInSQL(t *testing.T) {
	t.Parallel()
	k, err := dataset.NewKey([]byte("\x00\xff23456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	conn := testConn(t)
	ctx := context.Background()
	if err := k.LoadInto(ctx, conn); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "", "310101195003071234", " blank ", "张三", "a'b\"c", strings.Repeat("long", 100), "\x1f"} {
		var hex, big string
		var key, inst uint64
		query := "SELECT hex, (" + dataset.Hex120SQL("hex") + ")::VARCHAR, " + dataset.PersonalKeySQL("hex", "settlement", "id") + ", " + dataset.InstitutionKeySQL("id") +
			" FROM (SELECT " + dataset.PersonHexSQL("id") + " AS hex, id FROM (SELECT $1::VARCHAR AS id))"
		if err := conn.QueryRowContext(ctx, query, id).Scan(&hex, &big, &key, &inst); err != nil {
			t.Fatal(err)
		}
		p := k.PersonKey(id)
		if hex != p.Hex30() || big != p.Big().String() || key != k.PersonalKey(p, "settlement", id) || len(hex) != 30 {
			t.Errorf("%q: SQL says %s %s %d, Go %s %s %d", id, hex, big, key, p.Hex30(), p.Big(), k.PersonalKey(p, "settlement", id))
		}
		if p.Big().Sign() <= 0 || p.Big().BitLen() > 120 {
			t.Errorf("%q: not a positive number of 120 bits", id)
		}
	}
}

// Keys of settlements include the person: the same source key of two people
// gives two keys, and of two kinds too.
func TestPersonalKeysDiffer(t *testing.T) {
	t.Parallel()
	k, err := dataset.NewKey(make([]byte, dataset.KeyLen))
	if err != nil {
		t.Fatal(err)
	}
	a, b := k.PersonKey("a"), k.PersonKey("b")
	seen := map[uint64]bool{}
	for _, p := range []dataset.PsnKey{a, b} {
		for _, kind := range []string{"encounter", "settlement"} {
			seen[k.PersonalKey(p, kind, "S1")] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d different keys of 4", len(seen))
	}
}
