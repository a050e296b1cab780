package dataset

import (
	"context"
	"fmt"
	"strings"
)

// writeBuckets turns the staged rows into the final tables, one range of
// people after the other: everything that looks at several rows (duplicates,
// refunds, parents, the row cap) looks at one person's rows only.
func (im *importer) writeBuckets(ctx context.Context) error {
	for b := range im.buckets {
		im.progress("write", b, im.buckets)
		if err := im.writeBucket(ctx, b); err != nil {
			return err
		}
	}
	im.progress("write", im.buckets, im.buckets)
	return nil
}

func (im *importer) writeBucket(ctx context.Context, b int64) error {
	_, err := im.exec(ctx, "write", fmt.Sprintf(`CREATE TEMP TABLE b_people AS
		SELECT pno, hex, psn_key FROM qx_people WHERE pno BETWEEN %d AND %d`, b*im.size, (b+1)*im.size-1))
	if err != nil {
		return err
	}
	if err := im.stager.bucket(ctx, im, b); err != nil {
		return err
	}
	steps := map[string]func(context.Context, int64) error{
		"coverage": im.writeCoverage, "encounter": im.writeEncounters, "settlement": im.writeSettlements,
		"diagnosis": im.writeDiagnoses, "procedure": im.writeProcedures, "fee_line": im.writeFeeLines,
		"drg_result": im.writeGroups, "observation": im.writeObservations,
	}
	for _, table := range personTables() {
		parent := table == "encounter" || table == "settlement" // others join these, empty or not
		if !parent && !im.stager.has(im, table, b) {
			continue
		}
		if err := steps[table](ctx, b); err != nil {
			return err
		}
	}
	for _, t := range []string{"b_people", "b_encounter", "b_settlement", "b_gone"} {
		if _, err := im.exec(ctx, "write", "DROP TABLE IF EXISTS temp."+t); err != nil {
			return err
		}
	}
	return nil
}

// bucketTable names the temporary table of a canonical table's bucket.
func bucketTable(table string) string { return "b_" + table }

// collect creates the bucket's temporary table of a canonical table: special
// gives the expressions of columns that are not simply the staged ones, joins
// what follows "FROM staged s LEFT JOIN b_people p". Codes that are missing become
// Unknown, sums that are missing 0. The extra columns stay behind at the end.
func (im *importer) collect(ctx context.Context, table string, bucket int64, special map[string]string, joins string, extra ...string) error {
	staged, err := im.stager.rows(ctx, im, table, bucket)
	if err != nil {
		return err
	}
	t, _ := Lookup(table)
	list := []string{"s._src", "s._row"}
	for _, c := range t.Columns {
		x, ok := special[c.Name]
		if !ok {
			x = "s." + ident(c.Name)
		}
		switch {
		case c.Type == TypePersonKey:
			x = "p.psn_key"
		case c.Type == TypeCode:
			x = "coalesce(" + x + ", '" + Unknown + "')"
		case c.Type == TypeBig, c.Type == TypeInteger && !c.Null:
			x = "coalesce(" + x + ", 0)"
		}
		list = append(list, x+" AS "+ident(c.Name))
	}
	list = append(append(list, extra...), "s.reason")
	_, err = im.exec(ctx, "write "+table, "CREATE TEMP TABLE "+bucketTable(table)+" AS SELECT "+
		strings.Join(list, ",\n  ")+"\nFROM "+staged+" s LEFT JOIN b_people p ON p.pno = s.pno "+joins)
	if err != nil {
		return err
	}
	return im.refuse(ctx, table)
}

// refuse takes out the rows that came with a reason against them; a stager that
// maps bucket by bucket leaves them in, and leaves the counting to this.
func (im *importer) refuse(ctx context.Context, table string) error {
	if !im.stager.lazy() {
		return nil
	}
	name := bucketTable(table)
	n, err := im.count(ctx, "SELECT count(*) FROM "+name)
	if err != nil {
		return err
	}
	im.tally[table].Read += n
	refused := name + " WHERE reason IS NOT NULL"
	if err := im.setAside(ctx, table, "SELECT _src AS src, _row AS line, reason FROM "+refused); err != nil {
		return err
	}
	_, err = im.exec(ctx, "write "+table, "DELETE FROM "+refused)
	return err
}

// settle gives a table its final rows: the row cap, then the insert in order.
func (im *importer) settle(ctx context.Context, table string, drop bool) error {
	t, _ := Lookup(table)
	name := bucketTable(table)
	keep := ""
	partition, limit := im.capSQL(t)
	over, err := im.count(ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT pno FROM %s GROUP BY pno, %s HAVING count(*) > any_value(%s))", name, partition, limit))
	if err != nil {
		return err
	}
	if over > 0 {
		if err := im.cap(ctx, t); err != nil {
			return err
		}
		keep = " WHERE rowid NOT IN (SELECT r FROM b_capped)"
	}
	cols := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = ident(c.Name)
	}
	order := make([]string, len(t.Order))
	for i, c := range t.Order {
		order[i] = ident(c)
	}
	n, err := im.exec(ctx, "write "+table, fmt.Sprintf("INSERT INTO snapshot.main.%s SELECT %s FROM %s%s ORDER BY %s",
		ident(table), strings.Join(cols, ", "), name, keep, strings.Join(order, ", ")))
	if err != nil {
		return err
	}
	im.tally[table].Loaded += n
	if over > 0 {
		if _, err := im.exec(ctx, "write", "DROP TABLE temp.b_capped"); err != nil {
			return err
		}
	}
	if drop {
		_, err = im.exec(ctx, "write", "DROP TABLE temp."+name)
	}
	return err
}

