package dataset

import (
	"context"
	"fmt"
)

// refunds removes refunds from the bucket's settlements, by rule and counted:
//
//  1. rows the source marks as refunded, and the settlement such a row names
//     as taken back;
//  2. pairs of a negative and a positive row that cancel each other: the named
//     original, else the same encounter and amount, matched one to one in the
//     order of date and source row;
//  3. a negative row that is left is put aside as refund_unmatched.
//
// Rows of one person and one calendar year are held against each other and no
// others: a refund of next year must not take a row out of this year's answers,
// which are not charged to next year. So a refund across the year's end leaves
// the bill where it was, and is itself put aside as refund_unmatched (counted as
// a refund where the source marks it), named or not. The keys of settlements
// taken out stay in b_gone with their year, so that their lines of that year go too.
func (im *importer) refunds(ctx context.Context) error {
	table := bucketTable("settlement")
	if _, err := im.exec(ctx, "write", `CREATE TEMP TABLE b_gone (pno UINTEGER, _key VARCHAR, _year INTEGER, refund BOOLEAN)`); err != nil {
		return err
	}
	flagged := `SELECT rowid AS r FROM ` + table + ` WHERE _refund
		UNION SELECT o.rowid FROM ` + table + ` o JOIN ` + table + ` f ON f.pno = o.pno AND f._of = o._key AND year(f.setl_date) = year(o.setl_date) WHERE f._refund`
	if err := im.takeOut(ctx, flagged, tallyRefund); err != nil {
		return err
	}
	negative, err := im.count(ctx, "SELECT count(*) FROM "+table+" WHERE total_fen < 0")
	if err != nil || negative == 0 {
		return err
	}
	named := `WITH x AS (SELECT n.rowid AS a, o.rowid AS b FROM ` + table + ` n JOIN ` + table + ` o
			ON o.pno = n.pno AND o._key = n._of AND o.total_fen = -n.total_fen AND year(o.setl_date) = year(n.setl_date) WHERE n.total_fen < 0)
		SELECT a AS r FROM x UNION SELECT b FROM x`
	if err := im.takeOut(ctx, named, tallyRefund); err != nil {
		return err
	}
	if err := im.takeOut(ctx, cancelling(table, "coalesce(_enc, '')", "total_fen", "setl_date"), tallyRefund); err != nil {
		return err
	}
	return im.takeOut(ctx, "SELECT rowid AS r FROM "+table+" WHERE total_fen < 0", reasonUnmatched)
}

// takeOut removes settlements and remembers them in b_gone.
func (im *importer) takeOut(ctx context.Context, rowids, reason string) error {
	table := bucketTable("settlement")
	_, err := im.exec(ctx, "write", fmt.Sprintf("INSERT INTO b_gone SELECT pno, _key, _year, %t FROM %s WHERE rowid IN (SELECT r FROM (%s))",
		reason == tallyRefund, table, rowids))
	if err != nil {
		return err
	}
	_, err = im.remove(ctx, "settlement", rowids, reason)
	return err
}

// cancelling finds pairs of rows of one person and year and the same value of by
// whose amounts cancel: the n-th negative with the n-th positive of that size.
func cancelling(table, by, amount, date string) string {
	group := "pno, " + by + ", year(" + date + "), abs(" + amount + ")"
	side := func(sign string) string {
		return `(SELECT * FROM (SELECT rowid, ` + group + `, row_number() OVER (PARTITION BY ` + group + ` ORDER BY ` + date + `, _src, _row)
			FROM ` + table + ` WHERE ` + amount + ` ` + sign + ` 0) AS q(r, pno, g, y, size, n))`
	}
	return `WITH x AS (SELECT a.r AS a, b.r AS b FROM ` + side("<") + ` a JOIN ` + side(">") + ` b USING (pno, g, y, size, n))
		SELECT a AS r FROM x UNION ALL SELECT b FROM x`
}

// refundedLines removes fee lines of settlements of their own year that were
// taken out, and lines that cancel each other within a settlement, item and
// year; a negative line that is left is put aside. What became of a settlement
// of another year decides nothing about a line.
func (im *importer) refundedLines(ctx context.Context) error {
	table := bucketTable("fee_line")
	gone := func(refund bool) string {
		return fmt.Sprintf("_alone AND (pno, _setl, year(date)) IN (SELECT (pno, _key, _year) FROM b_gone WHERE refund = %t)", refund)
	}
	for _, out := range []struct{ where, reason string }{
		{"_refund OR " + gone(true), tallyRefund}, {gone(false), reasonUnmatched},
	} {
		if _, err := im.remove(ctx, "fee_line", "SELECT rowid AS r FROM "+table+" WHERE "+out.where, out.reason); err != nil {
			return err
		}
	}
	negative, err := im.count(ctx, "SELECT count(*) FROM "+table+" WHERE amt_fen < 0")
	if err != nil || negative == 0 {
		return err
	}
	pairs := cancelling(table, "setl_key::VARCHAR || ' ' || item_code", "amt_fen", "date")
	if _, err := im.remove(ctx, "fee_line", pairs, tallyRefund); err != nil {
		return err
	}
	_, err = im.remove(ctx, "fee_line", "SELECT rowid AS r FROM "+table+" WHERE amt_fen < 0", reasonUnmatched)
	return err
}
