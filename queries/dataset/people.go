package dataset

import (
	"context"
	"fmt"
	"strings"
)

// mapPeople decides who the people are: psn_key from the source identifier,
// dense numbers in the order of psn_key, and one value per attribute.
//
// Several rows of one person are one person. Where they differ, the value most
// of the rows give counts, the smallest of them if there is a tie; each person
// is decided alone.
//
// An alias (psn_no) may be claimed by several people. Rows under it say nothing
// of whose they are, so each claimant has them as rows of their own: what a
// person has follows from that person's claims alone, and a claimant who joins or
// leaves changes no row of the others. So that one such row cannot be under any
// number of people, an alias leads to maxClaimants of them at most, those with
// the smallest keyed digest of person and alias; only beyond that number can a
// further claimant take the place of one other.
func (im *importer) mapPeople(ctx context.Context) error {
	im.progress("people", 0, 1)
	if _, err := im.exec(ctx, "people", `CREATE TEMP TABLE qx_person_rows
		(src SMALLINT, line BIGINT, id VARCHAR, alias VARCHAR, sex VARCHAR, birth_ym INTEGER, death_ym INTEGER, reason VARCHAR)`); err != nil {
		return err
	}
	for _, e := range im.o.Binding.Tables["person"] {
		m, err := im.mapEntry(ctx, e)
		if err != nil {
			return err
		}
		sql := fmt.Sprintf(`INSERT INTO qx_person_rows SELECT %d, _row, %s, %s, %s, %s, %s, reason FROM (%s)`,
			m.src, colID, m.or(colAlias, colID), m.or("sex", "NULL"), m.or("birth_ym", "NULL"), m.or("death_ym", "NULL"), m.sql)
		n, err := im.exec(ctx, "people", sql)
		if err != nil {
			return err
		}
		im.tally["person"].Read += n
	}
	if err := im.setAside(ctx, "person", "SELECT src, line, reason FROM qx_person_rows WHERE reason IS NOT NULL"); err != nil {
		return err
	}
	return im.numberPeople(ctx)
}

// or gives the column's name if the entry yields it, else another expression.
func (m *mapped) or(name, otherwise string) string {
	for _, c := range m.columns {
		if c.name == name {
			return ident(name)
		}
	}
	return otherwise
}

// maxClaimants is the most people an alias leads to, and so the most people one
// row of a source can be under.
const maxClaimants = 4

func (im *importer) numberPeople(ctx context.Context) error {
	attribute := func(name string) string {
		return fmt.Sprintf(`(SELECT id, first(v ORDER BY n DESC, v) AS %[1]s FROM
			(SELECT id, %[1]s AS v, count(*) AS n FROM qx_person_rows WHERE reason IS NULL AND %[1]s IS NOT NULL GROUP BY ALL)
			GROUP BY id)`, name)
	}
	steps := []string{
		`CREATE TEMP TABLE qx_ids AS SELECT id, ` + personHexSQL("id") + ` AS hex
		 FROM (SELECT DISTINCT id FROM qx_person_rows WHERE reason IS NULL)`,
		`CREATE TEMP TABLE qx_people AS
		 SELECT (row_number() OVER (ORDER BY hex) - 1)::UINTEGER AS pno, hex, ` + hex120SQL("hex") + ` AS psn_key, i.id,
		   coalesce(s.sex, '` + Unknown + `') AS sex, b.birth_ym, CASE WHEN d.death_ym >= b.birth_ym OR b.birth_ym IS NULL THEN d.death_ym END AS death_ym
		 FROM qx_ids i LEFT JOIN ` + attribute("sex") + ` s USING (id)
		   LEFT JOIN ` + attribute("birth_ym") + ` b USING (id) LEFT JOIN ` + attribute("death_ym") + ` d USING (id)
		 ORDER BY pno`,
		`CREATE TEMP TABLE qx_alias AS
		 SELECT DISTINCT r.alias, p.pno, make_date(p.birth_ym // 100, p.birth_ym % 100, 1) AS born
		 FROM qx_person_rows r JOIN qx_people p USING (id) WHERE r.reason IS NULL AND r.alias IS NOT NULL`,
		fmt.Sprintf(`DELETE FROM qx_alias WHERE (alias, pno) IN (SELECT (alias, pno) FROM (
		   SELECT a.alias, a.pno, row_number() OVER (PARTITION BY a.alias ORDER BY sha256(p.hex || a.alias)) AS n
		   FROM qx_alias a JOIN qx_people p USING (pno)
		   WHERE a.alias IN (SELECT alias FROM qx_alias GROUP BY alias HAVING count(*) > %[1]d)) WHERE n > %[1]d)`, maxClaimants),
		// Opt-outs may name an alias: see [ResolveOptOuts]. All claims count here.
		`INSERT INTO snapshot.control.alias SELECT ` + hex120SQL("hex") + ` AS handle, psn_key FROM (
		   SELECT DISTINCT ` + personHexSQL("r.alias") + ` AS hex, p.psn_key FROM qx_person_rows r JOIN qx_people p USING (id)
		   WHERE r.reason IS NULL AND r.alias <> r.id) ORDER BY ALL`,
		`INSERT INTO snapshot.main.person SELECT pno, psn_key, sex, birth_ym, death_ym FROM qx_people ORDER BY pno`,
	}
	for _, s := range steps {
		if _, err := im.exec(ctx, "people", s); err != nil {
			return err
		}
	}
	var err error
	if im.people, err = im.count(ctx, "SELECT count(*) FROM qx_people"); err != nil {
		return err
	}
	if im.people == 0 {
		return fmt.Errorf("%w: no row of a person could be read", ErrSource)
	}
	t := im.tally["person"]
	t.Loaded = im.people
	t.Merged = t.Read - t.aside() - t.Loaded
	im.progress("people", 1, 1)
	return nil
}

