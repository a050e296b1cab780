package dataset

import (
	"context"
)

// refunds removes refunds from the bucket's settlements, by rule and counted:
//
//  1. rows the source marks as refunded, and the settlement such a row names
//     as taken back;
//  2. pairs of a negative and a positive row of one person that cancel each
//     other: the named original, else the same encounter and amount, matched
//     one to one in the order of date and source row;
//  3. a negative row that is left is put aside as refund_unmatched.
//
// The keys of removed settlements stay in b_gone, so that their fee lines go too.
func (im *importer) refunds(ctx context.Context) error {
	table := bucketTable("settlement")
	if _, err := im.exec(ctx, "write", `CREATE TEMP TABLE b_gone (pno UINTEGER, _key VARCHAR)`); err != nil {
		return err
	}
	flagged := `SELECT rowid AS r FROM ` + table + ` WHERE _refund
		UNION SELECT o.rowid FROM ` + table + ` o JOIN ` + table + ` f ON f.pno = o.pno AND f._of = o._key WHERE f._refund`
	if err := im.removeRefunds(ctx, flagged); err != nil {
		return err
	}
	negative, err := im.count(ctx, "SELECT count(*) FROM "+table+" WHERE total_fen < 0")
	if err != nil || negative == 0 {
		return err
	}
	named := `WITH x AS (SELECT n.rowid AS a, o.rowid AS b FROM ` + table + ` n JOIN ` + table + ` o
			ON o.pno = n.pno AND o._key = n._of AND o.total_fen = -n.total_fen WHERE n.total_fen < 0)
		SELECT a AS r FROM x UNION SELECT b FROM x`
	if err := im.removeRefunds(ctx, named); err != nil {
		return err
	}
	if err := im.removeRefunds(ctx, cancelling(table, "pno, coalesce(_enc, '')", "total_fen", "setl_date")); err != nil {
		return err
	}
	_, err = im.remove(ctx, "settlement", "SELECT rowid AS r FROM "+table+" WHERE total_fen < 0", reasonUnmatched)
	return err
}

func (im *importer) removeRefunds(ctx context.Context, rowids string) error {
	table := bucketTable("settlement")
	_, err := im.exec(ctx, "write", "INSERT INTO b_gone SELECT pno, _key FROM "+table+" WHERE rowid IN (SELECT r FROM ("+rowids+"))")
	if err != nil {
		return err
	}
	_, err = im.remove(ctx, "settlement", rowids, tallyRefund)
	return err
}

// cancelling finds pairs of rows within the same values of by whose amounts
// cancel: the n-th negative with the n-th positive of the same size.
func cancelling(table, by, amount, date string) string {
	side := func(sign string) string {
		return `(SELECT rowid AS r, ` + by + `, abs(` + amount + `) AS size,
			row_number() OVER (PARTITION BY ` + by + `, abs(` + amount + `) ORDER BY ` + date + `, _src, _row) AS n
			FROM ` + table + ` WHERE ` + amount + ` ` + sign + ` 0)`
	}
	cols := "n, size, pno, g"
	name := func(q string) string { return "(SELECT r, " + cols + " FROM " + q + " AS q(r, pno, g, size, n))" }
	return `WITH x AS (SELECT a.r AS a, b.r AS b FROM ` + name(side("<")) + ` a JOIN ` + name(side(">")) + ` b USING (` + cols + `))
		SELECT a AS r FROM x UNION ALL SELECT b FROM x`
}

// refundedLines removes fee lines of removed settlements and lines that cancel
// each other within a settlement and item, and puts aside lines whose
// settlement was not loaded or that are negative and unmatched.
func (im *importer) refundedLines(ctx context.Context) error {
	table := bucketTable("fee_line")
	orphan, err := im.count(ctx, "SELECT count(*) FROM "+table+" WHERE _refund OR setl_key = 0 AND _setl IS NOT NULL")
	if err != nil {
		return err
	}
	if orphan > 0 {
		gone := "SELECT rowid AS r FROM " + table + ` WHERE _refund OR setl_key = 0 AND (pno, _setl) IN (SELECT (pno, _key) FROM b_gone)`
		if _, err := im.remove(ctx, "fee_line", gone, tallyRefund); err != nil {
			return err
		}
		lost := "SELECT rowid AS r FROM " + table + " WHERE setl_key = 0 AND _setl IS NOT NULL"
		if _, err := im.remove(ctx, "fee_line", lost, reasonNoParent); err != nil {
			return err
		}
	}
	negative, err := im.count(ctx, "SELECT count(*) FROM "+table+" WHERE amt_fen < 0")
	if err != nil || negative == 0 {
		return err
	}
	pairs := cancelling(table, "pno, setl_key::VARCHAR || ' ' || item_code", "amt_fen", "date")
	if _, err := im.remove(ctx, "fee_line", pairs, tallyRefund); err != nil {
		return err
	}
	_, err = im.remove(ctx, "fee_line", "SELECT rowid AS r FROM "+table+" WHERE amt_fen < 0", reasonUnmatched)
	return err
}
