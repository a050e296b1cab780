package dataset

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// bucketRows is about how many rows of the longest table one bucket of people
// holds: it bounds the memory of everything after the mapping.
const bucketRows = 2_000_000

// asideBucket is the bucket of rows that have a reason against them.
const asideBucket = -1

// buckets, in the order in which they are filled: parents before children.
func personTables() []string {
	return []string{"coverage", "encounter", "settlement", "diagnosis", "procedure", "fee_line", "drg_result", "observation"}
}

// stagedColumns are the columns of a table's staged rows: person, place in the
// source, helpers, and every column a binding can fill (NULL where it does not).
func stagedColumns(t Table) []column {
	cols := []column{{"pno", "UINTEGER"}, {"_src", "SMALLINT"}, {"_row", "BIGINT"}}
	switch t.Name {
	case "encounter":
		cols = append(cols, column{colKey, "VARCHAR"}, column{colInst, "VARCHAR"})
	case "settlement":
		cols = append(cols, column{colKey, "VARCHAR"}, column{colInst, "VARCHAR"}, column{colEnc, "VARCHAR"},
			column{colRefund, "BOOLEAN"}, column{colOf, "VARCHAR"}, column{colDelay, "BIGINT"})
	case "fee_line":
		cols = append(cols, column{colSetl, "VARCHAR"}, column{colEnc, "VARCHAR"}, column{colRefund, "BOOLEAN"})
	case "diagnosis", "procedure", "drg_result":
		cols = append(cols, column{colEnc, "VARCHAR"})
	}
	for _, c := range t.Columns {
		if bindable(c) {
			cols = append(cols, column{c.Name, string(c.Type)})
		}
	}
	return cols
}

// stager brings the rows of the person tables, mapped and freed of what is
// refused, bucket by bucket.
type stager interface {
	// begin maps what can be mapped at once and settles the number of buckets.
	begin(ctx context.Context, im *importer) error
	// bucket makes a bucket ready; b_people is there already.
	bucket(ctx context.Context, im *importer, bucket int64) error
	// has says whether a table can have rows in a bucket at all.
	has(im *importer, table string, bucket int64) bool
	// rows is a table expression with the columns of stagedColumns and reason.
	rows(ctx context.Context, im *importer, table string, bucket int64) (string, error)
	// lazy says that rows still holds refused rows, which nobody has counted.
	lazy() bool
}

// mapTables lets the stager begin.
func (im *importer) mapTables(ctx context.Context) error { return im.stager.begin(ctx, im) }

// split settles the number of buckets for so many rows of the longest table.
func (im *importer) split(longest int64) {
	rows := im.o.bucketRows
	if rows == 0 {
		rows = bucketRows
	}
	im.buckets = min(1+longest/rows, im.people)
	im.size = (im.people + im.buckets - 1) / im.buckets
	im.buckets = (im.people + im.size - 1) / im.size
}

// stagedSQL maps an entry and looks up its people in the table aliases: the
// columns of stagedColumns, and reason where a row is refused.
func (im *importer) stagedSQL(ctx context.Context, e Entry, aliases string) (string, error) {
	m, err := im.mapEntry(ctx, e)
	if err != nil {
		return "", err
	}
	t, _ := Lookup(e.table)
	list := make([]string, 0, 32)
	for _, c := range stagedColumns(t)[3:] {
		list = append(list, fmt.Sprintf("%s::%s AS %s", m.or(c.name, "NULL"), c.sqlType, ident(c.name)))
	}
	reason := "CASE WHEN m.reason IS NOT NULL THEN m.reason WHEN a.alias IS NULL THEN '" + reasonUnknown + "'"
	if first := m.firstDate(t); first != "" {
		reason += " WHEN m." + first + " < a.born THEN '" + reasonBeforeBirth + "'"
	}
	return fmt.Sprintf("SELECT a.pno, %d::SMALLINT AS _src, m._row, %s, %s END AS reason FROM (%s) m LEFT JOIN %s a ON a.alias = m.%s",
		m.src, strings.Join(list, ", "), reason, m.sql, aliases, colPerson), nil
}

