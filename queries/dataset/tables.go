package dataset

import (
	"context"
)

// settingFrom fills the setting columns: a row's own values first, then those
// of the institution and of the parents given (settlement, encounter), in order.
// The joins see to it that a parent is of the row's own calendar year.
func settingFrom(special map[string]string, institution bool, parents ...string) map[string]string {
	columns := []string{"insutype", "med_type", "level", "insu_admdvs"}
	if institution {
		columns = append(columns, "kind", "admdvs")
	}
	for _, c := range columns {
		x := "s." + c
		if institution && (c == "kind" || c == "level" || c == "admdvs") {
			x += ", nullif(i." + c + ", '" + Unknown + "')"
		}
		for _, p := range parents {
			x += ", nullif(" + p + "." + c + ", '" + Unknown + "')"
		}
		special[c] = "coalesce(" + x + ")"
	}
	return special
}

const (
	joinInstitution = "LEFT JOIN qx_inst i ON i.code = s._inst "
	// A line takes nothing from a settlement of another calendar year.
	joinSettlement = "LEFT JOIN b_settlement t ON t.pno = s.pno AND t._key = s._setl AND t._year = year(s.date) "
)

// joinEncounter finds a row's encounter e: one that touches the calendar year
// of the row's date, so that no column holds a fact of a year the row does not
// belong to. A row without a date belongs to its encounter's first year; if the
// key stands in several years, it has a copy in each, so that none of them
// depends on another. See [importer.spans] for the columns used.
func joinEncounter(date string) string {
	return "LEFT JOIN b_encounter e ON e.pno = s.pno AND e._key = s._enc AND coalesce(year(" + date + "), 0) <= e._to AND coalesce(year(" +
		date + "), 9999) >= e._from AND (" + date + " IS NULL)::INTEGER <= e._own "
}

// encounterKey is a row's mdtrt_key: the same digest whether or not an encounter
// was found, for it is made from the row's own person and source key; 0 without one.
func encounterKey() string {
	return "CASE WHEN s._enc IS NULL THEN 0::UBIGINT WHEN e.mdtrt_key IS NOT NULL THEN e.mdtrt_key ELSE " +
		personalKeySQL("p.hex", "encounter", "s._enc") + " END"
}

func (im *importer) writeCoverage(ctx context.Context, b int64) error {
	special := map[string]string{"end": `coalesce(s."end", DATE '` + OpenEnd + `')`}
	if err := im.collect(ctx, "coverage", b, special, ""); err != nil {
		return err
	}
	return im.settle(ctx, "coverage", true)
}

func (im *importer) writeEncounters(ctx context.Context, b int64) error {
	end := `coalesce(s."end", s.begn)`
	special := settingFrom(map[string]string{
		"mdtrt_key": "coalesce(" + personalKeySQL("p.hex", "encounter", "s._key") + ", 0)::UBIGINT",
		"inst_key":  "coalesce(i.inst_key, 0)::UBIGINT",
		"end":       end,
		"los_d":     "coalesce(s.los_d, " + end + " - s.begn)::INTEGER",
	}, true)
	if err := im.collect(ctx, "encounter", b, special, joinInstitution, "s._key",
		"year(s.begn)::INTEGER AS _from", "year("+end+")::INTEGER AS _to", "1 AS _own"); err != nil {
		return err
	}
	if err := im.duplicates(ctx, "encounter", "mdtrt_key"); err != nil {
		return err
	}
	if err := im.spans(ctx); err != nil {
		return err
	}
	return im.settle(ctx, "encounter", false)
}

func (im *importer) writeSettlements(ctx context.Context, b int64) error {
	special := settingFrom(map[string]string{
		"setl_key":  "coalesce(" + personalKeySQL("p.hex", "settlement", "s._key") + ", 0)::UBIGINT",
		"mdtrt_key": encounterKey(),
		"inst_key":  "coalesce(i.inst_key, e.inst_key, 0)::UBIGINT",
	}, true, "e")
	err := im.collect(ctx, "settlement", b, special, joinInstitution+joinEncounter("s.setl_date"), "s._key", "year(s.setl_date)::INTEGER AS _year", "s._enc", "s._refund", "s._of", "s._delay")
	if err != nil {
		return err
	}
	if err := im.refunds(ctx); err != nil {
		return err
	}
	if err := im.duplicates(ctx, "settlement", "setl_key"); err != nil {
		return err
	}
	if err := im.gatherDelays(ctx); err != nil {
		return err
	}
	return im.settle(ctx, "settlement", false)
}

