package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// input is one source file as found, and what was seen of it.
type input struct {
	source  Source
	index   int          // small number kept with every row instead of the name
	name    string       // file name, for reports
	path    string       // "" for an absent optional file
	format  string       // "csv", "parquet", "arrow"
	parts   []SourceFile // the files behind it: one, or the parts of a folder
	rows    int64        // rows accepted by the reader
	header  int64        // lines before the first row
	rejects []int64
	faults  []Fault
}

// Fault is one broken place of a source file: where, and which of our own
// words says what is wrong. It never holds text of the file.
type Fault struct {
	File   string `json:"file"`
	Line   int64  `json:"line"`   // from 1; a quoted line break does not count as a new line
	Column int    `json:"column"` // field number from 1; 0 = the whole line
	Name   string `json:"name,omitempty"`
	Reason string `json:"reason"`
}

// String is "file:line:column: reason".
func (f Fault) String() string {
	name := ""
	if f.Name != "" {
		name = " (column " + f.Name + ")"
	}
	return fmt.Sprintf("%s:%d:%d: %s%s", f.File, f.Line, f.Column, f.Reason, name)
}

// BrokenError says which places of the source are broken. It wraps [ErrBroken].
type BrokenError struct {
	Faults []Fault // the first of them
	Total  int64
}

