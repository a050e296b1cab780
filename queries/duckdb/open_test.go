package duckdb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// writer opens a writer on files in dir that may reach dir/in only.
func writer(t *testing.T, dir string) *sql.DB {
	t.Helper()
	for _, d := range []string{"in", "spill"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	db, err := duckdb.OpenWriter(context.Background(), dataset.WriterOptions{
		Snapshot: filepath.Join(dir, "data.duckdb"), Stage: filepath.Join(dir, "stage.duckdb"),
		Dirs: []string{filepath.Join(dir, "in")}, TempDir: filepath.Join(dir, "spill"), Threads: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func refused(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err == nil {
			t.Errorf("passed: %s", s)
		}
	}
}

func TestSnapshotIsLockedDown(t *testing.T) {
	dir := t.TempDir()
	w := writer(t, dir)
	for _, s := range []string{"CREATE TABLE snapshot.main.x AS SELECT 42 AS n", "CHECKPOINT snapshot"} {
		if _, err := w.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(dir, "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	spill := filepath.Join(dir, "spill")
	db, err := duckdb.OpenSnapshot(context.Background(), duckdb.SnapshotOptions{Path: filepath.Join(dir, "data.duckdb"), TempDir: spill, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	var zone string
	if err := db.QueryRow("SELECT n, current_setting('TimeZone') FROM snapshot.x").Scan(&n, &zone); err != nil || n != 42 || zone != "Asia/Shanghai" {
		t.Errorf("%d, %s, %v", n, zone, err)
	}
	refused(t, db,
		"CREATE TABLE snapshot.y AS SELECT 1", "INSERT INTO snapshot.x VALUES (1)", "DROP TABLE snapshot.x", "DELETE FROM snapshot.x",
		"SELECT * FROM read_csv('"+secret+"')", "SELECT * FROM '"+secret+"'", "SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM glob('/etc/*')",
		"COPY (SELECT 1) TO '"+filepath.Join(dir, "out.csv")+"'",
		"ATTACH '"+filepath.Join(dir, "other.duckdb")+"'", "ATTACH '"+filepath.Join(dir, "data.duckdb")+"' AS again",
		"INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true", "SET memory_limit = '64GB'", "SET threads = 64",
		"SET lock_configuration = false", "SET temp_directory = '/tmp'", "EXPORT DATABASE '"+dir+"'",
	)
}

func TestWriterReachesItsDirectoriesOnly(t *testing.T) {
	dir := t.TempDir()
	db := writer(t, dir)
	in := filepath.Join(dir, "in")
	if _, err := db.Exec("COPY (SELECT 1 AS a) TO '" + filepath.Join(in, "a.parquet") + "'"); err != nil {
		t.Fatal(err)
	}
	refused(t, db,
		"COPY (SELECT 1) TO '"+filepath.Join(dir, "a.csv")+"'", "COPY (SELECT 1) TO '"+in+"/../a.csv'", "SELECT * FROM read_text('/etc/hostname')",
		"ATTACH '/tmp/other.duckdb'", "LOAD httpfs", "SET enable_external_access = true", "SET threads = 64",
	)
}

func TestOpenErrorsSayNothing(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.duckdb")
	if err := os.WriteFile(bad, []byte("CANARY is not a database, but long enough to be looked at as one .........................."), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", bad, filepath.Join(dir, "none", "x.duckdb")} {
		_, err := duckdb.OpenSnapshot(context.Background(), duckdb.SnapshotOptions{Path: path})
		if !errors.Is(err, duckdb.ErrOpen) || len(err.Error()) > 60 {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := duckdb.OpenWriter(context.Background(), dataset.WriterOptions{}); !errors.Is(err, duckdb.ErrOpen) {
		t.Errorf("no paths: %v", err)
	}
}