// spans prepares encounters to be joined by year: _from to _to are the years for
// which a row is the one its key leads to. A key that stands in one row leads to
// it in all years the row touches; of several rows the one that begins first,
// among those that touch the year, so that rows of other years decide nothing.
// _own says that a row is the one of its key in the year it begins.
func (im *importer) spans(ctx context.Context) error {
	n, err := im.exec(ctx, "write encounter", `UPDATE b_encounter SET _from = x.f, _own = (x.f <= year(begn))::INTEGER FROM (
		SELECT rowid AS r, greatest(year(begn), 1 + max(year("end")) OVER (PARTITION BY mdtrt_key ORDER BY begn, "end", _src, _row
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))::INTEGER AS f
		FROM b_encounter WHERE mdtrt_key IN (SELECT mdtrt_key FROM b_encounter GROUP BY mdtrt_key HAVING count(*) > 1)) x
		WHERE b_encounter.rowid = x.r`)
	im.repeated = n > 0
	return err
}

// byEncounter writes a table whose rows hang on an encounter: the date is the
// row's own or the encounter's first day, and a row with neither is put aside.
func (im *importer) byEncounter(ctx context.Context, table string, b int64, special map[string]string) error {
	special["mdtrt_key"] = encounterKey()
	special["date"] = "coalesce(s.date, e.begn)"
	if err := im.collect(ctx, table, b, settingFrom(special, false, "e"), joinEncounter("s.date")); err != nil {
		return err
	}
	if im.repeated && !im.stager.lazy() {
		if err := im.countCopies(ctx, table, b); err != nil {
			return err
		}
	}
	if _, err := im.remove(ctx, table, "SELECT rowid AS r FROM "+bucketTable(table)+" WHERE date IS NULL", reasonNoEncounter); err != nil {
		return err
	}
	return im.settle(ctx, table, true)
}

// countCopies counts as read the copies of undated rows whose encounter's key
// stands in several years.
func (im *importer) countCopies(ctx context.Context, table string, b int64) error {
	staged, err := im.stager.rows(ctx, im, table, b)
	if err != nil {
		return err
	}
	n, err := im.count(ctx, "SELECT (SELECT count(*) FROM "+bucketTable(table)+") - (SELECT count(*) FROM "+staged+")")
	im.tally[table].Read += n
	return err
}

func (im *importer) writeDiagnoses(ctx context.Context, b int64) error {
	return im.byEncounter(ctx, "diagnosis", b, map[string]string{})
}

func (im *importer) writeProcedures(ctx context.Context, b int64) error {
	return im.byEncounter(ctx, "procedure", b, map[string]string{})
}

func (im *importer) writeGroups(ctx context.Context, b int64) error {
	return im.byEncounter(ctx, "drg_result", b, map[string]string{})
}

// writeFeeLines writes the lines of bills. A line stands by itself: it belongs to
// its own day, and is there whatever became of a settlement of another year. It
// takes its setting from the settlement of its year, else from an encounter that
// touches its year, else it is unknown.
func (im *importer) writeFeeLines(ctx context.Context, b int64) error {
	special := map[string]string{
		"setl_key": "CASE WHEN s._setl IS NULL THEN 0::UBIGINT WHEN t.setl_key IS NOT NULL THEN t.setl_key ELSE " +
			personalKeySQL("p.hex", "settlement", "s._setl") + " END",
		"mdtrt_key": "coalesce(nullif(t.mdtrt_key, 0), " + encounterKey() + ")",
	}
	err := im.collect(ctx, "fee_line", b, settingFrom(special, false, "t", "e"), joinSettlement+joinEncounter("s.date"),
		"s._setl", "s._refund", "s._setl IS NOT NULL AND t.setl_key IS NULL AS _alone")
	if err != nil {
		return err
	}
	if err := im.refundedLines(ctx); err != nil {
		return err
	}
	alone, err := im.count(ctx, "SELECT count(*) FROM b_fee_line WHERE _alone")
	if err != nil {
		return err
	}
	im.tally["fee_line"].Alone += alone
	if err := im.sumLines(ctx); err != nil {
		return err
	}
	return im.settle(ctx, "fee_line", true)
}

func (im *importer) writeObservations(ctx context.Context, b int64) error {
	if err := im.collect(ctx, "observation", b, nil, ""); err != nil {
		return err
	}
	return im.settle(ctx, "observation", true)
}
