package dataset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The reasons for which the import itself puts a row aside or drops it. A
// binding may add its own.
const (
	reasonVoid        = "void" // the source marks the row as void: dropped, not quarantined
	reasonNoPerson    = "no_person_id"
	reasonUnknown     = "unknown_person"
	reasonNoKey       = "no_key"
	reasonBadDate     = "bad_date"
	reasonNoDate      = "no_date"
	reasonFarDate     = "implausible_date"
	reasonBackwards   = "end_before_begin"
	reasonBeforeBirth = "before_birth"
	reasonBadMoney    = "bad_money"
	reasonNoMoney     = "no_money"
	reasonBadNumber   = "bad_number"
	reasonNoCode      = "no_code"
	reasonDuplicate   = "duplicate_key"
	reasonUnmatched   = "refund_unmatched"
	reasonNoEncounter = "unknown_encounter"
)

// Names of the helper columns that travel with mapped rows.
const (
	colPerson = "_psn"
	colKey    = "_key"
	colEnc    = "_enc"
	colSetl   = "_setl"
	colInst   = "_inst"
	colRefund = "_refund"
	colOf     = "_of"
	colDelay  = "_delay" // seconds from happening to record
	colID     = "_id"
	colAlias  = "_alias"
)

// mapped is an entry's SELECT in two layers: raw expressions over the source,
// then conversions to canonical types, with a reason where the row is refused.
type mapped struct {
	entry   Entry
	src     int
	columns []column // helper and canonical columns it yields, besides _row and reason
	sql     string   // SELECT ... , _row, reason
}

// helpers lists an entry's helper expressions by the column they become.
func (e Entry) helpers() []struct{ name, sql string } {
	all := []struct{ name, sql string }{
		{colPerson, e.Person.sql}, {colKey, e.Key.sql}, {colEnc, e.Encounter.sql}, {colSetl, e.Settlement.sql},
		{colInst, e.Institution.sql}, {colOf, e.RefundOf.sql}, {colID, e.ID.sql}, {colAlias, e.Alias.sql},
	}
	return slices.DeleteFunc(all, func(h struct{ name, sql string }) bool { return h.sql == "" })
}

// mapEntry builds the SELECT of an entry: it asks the engine for the types of
// the expressions, so that typed sources are converted from their types.
func (im *importer) mapEntry(ctx context.Context, e Entry) (*mapped, error) {
	source, _ := im.o.Binding.base(e.From)
	src := slices.IndexFunc(im.inputs, func(in *input) bool { return in.source.Name == source.Name })
	m := &mapped{entry: e, src: src}
	raw, values, err := im.rawLayer(ctx, e)
	if err != nil {
		return nil, err
	}
	typed := []string{"_row", "_refused"}
	for _, h := range e.helpers() {
		typed = append(typed, h.name)
		m.columns = append(m.columns, column{h.name, "VARCHAR"})
	}
	typed = append(typed, colRefund)
	m.columns = append(m.columns, column{colRefund, "BOOLEAN"})
	if e.Recorded.given() && e.Happened.given() {
		typed = append(typed, colDelay)
		m.columns = append(m.columns, column{colDelay, "BIGINT"})
	}
	t, _ := Lookup(e.table)
	for _, c := range t.Columns {
		v, ok := values[c.Name]
		if !ok {
			continue
		}
		sql, fits := converted(c, ident("r_"+c.Name), v.sqlType, v.unit)
		if !fits {
			return nil, im.bindingError(v.at, "column %s: a value of type %s cannot fill it", c.Name, v.sqlType)
		}
		typed = append(typed, ident("r_"+c.Name), sql+" AS "+ident(c.Name))
		m.columns = append(m.columns, column{c.Name, string(c.Type)})
	}
	inner := "SELECT " + strings.Join(typed, ",\n  ") + "\nFROM (" + raw + ")"
	names := make([]string, len(m.columns))
	for i, c := range m.columns {
		names[i] = ident(c.name)
	}
	m.sql = fmt.Sprintf("SELECT %s, _row, %s AS reason FROM (%s)", strings.Join(names, ", "), im.reasonSQL(e, t, values), inner)
	return m, nil
}

