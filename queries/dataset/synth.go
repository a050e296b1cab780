package dataset

import (
	"context"
	"fmt"
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

	bucketRows int64 // as in Options
}

// Synth makes a synthetic population in the national layout and loads it with
// the binding national-a along [Import]'s own path, so that its refunds are
// removed and its dirty rows put aside. The snapshot holds exactly People
// people and Settlements settlements. It is declared public: nobody is in it.
//
// It has an age pyramid, Zipf-distributed diagnoses, log-normal cost by level
// and age, chronic courses of drugs with refills, gaps, switches and often empty
// days of supply, about a tenth of settlements for stays, about two fee lines a
// settlement, refunds, and about one dirty row in a hundred and fifty.
//
// The source tables are not written to disk first: they are views over a
// generator, read one range of people at a time, which bounds the memory.
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
	return importInto(ctx, Options{
		Domain: o.Domain, Key: o.Key, Binding: binding, OnError: Abort, MaxRows: o.MaxRows, Public: true,
		Memory: o.Memory, Threads: o.Threads, Open: o.Open, Progress: o.Progress, Now: o.Now, bucketRows: o.bucketRows,
	}, ws, &generator{o})
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

// generator is the stager of the synthetic population: the sources of a bucket
// are generated when the bucket is due, from s_range, its people.
type generator struct{ o SynthOptions }

// linesPerSettlement is about how many fee lines a settlement has.
const linesPerSettlement = 2.1

// inputs are the binding's sources as if they were files.
func (g *generator) inputs(b *Binding) []*input {
	var inputs []*input
	for i, s := range b.Sources {
		inputs = append(inputs, &input{source: s, index: i, name: s.File, parts: []SourceFile{
			{Name: fmt.Sprintf("%s (synthetic, seed %d)", s.File, g.o.Seed)},
		}})
	}
	return inputs
}

// read makes the people, and a view for every source table.
func (g *generator) read(ctx context.Context, im *importer) error {
	im.progress("synthesise", 0, 1)
	statements := append(synthMacros(), peopleSQL(g.o),
		"CREATE TEMP TABLE s_range AS SELECT *, 0::UINTEGER AS pno FROM qx_s_people WHERE false")
	statements = append(statements, g.rowStatements()...)
	outputs := g.outputs()
	for _, in := range im.inputs {
		query, ok := outputs[in.source.Name]
		if !ok {
			return fmt.Errorf("%w: the generator makes no %s", ErrSource, in.source.Name)
		}
		statements = append(statements, "CREATE TEMP VIEW "+ident(in.source.Name)+" AS "+query)
	}
	for _, s := range statements {
		if _, err := im.exec(ctx, "synthesise", s); err != nil {
			return err
		}
	}
	im.progress("synthesise", 1, 1)
	return im.derive(ctx)
}

// rowStatements make the rows of the people in s_range.
func (g *generator) rowStatements() []string {
	return []string{rowsSQL(g.o), "CREATE OR REPLACE TEMP TABLE s_dirt AS " + g.seeded(synthDirt)}
}

func (g *generator) seeded(query string) string {
	return fill(query, "{seed}", fmt.Sprint(g.o.Seed), "{first}", g.o.first(), "{row}", "((i * 16384 + j) * 16)")
}

// begin implements stager.
func (g *generator) begin(ctx context.Context, im *importer) error {
	im.split(int64(linesPerSettlement * float64(g.o.Settlements)))
	_, err := im.exec(ctx, "synthesise", `CREATE TEMP TABLE qx_s_numbered AS SELECT s.*, a.pno
		FROM qx_s_people s JOIN qx_alias a ON a.alias = 'P' || s.i ORDER BY a.pno`)
	return err
}

// bucket implements stager.
func (g *generator) bucket(ctx context.Context, im *importer, bucket int64) error {
	within := fmt.Sprintf("pno BETWEEN %d AND %d", bucket*im.size, (bucket+1)*im.size-1)
	statements := append([]string{
		"CREATE OR REPLACE TEMP TABLE s_range AS SELECT * FROM qx_s_numbered WHERE " + within,
		"CREATE OR REPLACE TEMP TABLE b_alias AS SELECT * FROM qx_alias WHERE " + within,
	}, g.rowStatements()...)
	for _, s := range statements {
		if _, err := im.exec(ctx, "synthesise", s); err != nil {
			return err
		}
	}
	return nil
}

// rows implements stager.
func (g *generator) rows(ctx context.Context, im *importer, table string, _ int64) (string, error) {
	entries := im.o.Binding.Tables[table]
	if len(entries) == 0 {
		return noRows(table), nil
	}
	query, err := im.stagedSQL(ctx, entries[0], "b_alias")
	if err != nil {
		return "", err
	}
	return "(" + query + ")", nil
}

func (g *generator) lazy() bool { return true }

func (g *generator) has(im *importer, table string, _ int64) bool {
	return len(im.o.Binding.Tables[table]) > 0
}

// outputs are the queries by source table, with _row, the number of the row in
// the table as the generator counts.
func (g *generator) outputs() map[string]string {
	lists := []string{
		"{regions}", sqlStrings(Regions()),
		"{dxwheel}", wheel(zipf(len(synthDiagnoses()))), "{dx}", sqlStrings(synthDiagnoses()),
		"{opwheel}", wheel(zipf(len(synthProcedures()))), "{ops}", sqlStrings(synthProcedures()),
		"{groupwheel}", wheel(zipf(len(synthGroups()))), "{groups}", sqlStrings(synthGroups()),
		"{acute}", wheel(zipf(len(synthDrugs()) - synthChronic())),
		"{acute0}", fmt.Sprint(synthChronic()),
	}
	out := map[string]string{
		"psn_info_b": synthPsnInfo, "psn_insu_d": synthPsnInsu, "fixmedins_b": synthFixmedins, "mdtrt_d": synthMdtrt,
		"setl_d": synthSetl, "setl_list_diag_d": synthDiag, "setl_list_oprn_d": synthOprn, "drg_result_d": synthDrg,
		"fee_list_d": synthFee, "drug_list_b": drugListSQL(),
	}
	for table, query := range out {
		query = fill(query, "{bills}", fill(synthBills, "{rows}", "s_rows"), "{dirtbills}", fill(synthBills, "{rows}", "s_dirt"))
		out[table] = g.seeded(fill(query, lists...))
	}
	return out
}

func drugListSQL() string {
	sql := "SELECT *, 1::BIGINT AS _row FROM (VALUES "
	for i, d := range synthDrugs() {
		if i > 0 {
			sql += ", "
		}
		sql += fmt.Sprintf("('XA%05d', %s, nullif(%s, ''))", i+1, quote(d.ingredient), quote(d.atc))
	}
	return sql + ") AS t(med_list_codg, ingredient, atc_code)"
}
