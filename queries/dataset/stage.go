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

// mapTables maps every source row of the person tables and shuffles the rows
// into buckets of people: Parquet files in the scratch directory.
func (im *importer) mapTables(ctx context.Context) error {
	var longest int64
	for _, in := range im.inputs {
		longest = max(longest, in.rows)
	}
	im.buckets = min(1+longest/bucketRows, im.people)
	im.size = (im.people + im.buckets - 1) / im.buckets
	total := 0
	for _, name := range personTables() {
		total += len(im.o.Binding.Tables[name])
	}
	done := 0
	for _, name := range personTables() {
		for _, e := range im.o.Binding.Tables[name] {
			im.progress("map", int64(done), int64(total))
			if err := im.stageEntry(ctx, e); err != nil {
				return err
			}
			done++
		}
	}
	im.progress("map", int64(done), int64(total))
	return nil
}

func (im *importer) stageEntry(ctx context.Context, e Entry) error {
	m, err := im.mapEntry(ctx, e)
	if err != nil {
		return err
	}
	t, _ := Lookup(e.table)
	list := make([]string, 0, 32)
	for _, c := range stagedColumns(t)[3:] {
		list = append(list, fmt.Sprintf("%s::%s AS %s", m.or(c.name, "NULL"), c.sqlType, ident(c.name)))
	}
	reason := "CASE WHEN m.reason IS NOT NULL THEN m.reason WHEN a.alias IS NULL THEN '" + reasonUnknown +
		"' WHEN a.pno IS NULL THEN '" + reasonAmbiguous + "'"
	if first := m.firstDate(t); first != "" {
		reason += " WHEN m." + first + " < a.born THEN '" + reasonBeforeBirth + "'"
	}
	dir := filepath.Join(im.work, "staged", fmt.Sprintf("%s-%d", e.table, e.index))
	sql := fmt.Sprintf(`COPY (
  SELECT CASE WHEN reason IS NULL THEN (pno // %d)::SMALLINT ELSE %d::SMALLINT END AS b, * FROM (
    SELECT a.pno, %d::SMALLINT AS _src, m._row, %s, %s END AS reason
    FROM (%s) m LEFT JOIN stage.main.alias a ON a.alias = m.%s))
TO %s (FORMAT parquet, PARTITION_BY (b), COMPRESSION lz4_raw, ROW_GROUP_SIZE 61440)`,
		im.size, asideBucket, m.src, strings.Join(list, ", "), reason, m.sql, colPerson, quote(dir))
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

// firstDate is the entry's column to hold against the date of birth.
func (m *mapped) firstDate(t Table) string {
	for _, c := range []string{t.Time.Date, t.Time.Begin} {
		if c != "" && m.or(c, "") != "" {
			return ident(c)
		}
	}
	return ""
}

// staged is a table expression of the rows of one table in one bucket, all
// entries together, with the columns of stagedColumns.
func (im *importer) staged(table string, bucket int64) (string, error) {
	files, err := filepath.Glob(filepath.Join(im.work, "staged", table+"-*", fmt.Sprintf("b=%d", bucket), "*.parquet"))
	if err != nil {
		return "", err
	}
	t, _ := Lookup(table)
	list := make([]string, 0, 32)
	if len(files) == 0 {
		for _, c := range stagedColumns(t) {
			list = append(list, "NULL::"+c.sqlType+" AS "+ident(c.name))
		}
		return "(SELECT " + strings.Join(list, ", ") + " WHERE false)", nil
	}
	for _, c := range stagedColumns(t) {
		list = append(list, ident(c.name))
	}
	return "(SELECT " + strings.Join(list, ", ") + " FROM " + parquetFiles(files) + ")", nil
}

func parquetFiles(files []string) string {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = quote(f)
	}
	return "read_parquet([" + strings.Join(quoted, ", ") + "], hive_partitioning = false)"
}