// rawValue is an expression's type as the engine sees it.
type rawValue struct {
	sqlType, unit string
	at            position
}

// rawLayer selects the expressions of an entry from its source, empty text to
// NULL.
func (im *importer) rawLayer(ctx context.Context, e Entry) (string, map[string]rawValue, error) {
	where := ""
	if e.Where.given() {
		where = " WHERE (" + e.Where.sql + ")"
	}
	from := " FROM " + ident(e.From) + where
	list := []string{"_row", im.refusedSQL(e) + " AS _refused"}
	for _, h := range e.helpers() {
		x := "(" + h.sql + ")::VARCHAR"
		if h.name == colPerson || h.name == colID || h.name == colAlias {
			x = normalIdentifierSQL("(" + x + ")")
		}
		list = append(list, "nullif("+x+", '') AS "+h.name)
	}
	refund := "false"
	if e.Refund.given() {
		refund = "coalesce((" + e.Refund.sql + ")::BOOLEAN, false)"
	}
	list = append(list, refund+" AS "+colRefund)
	if e.Recorded.given() && e.Happened.given() {
		list = append(list, fmt.Sprintf("date_diff('second', TRY_CAST((%s) AS TIMESTAMP), TRY_CAST((%s) AS TIMESTAMP)) AS %s",
			e.Happened.sql, e.Recorded.sql, colDelay))
	}
	types, err := im.typesOf(ctx, e)
	if err != nil {
		return "", nil, err
	}
	values := map[string]rawValue{}
	for name, v := range e.Columns {
		sqlType := types[name]
		expression := "(" + v.SQL + ")"
		if formOf(sqlType) == formText {
			expression, sqlType = "nullif("+expression+"::VARCHAR, '')", "VARCHAR"
		}
		if v.Map != "" {
			expression, sqlType = codeMapSQL(im.o.Binding.Maps[v.Map], expression), "VARCHAR"
		}
		list = append(list, expression+" AS "+ident("r_"+name))
		values[name] = rawValue{sqlType, v.Unit, v.at}
	}
	slices.Sort(list[2:])
	sql := "SELECT " + strings.Join(list, ",\n    ") + from
	if _, err := im.describe(ctx, sql); err != nil && !errors.Is(err, ErrEngine) {
		return "", nil, err
	} else if err != nil {
		return "", nil, im.bindingError(e.at, "%s: one of where, invalid, refund, reject or the keys is not SQL that works on this source", e.table)
	}
	return sql, values, nil
}

// typesOf asks the engine for the types of an entry's expressions, all at once;
// if it cannot say, one by one, to name the one that does not work.
func (im *importer) typesOf(ctx context.Context, e Entry) (map[string]string, error) {
	names := slices.Sorted(maps.Keys(e.Columns))
	if len(names) == 0 {
		return nil, nil
	}
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = "(" + e.Columns[n].SQL + ") AS x" + strconv.Itoa(i)
	}
	from := " FROM " + ident(e.From)
	cols, err := im.describe(ctx, "SELECT "+strings.Join(list, ", ")+from)
	if err != nil && !errors.Is(err, ErrEngine) {
		return nil, err
	}
	if err == nil && len(cols) == len(names) {
		types := map[string]string{}
		for i, n := range names {
			types[n] = cols[i].sqlType
		}
		return types, nil
	}
	for _, n := range names {
		v := e.Columns[n]
		if cols, err := im.describe(ctx, "SELECT ("+v.SQL+") AS x"+from); err != nil || len(cols) != 1 {
			return nil, im.bindingError(v.at, "this is not an SQL expression that works on this source")
		}
	}
	return nil, im.bindingError(e.at, "%s: the columns do not work together", e.table)
}