// Error lists the faults, one a line.
func (e *BrokenError) Error() string {
	lines := make([]string, 0, len(e.Faults)+1)
	lines = append(lines, fmt.Sprintf("%v: %d places", ErrBroken, e.Total))
	for _, f := range e.Faults {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns ErrBroken.
func (e *BrokenError) Unwrap() error { return ErrBroken }

// maxFaults is how many faults of a file are told one by one; all are counted.
const maxFaults = 20

// formats maps the ends of file names to formats.
func formats() map[string]string {
	return map[string]string{
		".csv": "csv", ".csv.gz": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet",
		".arrow": "arrow", ".arrows": "arrow", ".ipc": "arrow", ".feather": "arrow",
	}
}

// findInputs looks for the binding's files in the folder, upper and lower case
// alike. Two files for one source are an error: which one counts is not guessed.
func findInputs(b *Binding, folder string) ([]*input, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("%w: the folder cannot be read", ErrSource)
	}
	var inputs []*input
	for i, s := range b.Sources {
		in := &input{source: s, index: i, name: s.File}
		for _, e := range entries {
			format, ok := formatOf(s.File, e)
			if !ok {
				continue
			}
			if in.path != "" {
				return nil, fmt.Errorf("%w: both %s and %s are there", ErrSource, in.name, e.Name())
			}
			in.path, in.name, in.format = filepath.Join(folder, e.Name()), e.Name(), format
		}
		if in.path == "" && !s.Optional {
			return nil, fmt.Errorf("%w: no file %s (.csv, .csv.gz, .tsv, .txt, .parquet, .arrow)", ErrSource, s.File)
		}
		if err := in.listParts(); err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// formatOf says whether a directory entry is the file of that stem. A folder
// STEM.parquet holds the parts of one table.
func formatOf(stem string, e os.DirEntry) (string, bool) {
	for ext, format := range formats() {
		if strings.EqualFold(e.Name(), stem+ext) && (!e.IsDir() || format == "parquet") {
			return format, true
		}
	}
	return "", false
}

// listParts lists the files behind an input; their names are relative to the
// source folder.
func (in *input) listParts() error {
	if in.path == "" {
		return nil
	}
	info, err := os.Stat(in.path)
	if err != nil {
		return fmt.Errorf("%w: %s cannot be read", ErrSource, in.name)
	}
	if !info.IsDir() {
		in.parts = []SourceFile{{Name: in.name}}
		return nil
	}
	entries, err := os.ReadDir(in.path) // sorted by name
	if err != nil {
		return fmt.Errorf("%w: %s cannot be read", ErrSource, in.name)
	}
	for _, e := range entries {
		if !e.IsDir() && strings.EqualFold(filepath.Ext(e.Name()), ".parquet") {
			in.parts = append(in.parts, SourceFile{Name: in.name + "/" + e.Name()})
		}
	}
	if len(in.parts) == 0 {
		return fmt.Errorf("%w: %s holds no Parquet file", ErrSource, in.name)
	}
	return nil
}

// hash takes digest and size of the files behind an input.
func (in *input) hash() error {
	for i := range in.parts {
		p := &in.parts[i]
		var err error
		if p.Sum, p.Bytes, err = digestFile(filepath.Join(filepath.Dir(in.path), filepath.FromSlash(p.Name))); err != nil {
			return fmt.Errorf("%w: %s cannot be read", ErrSource, p.Name)
		}
	}
	return nil
}

// readSources makes every source readable under its own name as a temporary
// view with the listed columns and _row, the number of the row from 1.
func (im *importer) readSources(ctx context.Context) error {
	if _, err := im.exec(ctx, "read", "BEGIN"); err != nil { // one commit for all text files
		return err
	}
	for i, in := range im.inputs {
		im.progressOn("read", in.name, int64(i), int64(len(im.inputs)))
		if err := in.hash(); err != nil {
			return err
		}
		if err := im.readSource(ctx, in); err != nil {
			return err
		}
		im.faults = append(im.faults, in.faults...)
		im.broken += int64(len(in.rejects))
	}
	if _, err := im.exec(ctx, "read", "COMMIT"); err != nil {
		return err
	}
	im.broken += int64(len(im.missing))
	im.faults = append(im.faults, im.missing...)
	if len(im.faults) > 0 && im.o.OnError != Quarantine {
		return &BrokenError{Faults: im.faults, Total: im.broken}
	}
	return im.derive(ctx)
}

func (im *importer) readSource(ctx context.Context, in *input) error {
	switch {
	case in.path == "":
		return im.view(ctx, in, "", nil)
	case in.format == "csv":
		return im.readCSV(ctx, in)
	case in.format == "parquet":
		return im.readParquet(ctx, in)
	}
	return im.readArrow(ctx, in)
}

func (im *importer) readParquet(ctx context.Context, in *input) error {
	files := make([]string, len(in.parts))
	for i, p := range in.parts {
		files[i] = quote(filepath.Join(filepath.Dir(in.path), filepath.FromSlash(p.Name)))
	}
	from := "read_parquet([" + strings.Join(files, ", ") + "], file_row_number = true, hive_partitioning = false)"
	have, err := im.describe(ctx, "SELECT * FROM "+from)
	if err != nil && !errors.Is(err, ErrEngine) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %s is not a Parquet file that can be read", ErrSource, in.name)
	}
	if err := im.view(ctx, in, from, have); err != nil {
		return err
	}
	in.rows, err = im.count(ctx, "SELECT count(*) FROM "+from)
	return err
}

func (im *importer) readArrow(ctx context.Context, in *input) error {
	if im.o.Arrow == nil {
		return fmt.Errorf("%s: %w", in.name, ErrNoArrow)
	}
	names, err := im.o.Arrow.Columns(in.path)
	if err != nil {
		return fmt.Errorf("%w: %s is not an Arrow IPC file that can be read", ErrSource, in.name)
	}
	table := sourceTable(in)
	// The loader's view lives in another database than the table it fills, and
	// one transaction writes to one database only.
	if _, err := im.exec(ctx, "read", "COMMIT"); err != nil {
		return err
	}
	if err := im.o.Arrow.Load(ctx, im.conn, in.path, table, in.present(names)); err != nil {
		return fmt.Errorf("%s: %w", in.name, engineError("read", err))
	}
	if _, err := im.exec(ctx, "read", "BEGIN"); err != nil {
		return err
	}
	have, err := im.describe(ctx, "SELECT * FROM "+table)
	if err != nil {
		return err
	}
	if err := im.view(ctx, in, table, have); err != nil {
		return err
	}
	in.rows, err = im.count(ctx, "SELECT count(*) FROM "+table)
	return err
}

// partShift puts the number of a part above the row within it: _row is both.
const partShift = 40

func sourceTable(in *input) string { return fmt.Sprintf("%s.main.src_%d", stageCatalog, in.index) }

// present returns the names under which the wanted columns stand in the file.
func (in *input) present(have []string) []string {
	var out []string
	for _, c := range in.source.Columns {
		if n, ok := c.in(have); ok {
			out = append(out, n)
		}
	}
	return out
}

// in finds the column among the names of a file.
func (c SourceColumn) in(have []string) (string, bool) {
	for _, n := range c.Names {
		if i := slices.IndexFunc(have, func(h string) bool { return strings.EqualFold(h, n) }); i >= 0 {
			return have[i], true
		}
	}
	return "", false
}

// view creates the temporary view of a source over from, a table or table
// function with columns have; from "" is an empty source. Text loses the blanks
// around it, and is NULL if nothing is left. A column that is missing though
// needed is a fault, and NULL where faults do not abort.
func (im *importer) view(ctx context.Context, in *input, from string, have []column) error {
	names, types := make([]string, len(have)), map[string]form{}
	for i, c := range have {
		names[i], types[c.name] = c.name, formOf(c.sqlType)
	}
	var list []string
	for _, c := range in.source.Columns {
		name, ok := c.in(names)
		switch {
		case ok && types[name] == formText:
			list = append(list, "nullif(trim("+ident(name)+"::VARCHAR), '') AS "+ident(c.Names[0]))
			continue
		case ok:
			list = append(list, ident(name)+" AS "+ident(c.Names[0]))
			continue
		case from != "" && !c.Optional:
			im.missing = append(im.missing, Fault{File: in.name, Line: 1, Name: c.Names[0], Reason: "missing_column"})
		}
		im.lacking = append(im.lacking, strings.ToLower(in.source.Name+"."+c.Names[0]))
		list = append(list, "NULL::VARCHAR AS "+ident(c.Names[0]))
	}
	row := "rowid + 1"
	switch {
	case from == "":
		row, from = "0::BIGINT", "(SELECT 1) WHERE false"
	case in.format == "parquet":
		row = fmt.Sprintf("(file_index::BIGINT << %d) + file_row_number + 1", partShift)
	}
	sql := fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT %s, %s AS _row FROM %s", ident(in.source.Name), strings.Join(list, ", "), row, from)
	_, err := im.exec(ctx, "read", sql)
	return err
}

// derive creates the binding's derived SELECTs as views.
func (im *importer) derive(ctx context.Context) error {
	for _, d := range im.o.Binding.Derive {
		_, err := im.exec(ctx, "derive", "CREATE TEMP VIEW "+ident(d.Name)+" AS "+d.SQL)
		if err == nil {
			_, err = im.describe(ctx, "SELECT _row FROM "+ident(d.Name))
		}
		if err != nil && !errors.Is(err, ErrEngine) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w %s:%w", ErrBinding, im.o.Binding.file, mistake(d.at, "derive %s is not SQL that works on this source, or lacks _row", d.Name))
		}
	}
	return nil
}
