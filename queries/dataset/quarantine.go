package dataset

import (
	"context"
	"fmt"
)

// writeQuarantine writes control.quarantine of the snapshot: source file, line
// (text files: counting the header and the broken lines; others: row from 1),
// table and reason. The rows' text is nowhere kept.
func (im *importer) writeQuarantine(ctx context.Context) error {
	steps := []string{
		"CREATE TEMP TABLE q_files (src SMALLINT, part BIGINT, name VARCHAR, header BIGINT)",
		"CREATE TEMP TABLE q_rejects (src SMALLINT, line BIGINT, reason VARCHAR)",
	}
	for _, in := range im.inputs {
		for part, f := range in.parts {
			steps = append(steps, fmt.Sprintf("INSERT INTO q_files VALUES (%d, %d, %s, %d)", in.index, part, quote(f.Name), in.header))
		}
	}
	const batch = 500
	for i := 0; i < len(im.rejected); i += batch {
		sql := "INSERT INTO q_rejects VALUES "
		for j, r := range im.rejected[i:min(i+batch, len(im.rejected))] {
			if j > 0 {
				sql += ", "
			}
			sql += fmt.Sprintf("(%d, %d, '%s')", r.src, r.line, r.reason)
		}
		steps = append(steps, sql)
	}
	// A row that was accepted as the a-th is the (a + k)-th of its file, where k
	// broken ones came before it: the i-th broken record r is before it if
	// r - (i - 1) <= a.
	steps = append(steps, fmt.Sprintf(`INSERT INTO snapshot.control.quarantine
		SELECT f.name, q.line + f.header + coalesce(b.k, 0), q.tbl, q.reason
		FROM (SELECT src, tbl, reason, line >> %[1]d AS part, line & ((1::BIGINT << %[1]d) - 1) AS line FROM qx_quarantine) q
		JOIN q_files f USING (src, part)
		ASOF LEFT JOIN (
			SELECT src, first_row, max(k) AS k FROM (
				SELECT src, line - header - row_number() OVER w + 1 AS first_row, row_number() OVER w AS k
				FROM q_rejects JOIN q_files USING (src) WINDOW w AS (PARTITION BY src ORDER BY line))
			GROUP BY src, first_row) b ON b.src = q.src AND q.line >= b.first_row
		UNION ALL
		SELECT f.name, r.line, '', r.reason FROM q_rejects r JOIN q_files f USING (src)
		ORDER BY ALL`, partShift))
	for _, s := range steps {
		if _, err := im.exec(ctx, "quarantine", s); err != nil {
			return err
		}
	}
	return nil
}
