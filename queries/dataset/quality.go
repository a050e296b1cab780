package dataset

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// The official floors of the four quality indicators, in the indicator's unit.
const (
	FloorCompleteness = 98.0 // per cent of required fields that are filled, at least
	FloorConsistency  = 96.0 // per cent of checks that hold, at least
	CeilingTimeliness = 10.0 // minutes from fact to record, 95th percentile, at most
	CeilingAccuracy   = 0.5  // per cent of rows read that hold a wrong value, at most
)

// Quality is the report on one import. It is a fact about the data and stays
// inside the domain; it holds counts and names of columns, never a value of a
// row.
type Quality struct {
	Binding      string                 `json:"binding"`
	Indicators   []Indicator            `json:"indicators"` // the four, in order
	Tables       map[string]*TableCount `json:"tables"`
	Completeness []Filled               `json:"completeness"`
	Checks       []Check                `json:"checks"`
	Faults       []Fault                `json:"faults,omitempty"` // the first broken places of text files
	FaultCount   int64                  `json:"fault_count"`
	Remarks      []string               `json:"remarks,omitempty"`
}

// Indicator is one of the four official figures.
type Indicator struct {
	Name     string  `json:"name"` // "completeness", "consistency", "timeliness", "accuracy"
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"` // "%" or "min"
	Limit    float64 `json:"limit"`
	Met      bool    `json:"met"`
	Measured bool    `json:"measured"` // false where the source says nothing about it
}

// TableCount says what became of the rows read for one table. Always
// Read = Loaded + Merged + Void + Refunds + Capped + all of Quarantined. A row
// is read once for each person who claims its alias and, if it is undated, once
// for each year its encounter's key begins in.
type TableCount struct {
	Read        int64            `json:"read"`
	Loaded      int64            `json:"loaded"`
	Merged      int64            `json:"merged,omitempty"`      // person: further rows of a person
	Void        int64            `json:"void,omitempty"`        // marked void by the source
	Refunds     int64            `json:"refunds,omitempty"`     // refunds and what they took back
	Capped      int64            `json:"capped,omitempty"`      // beyond the row cap of their person
	Quarantined map[string]int64 `json:"quarantined,omitempty"` // by reason
	Alone       int64            `json:"alone,omitempty"`       // fee_line, of those loaded and capped: the settlement named is not among those of the line's year
}

func (t *TableCount) aside() int64 {
	n := t.Void + t.Refunds + t.Capped
	for _, q := range t.Quarantined {
		n += q
	}
	return n
}

// QuarantinedTotal is the number of rows put aside, whatever the reason.
func (t *TableCount) QuarantinedTotal() int64 {
	var n int64
	for _, q := range t.Quarantined {
		n += q
	}
	return n
}

// Filled says in how many rows of a table a column is filled.
type Filled struct {
	Table    string `json:"table"`
	Column   string `json:"column"`
	Rows     int64  `json:"rows"`
	Filled   int64  `json:"filled"`
	Required bool   `json:"required"` // counts for the indicator
}

// Check is a consistency rule, how many rows it looked at and in how many it
// held.
type Check struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	Held int64  `json:"held"`
}

// identitySums is gathered bucket by bucket, where it is cheap.
type identitySums struct{ withLines, linesAgree int64 }

