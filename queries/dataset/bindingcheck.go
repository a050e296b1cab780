package dataset

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	reasonCode = regexp.MustCompile(`^[a-z][a-z_]*$`)
	fileStem   = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

// binding turns what was decoded into the checked form's shape.
func (y bindingYAML) binding() (*Binding, error) {
	version, err := strconv.Atoi(y.Version.sql)
	if err != nil || version < 1 {
		return nil, mistake(y.Version.at, "version: a whole number from 1 is needed")
	}
	b := &Binding{
		Name: y.Name, Version: version, Doc: y.Doc, Currency: y.Currency, Facts: y.Facts,
		Maps: map[string]map[string]string{}, Tables: map[string][]Entry{},
	}
	for _, s := range y.Sources {
		src, err := y.source(s)
		if err != nil {
			return nil, err
		}
		b.Sources = append(b.Sources, src)
	}
	for _, d := range y.Derive {
		if !identifier.MatchString(d.key) || !d.value.SQL.given() {
			return nil, mistake(d.at, "derive %q: a plain name and sql are needed", d.key)
		}
		b.Derive = append(b.Derive, Derived{Name: d.key, From: d.value.From, SQL: d.value.SQL.sql, at: d.at})
	}
	for _, m := range y.Maps {
		b.Maps[m.key] = m.value
	}
	for _, t := range y.Tables {
		for i, e := range t.value {
			entry, err := e.entry(t.key, i, t.at)
			if err != nil {
				return nil, err
			}
			b.Tables[t.key] = append(b.Tables[t.key], entry)
		}
		if _, ok := Lookup(t.key); !ok {
			return nil, mistake(t.at, "there is no canonical table %q", t.key)
		}
	}
	return b, nil
}

func (y bindingYAML) source(s pair[sourceYAML]) (Source, error) {
	src := Source{Name: s.key, File: s.value.File, Optional: s.value.Optional}
	if src.File == "" {
		src.File = s.key
	}
	if !identifier.MatchString(s.key) || !fileStem.MatchString(src.File) {
		return src, mistake(s.at, "source %q: letters, digits and _ only", s.key)
	}
	for _, c := range s.value.Columns {
		name, optional := strings.CutSuffix(c.sql, "?")
		names := strings.Split(name, "|")
		if !identifier.MatchString(names[0]) || slices.Contains(names, "") {
			return src, mistake(c.at, "column %q: name, name|other or name? is needed", c.sql)
		}
		src.Columns = append(src.Columns, SourceColumn{Names: names, Optional: optional})
	}
	if len(src.Columns) == 0 {
		return src, mistake(s.at, "source %q: columns is needed; only columns named there are read", s.key)
	}
	dialect := y.CSV
	if s.value.CSV != nil {
		dialect = *s.value.CSV
	}
	var err error
	src.CSV, err = dialect.dialect(s.at)
	return src, err
}

func (c csvYAML) dialect(at position) (CSV, error) {
	out := CSV{Delimiter: c.Delimiter, Quote: c.Quote, Names: c.Names, Encoding: strings.ToLower(c.Encoding), Null: c.Null}
	out.NoHeader = c.Header != nil && !*c.Header
	if out.Quote == "" {
		out.Quote = `"`
	}
	if out.Encoding == "" {
		out.Encoding = "utf-8"
	}
	if _, ok := encodingOf(out.Encoding); !ok {
		return out, mistake(at, "encoding %q: utf-8, gb18030, gbk, latin-1 or utf-16", c.Encoding)
	}
	if len(out.Delimiter) > 1 || len(out.Quote) != 1 {
		return out, mistake(at, "delimiter and quote: one ASCII character each")
	}
	if out.NoHeader && len(out.Names) == 0 {
		return out, mistake(at, "a file without header needs names")
	}
	return out, nil
}

