package dataset

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed bindings/*.yaml
var embedded embed.FS

// maxBinding is the most bytes a binding file may have.
const maxBinding = 1 << 20

// Binding maps one kind of source onto the canonical schema. It is made by
// [LoadBinding] only, which checks it; docs of the fields are the language's
// reference.
//
// Expressions are DuckDB SQL, written by the data steward, run inside the
// domain over one source row at a time. Three macros are at hand: fen(text), an
// exact amount in fen or NULL, calendar_day(text), a date or NULL, and
// identifier(text), what [NormalIdentifier] makes of it.
type Binding struct {
	// Name and Version name the mapping in the manifest.
	Name    string
	Version int
	// Doc says what the source is and what the mapping decides.
	Doc string
	// Currency of money columns, for the reader only ("CNY", "USD").
	Currency string
	// Facts are what is publicly known of every source of this kind and limits
	// what may be asked of it: drug_era_gap_days, the gap between fills that drug
	// eras have already merged. They come from here, never from rows.
	Facts map[string]int64
	// Sources are the files read, by the name expressions use for them. Only
	// the columns listed there are ever loaded.
	Sources []Source
	// Derive are named SELECTs over sources, usable like sources. Each must
	// carry on a column _row of the source named by its From.
	Derive []Derived
	// Maps are code maps, by name; a code that is not in its map is Unknown.
	Maps map[string]map[string]string
	// Tables are the mappings; a canonical table may be filled by several.
	Tables map[string][]Entry

	digest string
	file   string
}

// Source is one source file, or several formats of it: NAME.csv, .csv.gz, .tsv,
// .txt, .parquet, .arrow, .arrows, .ipc or .feather, upper and lower case alike.
type Source struct {
	Name     string
	File     string         // file name without extension; default Name
	Optional bool           // an absent file counts as an empty one
	Columns  []SourceColumn // the columns read, and no others
	CSV      CSV
}

// SourceColumn is written name, name|other-name|..., or either with ? at the
// end. The first name is the one expressions use; a column with ? may be absent.
type SourceColumn struct {
	Names    []string
	Optional bool
}

// CSV says how a text file is written. Parquet and Arrow ignore it.
type CSV struct {
	Delimiter string   // one character; "" = found from the header line (comma without one)
	Quote     string   // one character; default "
	NoHeader  bool     // the first line is data; then Names is required
	Names     []string // the names of all columns of a file without header, in order
	Encoding  string   // utf-8 (default), gb18030, gbk, latin-1, utf-16
	Null      []string // texts read as absent; default the empty text
}

// Derived is a named SELECT over sources.
type Derived struct {
	Name string
	From string // the source whose file and row are reported for its rows
	SQL  string
	at   position
}

// Entry fills a canonical table from one source or derived SELECT.
//
// All fields but From and Columns are SQL expressions. Which are needed depends
// on the table: person needs ID; institution needs Key; all others need Person;
// encounter and settlement need Key; diagnosis, procedure and drg_result need
// Encounter; fee_line takes Settlement, Encounter, both or none.
type Entry struct {
	From        string
	Where       expr // rows of other kinds than this entry's: left out, not counted
	Invalid     expr // rows the source itself marks as void: dropped and counted
	Refund      expr // rows the source marks as refunded: removed and counted
	Reject      []Reject
	ID          expr // person: the source identifier that psn_key is made from
	Alias       expr // person: the identifier other tables use; default ID
	Person      expr // the person's identifier (alias) in this table
	Key         expr // the row's own source key
	Encounter   expr // source key of the encounter
	Settlement  expr // source key of the settlement
	Institution expr // source key of the institution
	RefundOf    expr // settlement: source key of the settlement this row takes back
	Recorded    expr // settlement: when the record reached the platform (timeliness)
	Happened    expr // settlement: when the fact happened (timeliness)
	Columns     map[string]Value

	table string
	index int
	at    position
}

// Reject puts rows aside for a reason of the binding's own.
type Reject struct {
	When   expr
	Reason string // lower-case letters and _
}

// Value is a column's expression, with an optional code map by name, and the
// unit "fen" where a money expression is in fen, not yuan.
type Value struct {
	SQL  string
	Map  string
	Unit string
	at   position
}

// expr is an SQL expression and where it stands.
type expr struct {
	sql string
	at  position
}

func (e expr) given() bool { return e.sql != "" }

// String returns the SQL text.
func (e expr) String() string { return e.sql }

// Bindings lists the embedded bindings by name.
func Bindings() []string {
	entries, err := embedded.ReadDir("bindings")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// LoadBinding loads an embedded binding by name, or the YAML file at a path (a
// name with a separator or ending in .yaml or .yml). Errors are ErrBinding and
// say line and column.
func LoadBinding(nameOrPath string) (*Binding, error) {
	ext := strings.ToLower(filepath.Ext(nameOrPath))
	if ext == ".yaml" || ext == ".yml" || strings.ContainsAny(nameOrPath, `/\`) {
		info, err := os.Stat(nameOrPath)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBinding, err)
		}
		if info.Size() > maxBinding {
			return nil, fmt.Errorf("%w %s: larger than 1 MiB", ErrBinding, nameOrPath)
		}
		text, err := os.ReadFile(nameOrPath)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBinding, err)
		}
		return ParseBinding(filepath.Base(nameOrPath), text)
	}
	text, err := embedded.ReadFile("bindings/" + nameOrPath + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("%w %q: there is none of that name; embedded are %s", ErrBinding, nameOrPath, strings.Join(Bindings(), ", "))
	}
	return ParseBinding(nameOrPath+".yaml", text)
}

// ParseBinding parses and checks the text of a binding; file is its name in
// error messages.
func ParseBinding(file string, text []byte) (*Binding, error) {
	b, err := decodeBinding(file, text)
	if err != nil {
		return nil, err
	}
	b.file = file
	sum := sha256.Sum256(text)
	b.digest = hex.EncodeToString(sum[:])
	if err := b.check(); err != nil {
		return nil, err
	}
	return b, nil
}

// Digest is the SHA-256 of the binding's text, in hexadecimal.
func (b *Binding) Digest() string { return b.digest }

func (b *Binding) source(name string) (Source, bool) {
	i := slices.IndexFunc(b.Sources, func(s Source) bool { return strings.EqualFold(s.Name, name) })
	if i < 0 {
		return Source{}, false
	}
	return b.Sources[i], true
}

// base returns the source whose file and rows an entry's rows are reported by.
func (b *Binding) base(from string) (Source, bool) {
	for _, d := range b.Derive {
		if strings.EqualFold(d.Name, from) {
			return b.source(d.From)
		}
	}
	return b.source(from)
}
