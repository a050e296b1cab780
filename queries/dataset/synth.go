package dataset

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// SynthOptions say how large a synthetic population is made, and where.
type SynthOptions struct {
	Domain      string // required: the domain's directory
	Key         Key    // required: the domain key
	People      int64  // required: 1 to 50,000,000
	Settlements int64  // settlements that are loaded; 0 = 20 per person
	Seed        int64  // the same seed gives the same population
	From, To    int    // first and last calendar year; 0 = 2016 and 2018
	MaxRows     int64  // as in Options
	Memory      int64  // as in Options
	Threads     int    // as in Options
	Open        Opener // required
	Progress    func(Progress)
	Now         time.Time // as in Options

	conn *sql.Conn
	dir  string
}

// Synth makes a synthetic population in the national layout (binding
// national-a) and loads it through [Import]'s own path, so that its refunds are
// removed and its dirty rows put aside. The snapshot holds exactly People
// people and Settlements settlements. It is declared public: nobody is in it.
//
// It has an age pyramid, Zipf-distributed diagnoses, log-normal cost by level
// and age, chronic courses of drugs with refills, gaps, switches and often empty
// days of supply, about a tenth of settlements for stays, about two fee lines a
// settlement, refunds, and about one dirty row in a hundred and fifty.
func Synth(ctx context.Context, o SynthOptions) (*Manifest, *Quality, error) {
	if err := o.complete(); err != nil {
		return nil, nil, err
	}
	binding, err := LoadBinding("national-a")
	if err != nil {
		return nil, nil, err
	}
	ws, err := openWorkspace(o.Domain)
	if err != nil {
		return nil, nil, err
	}
	defer ws.close()
	dir, err := ws.build()
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	o.dir = filepath.Join(dir, "source")
	if err := o.generate(ctx, dir); err != nil {
		return nil, nil, err
	}
	return importInto(ctx, Options{
		Domain: o.Domain, Key: o.Key, Binding: binding, Source: o.dir, OnError: Abort, MaxRows: o.MaxRows, Public: true,
		Memory: o.Memory, Threads: o.Threads, Open: o.Open, Progress: o.Progress, Now: o.Now,
	}, ws)
}