func (y entryYAML) entry(table string, index int, at position) (Entry, error) {
	e := Entry{
		From: y.From.sql, Where: y.Where, Invalid: y.Invalid, Refund: y.Refund, ID: y.ID, Alias: y.Alias,
		Person: y.Person, Key: y.Key, Encounter: y.Encounter, Settlement: y.Settlement,
		Institution: y.Institution, RefundOf: y.RefundOf, Recorded: y.Recorded, Happened: y.Happened,
		Columns: map[string]Value{}, table: table, index: index, at: at,
	}
	if y.From.given() {
		e.at = y.From.at
	}
	for _, r := range y.Reject {
		if !reasonCode.MatchString(r.Reason.sql) || !r.When.given() {
			return e, mistake(r.When.at, "reject: when and a reason of letters and _ are needed")
		}
		e.Reject = append(e.Reject, Reject{When: r.When, Reason: r.Reason.sql})
	}
	t, _ := Lookup(table)
	for _, c := range y.Columns {
		col, ok := t.Column(c.key)
		if !ok || !bindable(col) {
			return e, mistake(c.at, "%s has no column %q that a binding can fill", table, c.key)
		}
		v := c.value
		if v.Unit != "" && (v.Unit != "fen" || col.Unit != "fen") {
			return e, mistake(v.at, "unit: only fen, on money columns")
		}
		if !v.SQL.given() {
			return e, mistake(v.at, "column %q: sql is needed", c.key)
		}
		e.Columns[c.key] = Value{SQL: v.SQL.sql, Map: v.Map, Unit: v.Unit, at: v.SQL.at}
	}
	return e, nil
}

// bindable columns are filled by expressions; person numbers and keys are made
// by the import from the entry's own fields.
func bindable(c Column) bool {
	return c.Type != TypePersonNo && c.Type != TypePersonKey && c.Type != TypeKey
}

// check holds the parts of a binding against each other.
func (b *Binding) check() error {
	fail := func(err error) error { return fmt.Errorf("%w %s:%w", ErrBinding, b.file, err) }
	if !fileStem.MatchString(b.Name) {
		return fail(mistake(position{1, 1}, "name is needed: letters, digits, - and _"))
	}
	if len(b.Tables["person"]) == 0 {
		return fail(mistake(position{1, 1}, "tables: person is needed"))
	}
	for _, d := range b.Derive {
		if _, ok := b.source(d.From); !ok {
			return fail(mistake(d.at, "derive %s: from must name a source", d.Name))
		}
	}
	for table, entries := range b.Tables {
		for _, e := range entries {
			if err := b.checkEntry(table, e); err != nil {
				return fail(err)
			}
		}
	}
	return nil
}

func (b *Binding) checkEntry(table string, e Entry) error {
	if _, ok := b.base(e.From); !ok {
		return mistake(e.at, "%s: from %q is neither a source nor derived", table, e.From)
	}
	given := map[string]bool{
		"id": e.ID.given(), "alias": e.Alias.given(), "person": e.Person.given(), "key": e.Key.given(),
		"encounter": e.Encounter.given(), "settlement": e.Settlement.given(), "institution": e.Institution.given(),
		"refund": e.Refund.given(), "refund_of": e.RefundOf.given(), "recorded": e.Recorded.given(), "happened": e.Happened.given(),
	}
	needed, allowed := fieldsOf(table)
	for _, f := range needed {
		if !given[f] {
			return mistake(e.at, "%s needs %s", table, f)
		}
	}
	for f, ok := range given {
		if ok && !slices.Contains(needed, f) && !slices.Contains(allowed, f) {
			return mistake(e.at, "%s does not take %s", table, f)
		}
	}
	for name, v := range e.Columns {
		if _, ok := b.Maps[v.Map]; v.Map != "" && !ok {
			return mistake(v.at, "column %s: there is no map %q", name, v.Map)
		}
	}
	for _, c := range required(table) {
		if _, ok := e.Columns[c]; !ok {
			return mistake(e.at, "%s needs column %s", table, c)
		}
	}
	return nil
}

// fieldsOf says which fields an entry of a table needs and which it may have.
func fieldsOf(table string) (needed, allowed []string) {
	switch table {
	case "person":
		return []string{"id"}, []string{"alias"}
	case "institution":
		return []string{"key"}, nil
	case "encounter":
		return []string{"person", "key"}, []string{"institution"}
	case "settlement":
		return []string{"person", "key"}, []string{"encounter", "institution", "refund", "refund_of", "recorded", "happened"}
	case "diagnosis", "procedure", "drg_result":
		return []string{"person", "encounter"}, nil
	case "fee_line":
		return []string{"person"}, []string{"settlement", "encounter", "refund"}
	}
	return []string{"person"}, nil
}

// required are the columns without which a row is put aside.
func required(table string) []string {
	switch table {
	case "coverage", "encounter":
		return []string{"begn"}
	case "settlement":
		return []string{"setl_date", "total_fen"}
	case "diagnosis":
		return []string{"dx_code", "system"}
	case "procedure":
		return []string{"code", "system"}
	case "fee_line":
		return []string{"date", "item_code"}
	case "drg_result":
		return []string{"grp"}
	case "observation":
		return []string{"date", "code", "value_milli"}
	}
	return nil
}