func (im *importer) bindingError(at position, format string, args ...any) error {
	return fmt.Errorf("%w %s:%w", ErrBinding, im.o.Binding.file, mistake(at, format, args...))
}

// refusedSQL is the reason the binding itself gives, void before all others.
func (im *importer) refusedSQL(e Entry) string {
	sql := "CASE"
	if e.Invalid.given() {
		sql += " WHEN (" + e.Invalid.sql + ") THEN '" + reasonVoid + "'"
	}
	for _, r := range e.Reject {
		sql += " WHEN (" + r.When.sql + ") THEN '" + r.Reason + "'"
	}
	if sql == "CASE" {
		return "NULL::VARCHAR"
	}
	return sql + " END"
}

func codeMapSQL(codes map[string]string, x string) string {
	var b strings.Builder
	b.WriteString("CASE " + x + "::VARCHAR")
	for _, k := range slices.Sorted(maps.Keys(codes)) {
		b.WriteString(" WHEN " + quote(k) + " THEN " + quote(codes[k]))
	}
	b.WriteString(" END")
	return b.String()
}

// reasonSQL is the first reason a row is refused for, looking at this row only.
func (im *importer) reasonSQL(e Entry, t Table, values map[string]rawValue) string {
	var w whens
	for _, h := range e.helpers() {
		switch h.name {
		case colPerson, colID:
			w.add(h.name+" IS NULL", reasonNoPerson)
		case colKey, colSetl:
			w.add(h.name+" IS NULL", reasonNoKey)
		}
	}
	need := required(e.table)
	latest := im.day.AddDate(0, 0, 1).Format("2006-01-02")
	for _, c := range t.Columns {
		if _, ok := values[c.Name]; !ok {
			continue
		}
		name, raw := ident(c.Name), ident("r_"+c.Name)
		isNeeded := slices.Contains(need, c.Name)
		bad := raw + " IS NOT NULL AND " + name + " IS NULL"
		switch {
		case c.Type == TypeDate || c.Unit == "yyyymm":
			w.add(bad, reasonBadDate)
			if isNeeded {
				w.add(name+" IS NULL", reasonNoDate)
			}
			w.add(farSQL(c, name, latest), reasonFarDate)
		case c.Type == TypeBig && c.Unit == "fen":
			w.add(bad, reasonBadMoney)
			if isNeeded {
				w.add(name+" IS NULL", reasonNoMoney)
			}
		case c.Type == TypeCode:
			if isNeeded {
				w.add(name+" IS NULL", reasonNoCode)
			}
		default:
			w.add(bad, reasonBadNumber)
			if isNeeded {
				w.add(name+" IS NULL", reasonBadNumber)
			}
		}
	}
	if _, ok := values["end"]; ok && t.Time.Interval() {
		w.add(`"end" < begn`, reasonBackwards)
	}
	return w.sql()
}

// farSQL says where a date is not plausible. The end of coverage may lie ahead.
func farSQL(c Column, name, latest string) string {
	switch {
	case c.Unit == "yyyymm":
		return fmt.Sprintf("%[1]s < 187001 OR %[1]s > %[2]s", name, strings.ReplaceAll(latest, "-", "")[:6])
	case c.Name == "end":
		return name + " < DATE '" + minDate + "' OR " + name + " > DATE '" + OpenEnd + "'"
	}
	return name + " NOT BETWEEN DATE '" + minDate + "' AND DATE '" + latest + "'"
}

// whens is a CASE under construction that starts from the binding's reasons.
type whens struct{ parts []string }

func (w *whens) add(condition, reason string) {
	w.parts = append(w.parts, " WHEN "+condition+" THEN '"+reason+"'")
}

func (w *whens) sql() string {
	return "CASE WHEN _refused IS NOT NULL THEN _refused" + strings.Join(w.parts, "") + " END"
}