func (o *SynthOptions) complete() error {
	if o.From == 0 && o.To == 0 {
		o.From, o.To = 2016, 2018
	}
	if o.Settlements == 0 {
		o.Settlements = 20 * o.People
	}
	if o.MaxRows == 0 {
		o.MaxRows = DefaultMaxRows
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	switch {
	case o.Domain == "" || o.Open == nil || o.Key == Key{}:
		return fmt.Errorf("%w: Domain, Key and Open are needed", ErrOptions)
	case o.People < 1 || o.People > 50_000_000:
		return fmt.Errorf("%w: People: 1 to 50,000,000", ErrOptions)
	case o.Settlements < 0 || o.Settlements > 1000*o.People:
		return fmt.Errorf("%w: Settlements: up to 1,000 per person", ErrOptions)
	case o.From < 1950 || o.To < o.From || o.To >= o.Now.Year():
		return fmt.Errorf("%w: From and To: whole past years from 1950", ErrOptions)
	}
	return nil
}

func (o SynthOptions) first() string { return fmt.Sprintf("%04d-01-01", o.From) }
func (o SynthOptions) last() string  { return fmt.Sprintf("%04d-12-31", o.To) }
func (o SynthOptions) mid() string   { return fmt.Sprintf("%04d-07-01", (o.From+o.To)/2) }

// rangeRows is about how many settlements are made at a time.
const rangeRows = 1_000_000

// generate writes the source files, each a folder of Parquet parts, one part
// for every range of people.
func (o SynthOptions) generate(ctx context.Context, dir string) error {
	spill := filepath.Join(dir, "work", "spill")
	if err := os.MkdirAll(spill, 0o700); err != nil {
		return fmt.Errorf("%w: no scratch directory", ErrSnapshot)
	}
	for table := range o.outputs() {
		if err := os.MkdirAll(filepath.Join(o.dir, table+".parquet"), 0o700); err != nil {
			return fmt.Errorf("%w: no scratch directory", ErrSnapshot)
		}
	}
	db, err := o.Open(ctx, WriterOptions{
		Snapshot: filepath.Join(dir, "work", "synth.duckdb"), Stage: filepath.Join(dir, "work", "stage.duckdb"),
		Dirs: []string{dir}, TempDir: spill, Memory: o.Memory, Threads: o.Threads,
	})
	if err != nil {
		return engineError("open", err)
	}
	defer db.Close()
	if o.conn, err = db.Conn(ctx); err != nil {
		return engineError("open", err)
	}
	defer o.conn.Close()
	for _, s := range append(synthMacros(), peopleSQL(o)) {
		if err := o.exec(ctx, s); err != nil {
			return err
		}
	}
	return o.ranges(ctx)
}

func (o SynthOptions) ranges(ctx context.Context) error {
	parts := 1 + o.Settlements/rangeRows
	size := (o.People + parts - 1) / parts
	for part := range parts {
		if o.Progress != nil {
			o.Progress(Progress{"synthesise", part, parts})
		}
		from, to := part*size, min((part+1)*size, o.People)
		if from >= to {
			break
		}
		if err := o.part(ctx, part, from, to); err != nil {
			return err
		}
	}
	return nil
}

func (o SynthOptions) part(ctx context.Context, part, from, to int64) error {
	bounds := []string{"{from}", fmt.Sprint(from), "{to}", fmt.Sprint(to), "{seed}", fmt.Sprint(o.Seed), "{first}", o.first()}
	for _, s := range []string{
		rowsSQL(o, from, to),
		"CREATE TEMP VIEW s_bills AS " + synthBills,
		"CREATE TEMP VIEW s_dirt AS " + fill(synthDirt, bounds...),
	} {
		if err := o.exec(ctx, s); err != nil {
			return err
		}
	}
	for table, query := range o.outputs() {
		if once(table) && part > 0 {
			continue
		}
		path := filepath.Join(o.dir, table+".parquet", fmt.Sprintf("part-%05d.parquet", part))
		if err := o.exec(ctx, "COPY ("+fill(query, bounds...)+") TO "+quote(path)+" (FORMAT parquet, COMPRESSION lz4_raw)"); err != nil {
			return err
		}
	}
	for _, s := range []string{"DROP VIEW s_dirt", "DROP VIEW s_bills", "DROP TABLE s_rows"} {
		if err := o.exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// once says which tables do not belong to people.
func once(table string) bool { return table == "fixmedins_b" || table == "drug_list_b" }

// outputs are the queries by source table.
func (o SynthOptions) outputs() map[string]string {
	lists := []string{
		"{regions}", sqlStrings(Regions()),
		"{dxwheel}", wheel(zipf(len(synthDiagnoses()))), "{dx}", sqlStrings(synthDiagnoses()),
		"{opwheel}", wheel(zipf(len(synthProcedures()))), "{ops}", sqlStrings(synthProcedures()),
		"{groupwheel}", wheel(zipf(len(synthGroups()))), "{groups}", sqlStrings(synthGroups()),
		"{chronic}", wheel(zipf(synthChronic())), "{acute}", wheel(zipf(len(synthDrugs()) - synthChronic())),
		"{acute0}", fmt.Sprint(synthChronic()),
	}
	out := map[string]string{
		"psn_info_b": synthPsnInfo, "psn_insu_d": synthPsnInsu, "fixmedins_b": synthFixmedins, "mdtrt_d": synthMdtrt,
		"setl_d": synthSetl, "setl_list_diag_d": synthDiag, "setl_list_oprn_d": synthOprn, "drg_result_d": synthDrg,
		"fee_list_d": synthFee, "drug_list_b": drugListSQL(),
	}
	for table, query := range out {
		out[table] = fill(query, lists...)
	}
	return out
}

func drugListSQL() string {
	sql := "SELECT * FROM (VALUES "
	for i, d := range synthDrugs() {
		if i > 0 {
			sql += ", "
		}
		sql += fmt.Sprintf("('XA%05d', %s, nullif(%s, ''))", i+1, quote(d.ingredient), quote(d.atc))
	}
	return sql + ") AS t(med_list_codg, ingredient, atc_code)"
}

func (o SynthOptions) exec(ctx context.Context, statement string) error {
	t0 := time.Now()
	_, err := o.conn.ExecContext(ctx, statement)
	if traceHook != nil {
		traceHook(statement, time.Since(t0))
	}
	if err != nil && debugHook != nil {
		debugHook(statement, err)
	}
	return engineError("synthesise", err)
}