// mapInstitutions fills the institution table; of rows with the same key the
// first counts.
func (im *importer) mapInstitutions(ctx context.Context) error {
	if _, err := im.exec(ctx, "institutions", `CREATE TEMP TABLE qx_inst_rows
		(src SMALLINT, line BIGINT, code VARCHAR, kind VARCHAR, level VARCHAR, admdvs VARCHAR, reason VARCHAR)`); err != nil {
		return err
	}
	t := im.tally["institution"]
	for _, e := range im.o.Binding.Tables["institution"] {
		m, err := im.mapEntry(ctx, e)
		if err != nil {
			return err
		}
		n, err := im.exec(ctx, "institutions", fmt.Sprintf(
			"INSERT INTO qx_inst_rows SELECT %d, _row, %s, %s, %s, %s, reason FROM (%s)",
			m.src, colKey, m.or("kind", "NULL"), m.or("level", "NULL"), m.or("admdvs", "NULL"), m.sql))
		if err != nil {
			return err
		}
		t.Read += n
	}
	first := "row_number() OVER (PARTITION BY code ORDER BY src, line)"
	steps := []string{
		`UPDATE qx_inst_rows SET reason = '` + reasonDuplicate + `' WHERE rowid IN
			(SELECT rowid FROM (SELECT rowid, ` + first + ` AS n FROM qx_inst_rows WHERE reason IS NULL) WHERE n > 1)`,
		`CREATE TEMP TABLE qx_inst AS SELECT code, ` + institutionKeySQL("code") + ` AS inst_key,
			coalesce(kind, '` + Unknown + `') AS kind, coalesce(level, '` + Unknown + `') AS level, coalesce(admdvs, '` + Unknown + `') AS admdvs
		 FROM qx_inst_rows WHERE reason IS NULL`,
		"INSERT INTO snapshot.main.institution SELECT inst_key, kind, level, admdvs FROM qx_inst ORDER BY inst_key",
	}
	for _, s := range steps {
		if _, err := im.exec(ctx, "institutions", s); err != nil {
			return err
		}
	}
	if err := im.setAside(ctx, "institution", "SELECT src, line, reason FROM qx_inst_rows WHERE reason IS NOT NULL"); err != nil {
		return err
	}
	var err error
	t.Loaded, err = im.count(ctx, "SELECT count(*) FROM snapshot.main.institution")
	return err
}

// setAside puts the rows of a query (src, line, reason) into quarantine, or
// drops them if they are void, and counts both.
func (im *importer) setAside(ctx context.Context, table, query string) error {
	t := im.tally[table]
	rows, err := im.conn.QueryContext(ctx, "SELECT reason, count(*) FROM ("+query+") GROUP BY reason ORDER BY reason")
	if err != nil {
		return engineError("quarantine", err)
	}
	defer rows.Close()
	var quarantined int64
	for rows.Next() {
		var reason string
		var n int64
		if err := rows.Scan(&reason, &n); err != nil {
			return engineError("quarantine", err)
		}
		switch reason {
		case reasonVoid:
			t.Void += n
		case tallyRefund:
			t.Refunds += n
		case tallyCap:
			t.Capped += n
		default:
			t.Quarantined[reason] += n
			quarantined += n
		}
	}
	if err := rows.Err(); err != nil {
		return engineError("quarantine", err)
	}
	if quarantined == 0 {
		return nil
	}
	kept := strings.Join([]string{quote(reasonVoid), quote(tallyRefund), quote(tallyCap)}, ", ")
	_, err = im.exec(ctx, "quarantine", "INSERT INTO qx_quarantine SELECT src, line, '"+table+"', reason FROM ("+
		query+") WHERE reason NOT IN ("+kept+")")
	return err
}

// Reasons that are counted as removed by rule, not put aside.
const (
	tallyRefund = "_refund"
	tallyCap    = "_cap"
)
