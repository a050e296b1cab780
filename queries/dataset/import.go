package dataset

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// OnError says what broken lines of a source file do to an import.
type OnError string

const (
	// Abort leaves nothing behind and returns a [BrokenError].
	Abort OnError = "abort"
	// Quarantine puts the broken lines aside, counted, and loads the rest.
	Quarantine OnError = "quarantine"
)

// DefaultMaxRows is the default cap on the rows one person has in one table
// and calendar year.
const DefaultMaxRows = 20_000

// Options say what is imported, from where, to where and with what.
type Options struct {
	Domain   string   // required: the domain's directory; snapshots go to Domain/snapshots
	Key      Key      // required: the domain key
	Binding  *Binding // required
	Source   string   // required: the folder with the source files
	OnError  OnError  // default Abort; rows that cannot be mapped are put aside either way
	MaxRows  int64    // most rows per person, table and calendar year; 0 = DefaultMaxRows
	Public   bool     // the source is declared public: its facts are not secret
	Memory   int64    // bytes for the engine; 0 = 2 GiB
	Threads  int      // 0 = all cores
	Open     Opener   // required
	Arrow    ArrowLoader
	Progress func(Progress) // called from the importing goroutine; may be nil
	Now      time.Time      // day of creation, and latest plausible day plus one; zero = today

	bucketRows int64 // tests only: rows per bucket; 0 = bucketRows
}

// Progress is how far an import is. It is a fact about the data: it is shown
// inside the domain only.
type Progress struct {
	Stage       string // "synthesise", "read", "people", "map", "write", "check", "finish"
	Name        string // the source file that is read, or the table; "" for what is of none
	Done, Total int64  // in steps of the stage
}

// importer is one import under way.
type importer struct {
	o       Options
	conn    *sql.Conn
	inputs  []*input
	stager  stager
	read    func(context.Context) error // makes the sources readable
	work    string                      // scratch directory inside the snapshot to be
	tally   map[string]*TableCount
	day     time.Time // creation day in China Standard Time
	people  int64
	buckets int64
	size    int64 // people per bucket

	faults   []Fault
	missing  []Fault
	lacking  []string // source.column that no file has
	broken   int64
	rejected []rejectedLine
	sums     identitySums
	delays   int64 // kinds of delay gathered
	repeated bool  // some encounter key of the bucket stands in several rows
}

// Import loads a source into a new snapshot of the domain and returns its
// manifest and quality report.
//
// The snapshot is built in a directory of its own and appears by one rename
// when everything in it is durable; an import that fails, is cancelled or dies
// leaves no snapshot, and the next import removes what it left. A second import
// at the same time is ErrBusy. Errors hold no text of the source.
func Import(ctx context.Context, o Options) (*Manifest, *Quality, error) {
	if err := o.complete(); err != nil {
		return nil, nil, err
	}
	ws, err := openWorkspace(o.Domain)
	if err != nil {
		return nil, nil, err
	}
	defer ws.close()
	return importInto(ctx, o, ws, nil)
}