// sumLines compares each settlement's total, over its years, with its fee lines.
func (im *importer) sumLines(ctx context.Context) error {
	row := im.conn.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (t.total = f.amount) FROM (SELECT setl_key, sum(total_fen)::BIGINT AS total FROM b_settlement GROUP BY setl_key) t
		JOIN (SELECT setl_key, sum(amt_fen)::BIGINT AS amount FROM b_fee_line WHERE setl_key <> 0 GROUP BY setl_key) f USING (setl_key)`)
	var rows, held int64
	if err := row.Scan(&rows, &held); err != nil {
		return engineError("check", err)
	}
	im.sums.withLines += rows
	im.sums.linesAgree += held
	return nil
}

// mandatory columns count for the completeness indicator, where the table has
// rows and the binding fills the column.
func mandatory() map[string][]string {
	return map[string][]string{
		"person":     {"sex", "birth_ym"},
		"coverage":   {"insutype", "insu_admdvs", "begn"},
		"encounter":  {"med_type", "level", "admdvs", "begn"},
		"settlement": {"insutype", "med_type", "setl_date", "level", "admdvs", "insu_admdvs"},
		"diagnosis":  {"dx_code", "date"},
		"procedure":  {"code", "date"},
		"fee_line":   {"item_code", "date", "chrg_type", "lv"},
	}
}

// checkRule is a consistency rule over one table: the rows it applies to, what
// must hold of them, and the column without which a source cannot be held to it.
type checkRule struct{ name, table, needs, where, holds string }

func checkRules() []checkRule {
	return []checkRule{
		{"total = fund + person + hospital", "settlement", "psn_fen", "true", "total_fen = fund_fen + psn_fen + hosp_fen"},
		{"total = own + over limit + first share + in scope", "settlement", "inscope_fen", "true",
			"total_fen = selfpay_full_fen + overlimit_fen + preself_fen + inscope_fen"},
		{"person = account + cash", "settlement", "cash_fen", "true", "psn_fen = acct_fen + cash_fen"},
		{"funds by kind within fund", "settlement", "pool_fen", "true", "pool_fen + serious_fen + large_fen + aid_fen <= fund_fen"},
		{"settlement names an encounter", "settlement", "total_fen", "true", "mdtrt_key <> 0"},
		{"length of stay = end - begin", "encounter", "los_d", "med_type = '21'", `los_d = "end" - begn`},
		{"inpatient stay has a main diagnosis", "encounter", "main_dx", "med_type = '21'", "main_dx <> '" + Unknown + "'"},
	}
}

// assess computes the report over the finished tables.
func (im *importer) assess(ctx context.Context) (*Quality, error) {
	q := &Quality{Binding: im.o.Binding.Name, Tables: im.tally, Faults: im.faults, FaultCount: im.broken}
	tables := Tables()
	for i, t := range tables {
		im.progressOn("check", t.Name, int64(i), int64(len(tables)))
		if err := im.assessTable(ctx, q, t); err != nil {
			return nil, err
		}
	}
	if im.sums.withLines > 0 {
		q.Checks = append(q.Checks, Check{"total = sum of fee lines", im.sums.withLines, im.sums.linesAgree})
	}
	late, measured, err := im.timeliness(ctx)
	if err != nil {
		return nil, err
	}
	q.indicators(late, measured)
	im.progress("check", int64(len(tables)), int64(len(tables)))
	return q, nil
}

// assessTable counts filled fields and held checks of one table in one scan.
func (im *importer) assessTable(ctx context.Context, q *Quality, t Table) error {
	if im.tally[t.Name].Loaded == 0 {
		return nil
	}
	must := mandatory()[t.Name]
	list := []string{"count(*)"}
	var fields []Filled
	for _, c := range t.Columns {
		is := ""
		switch {
		case c.Type == TypeCode:
			is = ident(c.Name) + " <> '" + Unknown + "'"
		case c.Null, c.Type == TypeDate:
			is = ident(c.Name) + " IS NOT NULL"
		default:
			continue
		}
		list = append(list, "count(*) FILTER ("+is+")")
		fields = append(fields, Filled{Table: t.Name, Column: c.Name, Required: slices.Contains(must, c.Name) && im.fills(t.Name, c.Name)})
	}
	var checks []Check
	for _, r := range checkRules() {
		if r.table == t.Name && im.fills(t.Name, r.needs) {
			list = append(list, "count(*) FILTER ("+r.where+")", "count(*) FILTER (("+r.where+") AND "+r.holds+")")
			checks = append(checks, Check{Name: r.name})
		}
	}
	values, err := im.numbers(ctx, "SELECT "+strings.Join(list, ", ")+" FROM snapshot.main."+ident(t.Name), len(list))
	if err != nil {
		return err
	}
	for i := range fields {
		fields[i].Rows, fields[i].Filled = values[0], values[1+i]
	}
	for i := range checks {
		at := 1 + len(fields) + 2*i
		checks[i].Rows, checks[i].Held = values[at], values[at+1]
		if checks[i].Rows > 0 {
			q.Checks = append(q.Checks, checks[i])
		}
	}
	q.Completeness = append(q.Completeness, fields...)
	return nil
}

// fills reports whether the binding and the source could fill a column at all,
// in this table or from a parent: a source without the field is not at fault.
func (im *importer) fills(table, column string) bool {
	for _, name := range []string{table, "encounter", "settlement", "institution"} {
		for _, e := range im.o.Binding.Tables[name] {
			if v, ok := e.Columns[column]; ok && !im.absent(e.From, v.SQL) {
				return true
			}
		}
	}
	return column == "date" || column == "begn"
}

// absent reports whether an expression is the bare name of a column that the
// source file does not have.
func (im *importer) absent(from, expression string) bool {
	base, _ := im.o.Binding.base(from)
	return slices.Contains(im.lacking, strings.ToLower(base.Name+"."+strings.TrimSpace(expression)))
}

func (im *importer) numbers(ctx context.Context, query string, n int) ([]int64, error) {
	values := make([]int64, n)
	into := make([]any, n)
	for i := range values {
		into[i] = &values[i]
	}
	err := im.conn.QueryRowContext(ctx, query).Scan(into...)
	return values, engineError("check", err)
}

// timeliness is the 95th percentile of the minutes from fact to record.
func (im *importer) timeliness(ctx context.Context) (minutes float64, measured bool, err error) {
	if im.delays == 0 {
		return 0, false, nil
	}
	var seconds float64
	err = im.conn.QueryRowContext(ctx, `SELECT min(s)::DOUBLE FROM (SELECT s, sum(n) OVER (ORDER BY s) AS upto FROM
		(SELECT s, sum(n) AS n FROM qx_delays GROUP BY s)) WHERE upto * 100 >= 95 * (SELECT sum(n) FROM qx_delays)`).Scan(&seconds)
	return seconds / 60, true, engineError("check", err)
}

// wrongValue are the reasons that count against accuracy.
func wrongValue() []string {
	return []string{reasonBadDate, reasonFarDate, reasonBackwards, reasonBeforeBirth, reasonBadMoney, reasonBadNumber}
}

func (q *Quality) indicators(late float64, measured bool) {
	var filled, fields, held, checked, wrong, read int64
	for _, f := range q.Completeness {
		if f.Required {
			filled, fields = filled+f.Filled, fields+f.Rows
		}
	}
	for _, c := range q.Checks {
		held, checked = held+c.Held, checked+c.Rows
	}
	for _, t := range q.Tables {
		read += t.Read
		for _, reason := range wrongValue() {
			wrong += t.Quarantined[reason]
		}
	}
	read += q.FaultCount
	wrong += q.FaultCount
	share := func(part, whole int64) float64 {
		if whole == 0 {
			return 0
		}
		return 100 * float64(part) / float64(whole)
	}
	q.Indicators = []Indicator{
		{"completeness", share(filled, fields), "%", FloorCompleteness, fields > 0 && share(filled, fields) >= FloorCompleteness, fields > 0},
		{"consistency", share(held, checked), "%", FloorConsistency, checked > 0 && share(held, checked) >= FloorConsistency, checked > 0},
		{"timeliness", late, "min", CeilingTimeliness, measured && late <= CeilingTimeliness, measured},
		{"accuracy", share(wrong, read), "%", CeilingAccuracy, read > 0 && share(wrong, read) <= CeilingAccuracy, read > 0},
	}
}

// gatherDelays adds the bucket's delays, by second, to the stage.
func (im *importer) gatherDelays(ctx context.Context) error {
	given := false
	for _, e := range im.o.Binding.Tables["settlement"] {
		given = given || e.Recorded.given() && e.Happened.given()
	}
	if !given {
		return nil
	}
	if im.delays == 0 {
		if _, err := im.exec(ctx, "write", "CREATE TEMP TABLE IF NOT EXISTS qx_delays (s BIGINT, n BIGINT)"); err != nil {
			return err
		}
	}
	n, err := im.exec(ctx, "write", fmt.Sprintf("INSERT INTO qx_delays SELECT %s, count(*) FROM b_settlement WHERE %s >= 0 GROUP BY ALL", colDelay, colDelay))
	im.delays += n
	return err
}
