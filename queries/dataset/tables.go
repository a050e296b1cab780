package dataset

import (
	"context"
)

// settingFrom fills the setting columns: a row's own values first, then those
// of the aliases given (institution, settlement, encounter), in order.
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
	joinEncounter   = "LEFT JOIN b_encounter e ON e.pno = s.pno AND e._key = s._enc AND e._first "
	joinSettlement  = "LEFT JOIN b_settlement t ON t.pno = s.pno AND t._key = s._setl AND t._first "
)

// encounterKey is a row's mdtrt_key: the encounter's if it was loaded, else
// made from the source key, else 0.
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
	if err := im.collect(ctx, "encounter", b, special, joinInstitution, "s._key", "true AS _first"); err != nil {
		return err
	}
	if err := im.duplicates(ctx, "encounter", "mdtrt_key"); err != nil {
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
	err := im.collect(ctx, "settlement", b, special, joinInstitution+joinEncounter, "s._key", "true AS _first", "s._enc", "s._refund", "s._of", "s._delay")
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

// byEncounter writes a table whose rows hang on an encounter: the date is the
// row's own or the encounter's first day, and a row with neither is put aside.
func (im *importer) byEncounter(ctx context.Context, table string, b int64, special map[string]string) error {
	special["mdtrt_key"] = encounterKey()
	special["date"] = "coalesce(s.date, e.begn)"
	if err := im.collect(ctx, table, b, settingFrom(special, false, "e"), joinEncounter); err != nil {
		return err
	}
	if _, err := im.remove(ctx, table, "SELECT rowid AS r FROM "+bucketTable(table)+" WHERE date IS NULL", reasonNoEncounter); err != nil {
		return err
	}
	return im.settle(ctx, table, true)
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

func (im *importer) writeFeeLines(ctx context.Context, b int64) error {
	special := map[string]string{
		"setl_key":  "coalesce(t.setl_key, 0)::UBIGINT",
		"mdtrt_key": "coalesce(t.mdtrt_key, 0)::UBIGINT",
	}
	joins, parents := joinSettlement, []string{"t"}
	if im.looseLines() {
		special["mdtrt_key"] = "coalesce(t.mdtrt_key, " + encounterKey() + ")"
		joins, parents = joins+joinEncounter, append(parents, "e")
	}
	err := im.collect(ctx, "fee_line", b, settingFrom(special, false, parents...), joins, "s._setl", "s._refund")
	if err != nil {
		return err
	}
	if err := im.refundedLines(ctx); err != nil {
		return err
	}
	if err := im.sumLines(ctx); err != nil {
		return err
	}
	return im.settle(ctx, "fee_line", true)
}

// looseLines reports whether fee lines without a settlement may occur, so that
// they must look for their encounter themselves.
func (im *importer) looseLines() bool {
	for _, e := range im.o.Binding.Tables["fee_line"] {
		if !e.Settlement.given() {
			return true
		}
	}
	return false
}

func (im *importer) writeObservations(ctx context.Context, b int64) error {
	if err := im.collect(ctx, "observation", b, nil, ""); err != nil {
		return err
	}
	return im.settle(ctx, "observation", true)
}
