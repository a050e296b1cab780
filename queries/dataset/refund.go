package dataset

import (
	"context"
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
// which are not charged to next year. The keys of removed settlements stay in b_gone, so that their fee lines go too.
func (im *importer) refunds(ctx context.Context) error {
	table := bucketTable("settlement")
	if _, err := im.exec(ctx, "write", `CREATE TEMP TABLE b_gone (pno UINTEGER, _key VARCHAR)`); err != nil {
		return err
	}
	flagged := `SELECT rowid AS r FROM ` + table + ` WHERE _refund
		UNION SELECT o.rowid FROM ` + table + ` o JOIN ` + table + ` f ON f.pno = o.pno AND f._of = o._key AND year(f.setl_date) = year(o.setl_date) WHERE f._refund`
	if err := im.removeRefunds(ctx, flagged); err != nil {
		return err
	}
	negative, err := im.count(ctx, "SELECT count(*) FROM "+table+" WHERE total_fen < 0")
	if err != nil || negative == 0 {
		return err
	}
	named := `WITH x AS (SELECT n.rowid AS a, o.rowid AS b FROM ` + table + ` n JOIN ` + table + ` o
			ON o.pno = n.pno AND o._key = n._of AND o.total_fen = -n.total_fen AND year(o.setl_date) = year(n.setl_date) WHERE n.total_fen < 0)
		SELECT a AS r FROM x UNION SELECT b FROM x`
	if err := im.removeRefunds(ctx, named); err != nil {
		return err
	}
	if err := im.removeRefunds(ctx, cancelling(table, "coalesce(_enc, '')", "total_fen", "setl_date")); err != nil {
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
	pairs := cancelling(table, "setl_key::VARCHAR || ' ' || item_code", "amt_fen", "date")
	if _, err := im.remove(ctx, "fee_line", pairs, tallyRefund); err != nil {
		return err
	}
	_, err = im.remove(ctx, "fee_line", "SELECT rowid AS r FROM "+table+" WHERE amt_fen < 0", reasonUnmatched)
	return err
}
