package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// ErrOpen is returned when a database cannot be opened or locked down. The
// engine's own words are left out on purpose: they may quote cell values.
var ErrOpen = errors.New("the database cannot be opened")

// SnapshotCatalog is the name under which both openers attach a snapshot.
const SnapshotCatalog = "snapshot"

const defaultMemory = 2 << 30

// SnapshotOptions says how a snapshot is opened for reading.
type SnapshotOptions struct {
	Path      string // required: data.duckdb
	TempDir   string // where DuckDB may spill, an existing directory; "" = it may not spill
	Memory    int64  // bytes; 0 = 2 GiB
	TempBytes int64  // most bytes spilled; 0 = 16 GiB
	Threads   int    // 0 = all cores
}

// OpenSnapshot opens an in-memory database with the snapshot attached read-only
// as catalog "snapshot". Nothing else in the file system is in reach but TempDir,
// where COPY could write: the caller runs no statement that is not a SELECT. The
// configuration is locked. Errors are ErrOpen without detail.
func OpenSnapshot(ctx context.Context, o SnapshotOptions) (*sql.DB, error) {
	if o.Path == "" {
		return nil, fmt.Errorf("%w: no path", ErrOpen)
	}
	return open(ctx, attachments{{o.Path, SnapshotCatalog, true}}, limits{
		memory: o.Memory, threads: o.Threads, tempDir: o.TempDir, tempBytes: o.TempBytes,
	})
}

// OpenWriter opens the database of an import: see [dataset.Opener].
func OpenWriter(ctx context.Context, o dataset.WriterOptions) (*sql.DB, error) {
	if o.Snapshot == "" || o.Stage == "" || o.TempDir == "" {
		return nil, fmt.Errorf("%w: no path", ErrOpen)
	}
	files := attachments{{o.Snapshot, SnapshotCatalog, false}, {o.Stage, "stage", false}}
	return open(ctx, files, limits{
		memory: o.Memory, threads: o.Threads, tempDir: o.TempDir, dirs: o.Dirs, writer: true,
	})
}

var (
	_ dataset.Opener = OpenWriter
)

type attachment struct {
	path, name string
	readOnly   bool
}

type attachments []attachment

type limits struct {
	memory, tempBytes int64
	threads           int
	tempDir           string
	dirs              []string
	writer            bool
}

// open makes the in-memory database, attaches the files, then locks down in
// the order that was found to hold: what is allowed first, then no external
// access, then no further setting.
func open(ctx context.Context, files attachments, l limits) (*sql.DB, error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, ErrOpen
	}
	db := sql.OpenDB(connector)
	for _, stmt := range append(files.statements(), l.statements()...) {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			db.Close()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, ErrOpen
		}
	}
	return db, nil
}

func (a attachments) statements() []string {
	var out []string
	for _, f := range a {
		mode := ""
		if f.readOnly {
			mode = " (READ_ONLY)"
		}
		out = append(out, "ATTACH "+quote(f.path)+" AS "+f.name+mode)
	}
	return out
}

func (l limits) statements() []string {
	memory, temp, threads := l.memory, l.tempBytes, l.threads
	if memory <= 0 {
		memory = defaultMemory
	}
	if temp <= 0 {
		temp = 16 << 30
	}
	if l.tempDir == "" {
		temp = 0
	}
	if threads <= 0 {
		threads = runtime.NumCPU()
	}
	dirs := make([]string, len(l.dirs))
	for i, d := range l.dirs {
		dirs[i] = quote(d)
	}
	var first []string
	if l.writer {
		// Code columns hold few values: dictionaries suit them, and analysing every
		// block for the string methods below took most of the time of an insert.
		first = append(first, "SET disabled_compression_methods = 'fsst,dict_fsst,zstd'")
	}
	return append(first, []string{
		"SET GLOBAL TimeZone = 'Asia/Shanghai'",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET allow_community_extensions = false",
		fmt.Sprintf("SET memory_limit = '%dB'", memory),
		fmt.Sprintf("SET threads = %d", threads),
		"SET temp_directory = " + quote(l.tempDir),
		fmt.Sprintf("SET max_temp_directory_size = '%dB'", temp),
		"SET allowed_directories = [" + strings.Join(dirs, ", ") + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	}...)
}

// quote writes s as an SQL string.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