// firstDate is the entry's column to hold against the date of birth.
func (m *mapped) firstDate(t Table) string {
	for _, c := range []string{t.Time.Date, t.Time.Begin} {
		if c != "" && m.or(c, "") != "" {
			return ident(c)
		}
	}
	return ""
}

// shuffler is the stager of source files: it maps every row once and shuffles
// the rows into buckets of people, as Parquet files in the scratch directory.
type shuffler struct{}

func (shuffler) begin(ctx context.Context, im *importer) error {
	var longest int64
	for _, in := range im.inputs {
		longest = max(longest, in.rows)
	}
	im.split(longest)
	total := 0
	for _, name := range personTables() {
		total += len(im.o.Binding.Tables[name])
	}
	done := 0
	for _, name := range personTables() {
		for _, e := range im.o.Binding.Tables[name] {
			im.progressOn("map", name, int64(done), int64(total))
			if err := im.shuffle(ctx, e); err != nil {
				return err
			}
			done++
		}
	}
	im.progress("map", int64(done), int64(total))
	return nil
}

func (im *importer) shuffle(ctx context.Context, e Entry) error {
	query, err := im.stagedSQL(ctx, e, "qx_alias")
	if err != nil {
		return err
	}
	dir := filepath.Join(im.work, "staged", fmt.Sprintf("%s-%d", e.table, e.index))
	sql := fmt.Sprintf(`COPY (SELECT CASE WHEN reason IS NULL THEN (pno // %d)::SMALLINT ELSE %d::SMALLINT END AS b, * FROM (%s))
		TO %s (FORMAT parquet, PARTITION_BY (b), COMPRESSION lz4_raw, ROW_GROUP_SIZE 61440, DICTIONARY_SIZE_LIMIT 4096)`,
		im.size, asideBucket, query, quote(dir))
	n, err := im.exec(ctx, "map "+e.table, sql)
	if err != nil {
		return err
	}
	im.tally[e.table].Read += n
	aside, err := filepath.Glob(filepath.Join(dir, fmt.Sprintf("b=%d", asideBucket), "*.parquet"))
	if err != nil || len(aside) == 0 {
		return err
	}
	return im.setAside(ctx, e.table, "SELECT _src AS src, _row AS line, reason FROM "+parquetFiles(aside))
}

func (shuffler) lazy() bool { return false }

func (shuffler) bucket(context.Context, *importer, int64) error { return nil }

func (shuffler) files(im *importer, table string, bucket int64) ([]string, error) {
	return filepath.Glob(filepath.Join(im.work, "staged", table+"-*", fmt.Sprintf("b=%d", bucket), "*.parquet"))
}

func (s shuffler) has(im *importer, table string, bucket int64) bool {
	files, err := s.files(im, table, bucket)
	return err != nil || len(files) > 0
}

func (s shuffler) rows(_ context.Context, im *importer, table string, bucket int64) (string, error) {
	files, err := s.files(im, table, bucket)
	if err != nil || len(files) == 0 {
		return noRows(table), err
	}
	return "(SELECT " + stagedList(table) + " FROM " + parquetFiles(files) + ")", nil
}

func stagedList(table string) string {
	t, _ := Lookup(table)
	var list []string
	for _, c := range stagedColumns(t) {
		list = append(list, ident(c.name))
	}
	return strings.Join(append(list, "reason"), ", ")
}

// noRows is an empty table expression with the columns of stagedColumns.
func noRows(table string) string {
	t, _ := Lookup(table)
	var list []string
	for _, c := range stagedColumns(t) {
		list = append(list, "NULL::"+c.sqlType+" AS "+ident(c.name))
	}
	return "(SELECT " + strings.Join(list, ", ") + ", NULL::VARCHAR AS reason WHERE false)"
}

func parquetFiles(files []string) string {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = quote(f)
	}
	return "read_parquet([" + strings.Join(quoted, ", ") + "], hive_partitioning = false)"
}