// yearsSQL lists the first and last calendar year a row touches, or its one year.
func (t Table) yearsSQL() string {
	if t.Time.Interval() {
		return "year(" + ident(t.Time.Begin) + "), year(" + ident(t.Time.End) + ")"
	}
	return "year(" + ident(t.Time.Date) + ")"
}

// spanShare is the share of MaxRows that rows over several years have, for each
// pair of first and last year: there are many such pairs, and all of them
// together must stay within what the overflow proof allows for.
const spanShare = 100

// capSQL says among which rows the cap counts, and how many of them pass: rows
// that touch the very same years, so that no row's fate is decided by one that
// is not of all its years. Years after the import's are one.
func (im *importer) capSQL(t Table) (partition, limit string) {
	if !t.Time.Interval() {
		return t.yearsSQL(), fmt.Sprint(im.o.MaxRows)
	}
	first := "year(" + ident(t.Time.Begin) + ")"
	last := fmt.Sprintf("least(year(%s), %d)", ident(t.Time.End), im.day.Year()+1)
	return first + ", " + last, fmt.Sprintf("(CASE WHEN %s >= %s THEN %d ELSE %d END)", first, last, im.o.MaxRows, max(1, im.o.MaxRows/spanShare))
}

// cap chooses the rows beyond MaxRows of one person and span of years: those
// whose row key has the largest hash. The choice depends on that person's rows of
// those years alone, so that another year's rows never decide which ones an
// answer for this year sees.
func (im *importer) cap(ctx context.Context, t Table) error {
	name := bucketTable(t.Name)
	partition, limit := im.capSQL(t)
	var parts []string
	for _, c := range t.Columns {
		if c.Type != TypePersonNo { // dense numbers shift when someone leaves
			parts = append(parts, ident(c.Name))
		}
	}
	_, err := im.exec(ctx, "write "+t.Name, fmt.Sprintf(`CREATE TEMP TABLE b_capped AS SELECT r, _src, _row FROM (
		SELECT rowid AS r, _src, _row, %[1]s AS most, row_number() OVER (PARTITION BY pno, %[2]s ORDER BY hash(%[3]s), _src, _row) AS n FROM %[4]s
		WHERE pno IN (SELECT pno FROM %[4]s GROUP BY pno, %[2]s HAVING count(*) > any_value(%[1]s))) WHERE n > most`,
		limit, partition, strings.Join(parts, ", "), name))
	if err != nil {
		return err
	}
	return im.setAside(ctx, t.Name, "SELECT _src AS src, _row AS line, '"+tallyCap+"' AS reason FROM b_capped")
}

// remove takes rows out of a bucket's table: those of a query of rowids named
// r. They are put aside, or counted as removed, under the reason.
func (im *importer) remove(ctx context.Context, table, rowids, reason string) (int64, error) {
	name := bucketTable(table)
	if _, err := im.exec(ctx, "write "+table, "CREATE TEMP TABLE b_out AS "+rowids); err != nil {
		return 0, err
	}
	n, err := im.count(ctx, "SELECT count(*) FROM b_out")
	if err != nil {
		return 0, err
	}
	if n > 0 {
		err = im.setAside(ctx, table, "SELECT _src AS src, _row AS line, '"+reason+"' AS reason FROM "+name+
			" WHERE rowid IN (SELECT r FROM b_out)")
		if err != nil {
			return n, err
		}
		if _, err := im.exec(ctx, "write "+table, "DELETE FROM "+name+" WHERE rowid IN (SELECT r FROM b_out)"); err != nil {
			return n, err
		}
	}
	_, err = im.exec(ctx, "write", "DROP TABLE temp.b_out")
	return n, err
}

// duplicates puts aside all but the first row of every key and span of years.
// The key includes the person, so the rule looks at one person's rows of the very
// same years.
func (im *importer) duplicates(ctx context.Context, table, key string) error {
	t, _ := Lookup(table)
	name := bucketTable(table)
	_, err := im.remove(ctx, table, fmt.Sprintf(`SELECT r FROM (SELECT rowid AS r, row_number() OVER (PARTITION BY %[1]s, %[2]s ORDER BY _src, _row) AS n FROM %[3]s
		WHERE %[1]s IN (SELECT %[1]s FROM %[3]s GROUP BY %[1]s HAVING count(*) > 1)) WHERE n > 1`, key, t.yearsSQL(), name), reasonDuplicate)
	return err
}