func (o *Options) complete() error {
	switch {
	case o.Domain == "", o.Binding == nil, o.Source == "", o.Open == nil:
		return fmt.Errorf("%w: Domain, Binding, Source and Open are needed", ErrOptions)
	case o.Key == Key{}:
		return fmt.Errorf("%w: a domain key is needed", ErrOptions)
	case o.MaxRows < 0 || o.MaxRows > 1_000_000:
		return fmt.Errorf("%w: MaxRows: 1 to 1,000,000", ErrOptions)
	case o.OnError == "":
		o.OnError = Abort
	case o.OnError != Abort && o.OnError != Quarantine:
		return fmt.Errorf("%w: OnError: abort or quarantine", ErrOptions)
	}
	if o.OnError == "" {
		o.OnError = Abort
	}
	if o.MaxRows == 0 {
		o.MaxRows = DefaultMaxRows
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	var err error
	if o.Source, err = filepath.Abs(o.Source); err != nil {
		return fmt.Errorf("%w: the folder cannot be found", ErrSource)
	}
	return nil
}

// importInto does the import in a workspace that is already locked, from the
// source folder or, if there is one, from a generator.
func importInto(ctx context.Context, o Options, ws *workspace, g *generator) (*Manifest, *Quality, error) {
	build, err := ws.build()
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(build)
	im := &importer{o: o, work: filepath.Join(build, "work"), tally: map[string]*TableCount{}, day: day(o.Now)}
	im.stager, im.read = shuffler{}, im.readSources
	if g != nil {
		im.stager, im.read, im.inputs = g, func(ctx context.Context) error { return g.read(ctx, im) }, g.inputs(o.Binding)
	} else if im.inputs, err = findInputs(o.Binding, o.Source); err != nil {
		return nil, nil, err
	}
	data := filepath.Join(build, dataFile)
	quality, err := im.fill(ctx, data)
	if err != nil {
		return nil, nil, err
	}
	if err := os.RemoveAll(im.work); err != nil {
		return nil, nil, fmt.Errorf("%w: scratch files cannot be removed", ErrSnapshot)
	}
	im.progress("finish", 0, 1)
	manifest, err := im.seal(ws, build, quality)
	if err != nil {
		return nil, nil, err
	}
	im.progress("finish", 1, 1)
	return manifest, quality, nil
}

// fill writes the data file: everything the engine does.
func (im *importer) fill(ctx context.Context, data string) (*Quality, error) {
	spill := filepath.Join(im.work, "spill")
	if err := os.MkdirAll(filepath.Join(im.work, "staged"), 0o700); err != nil {
		return nil, fmt.Errorf("%w: no scratch directory", ErrSnapshot)
	}
	if err := os.MkdirAll(spill, 0o700); err != nil {
		return nil, fmt.Errorf("%w: no scratch directory", ErrSnapshot)
	}
	db, err := im.o.Open(ctx, WriterOptions{
		Snapshot: data, Stage: filepath.Join(im.work, "stage.duckdb"),
		Dirs: im.dirs(), TempDir: spill, Memory: im.o.Memory, Threads: im.o.Threads,
	})
	if err != nil {
		return nil, engineError("open", err)
	}
	defer db.Close()
	if im.conn, err = db.Conn(ctx); err != nil {
		return nil, engineError("open", err)
	}
	defer im.conn.Close()
	quality, err := im.run(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range []string{"CHECKPOINT " + snapshotCatalog, "DETACH " + snapshotCatalog} {
		if _, err := im.exec(ctx, "finish", s); err != nil {
			return nil, err
		}
	}
	return quality, nil
}

// dirs are the directories within the engine's reach.
func (im *importer) dirs() []string {
	if im.o.Source == "" {
		return []string{im.work}
	}
	return []string{im.o.Source, im.work}
}

// run is the import in the order of its steps.
func (im *importer) run(ctx context.Context) (*Quality, error) {
	if err := im.prepare(ctx); err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{
		im.read, im.mapPeople, im.mapInstitutions, im.mapTables, im.writeBuckets, im.writeQuarantine,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return im.assess(ctx)
}

// prepare creates the tables to be filled and the macros bindings may use.
func (im *importer) prepare(ctx context.Context) error {
	dayText, _ := dateSQL("x", formText)
	statements := []string{
		"CREATE TEMP MACRO fen(x) AS " + fenTextSQL("x"),
		"CREATE TEMP MACRO calendar_day(x) AS " + dayText,
		"CREATE TEMP MACRO identifier(x) AS " + normalIdentifierSQL("x"),
		"CREATE SCHEMA " + snapshotCatalog + ".control",
		"CREATE TABLE " + snapshotCatalog + ".control.quarantine (source VARCHAR, line BIGINT, tbl VARCHAR, reason VARCHAR)",
		"CREATE TABLE " + snapshotCatalog + ".control.alias (handle HUGEINT, psn_key HUGEINT)",
		"CREATE TEMP TABLE qx_quarantine (src SMALLINT, line BIGINT, tbl VARCHAR, reason VARCHAR)",
	}
	for _, t := range Tables() {
		statements = append(statements, createTable(t))
		im.tally[t.Name] = &TableCount{Quarantined: map[string]int64{}}
	}
	for _, s := range statements {
		if _, err := im.exec(ctx, "prepare", s); err != nil {
			return err
		}
	}
	return im.o.Key.load(ctx, im.conn)
}

func createTable(t Table) string {
	sql := "CREATE TABLE " + snapshotCatalog + ".main." + ident(t.Name) + " ("
	for i, c := range t.Columns {
		if i > 0 {
			sql += ", "
		}
		sql += ident(c.Name) + " " + string(c.Type)
	}
	return sql + ")"
}

func (im *importer) progress(stage string, done, total int64) { im.progressOn(stage, "", done, total) }

func (im *importer) progressOn(stage, name string, done, total int64) {
	if im.o.Progress != nil {
		im.o.Progress(Progress{stage, name, done, total})
	}
}

// chinaTime is China Standard Time, in which days and epochs are counted.
func chinaTime() *time.Location { return time.FixedZone("CST", 8*3600) }

// day is the whole day of a time in China Standard Time.
func day(t time.Time) time.Time {
	y, m, d := t.In(chinaTime()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, chinaTime())
}
