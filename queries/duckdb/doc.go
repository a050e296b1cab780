// Package duckdb runs approved questions, and the imports that feed them, on
// DuckDB and Arrow: it is the only importer of both.
//
// Every database opened here is locked down before it is handed out: no
// extension is loaded or fetched, no file outside the named ones is in reach,
// memory and threads are bounded, and no setting can be changed any more. A
// snapshot is attached read-only under a catalog that is not searched, so that
// a table that a template did not declare has no name.
//
// An [Engine] takes people in ranges of dense person numbers. One statement per
// range has the declared views in front (columns, window, codes, opt-outs and
// the range itself are cut there), the template's SQL in the middle, and
// outside it what makes keys and measure columns safe to read; its rows stream
// through Arrow into [dp.Totals], which bounds each person. Integers, dates and
// codes that the engine writes are typed literals; what a client gave is bound.
//
// # For authors of templates
//
// [Lint] refuses what it does not know (see [locality]). Beyond its rules:
//
//   - Views: a person has age, in whole years at the month of the window's first
//     day, NULL if the birth is unknown, 0 if it is later; death_ym is NULL outside
//     the window. Coverage is cut to the window; encounters lie wholly inside it.
//   - Keys: a row whose key is NULL or none of the public values is dropped, and so
//     is a row whose psn_key is NULL, as outer joins make them.
//   - Measure columns are cast with TRY_CAST to BIGINT: what does not fit is NULL
//     and does not count.
//   - An integer parameter is an INTEGER where it fits, so that it can be added to
//     a date; a window w gives $w_from and $w_to as DATE; a list is a VARCHAR[] or a BIGINT[],
//     for unnest($list), list_contains($list, x), len($list) and $list[i].
//   - A text or list of a person's rows in order: string_agg(x, '>' ORDER BY date, x),
//     with the value itself among the columns of its ORDER BY.
//   - psn_key IN (SELECT psn_key FROM ...) may stand alone in WHERE, or beside an AND.
//     There is no NOT IN: write x <> 'a', NOT list_contains($list, x) or an ANTI JOIN.
//   - DuckDB adds casts where types differ, and one from a text to a number or a date
//     fails on some value: compare like with like.
//
// # Totality
//
// No value can make a run fail: where a statement fails on some row, the engine
// halves its range until the person is alone, who then contributes nothing. That
// drops all rows of the person, and takes time, so let no value get that far.
// What throws in the SQL that the linter lets through, and what to write:
//
//   - +, - and * of INTEGER, BIGINT or HUGEINT, unary - and abs, beyond their type;
//     // and % of the least integer by -1: TRY(a * b), or TRY_CAST to a wider type first.
//     Amounts and days of a snapshot are bounded at import, so that a sum or
//     difference of a few of them cannot throw.
//   - sum of HUGEINT, which is what sum of BIGINT gives: sum(TRY_CAST(x AS BIGINT)).
//     sum of BIGINT itself is exact and cannot throw.
//   - DATE plus or minus days or an interval, date_trunc and last_day, beyond the
//     year 5,000,000; make_date of no day: TRY(d + n), TRY(make_date(y, m, d)).
//   - TRY takes no aggregate inside, and none beside it: put it in a SELECT of
//     its own.
//
// These do not throw: division by zero (NULL), DATE - DATE, date_diff, year,
// month and quarter, comparisons, greatest and least (which ignore NULL), CASE,
// coalesce, TRY_CAST, text functions on any length, list_contains, windows.
package duckdb
