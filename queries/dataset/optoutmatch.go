package dataset

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// An opt-out is registered under the key of the identifier given, whichever of a
// person's identifiers it is: control.alias of a snapshot leads from the keys of
// the aliases to the psn_keys. Whoever claims the alias is left out.

// batch is how many keys one look-up names.
const batch = 1000

// psnKeyOf reads a HUGEINT as text.
func psnKeyOf(text string) (PsnKey, error) {
	var p PsnKey
	var n big.Int
	if _, ok := n.SetString(text, 10); !ok || n.Sign() < 0 || n.BitLen() > 120 {
		return p, fmt.Errorf("%w: a key of the snapshot is damaged", ErrOptOut)
	}
	n.FillBytes(p[:])
	return p, nil
}

// lookUp runs a query of two columns, a key asked for and the psn_key it leads
// to, with %s in place of the keys; db has a snapshot attached as "snapshot".
func lookUp(ctx context.Context, db *sql.DB, query string, keys []PsnKey) (map[PsnKey][]PsnKey, error) {
	found := map[PsnKey][]PsnKey{}
	for part := range slices.Chunk(keys, batch) {
		list := make([]string, len(part))
		for i, k := range part {
			list[i] = k.Big().String()
		}
		rows, err := db.QueryContext(ctx, fmt.Sprintf(query, strings.Join(list, ", ")))
		if err != nil {
			return nil, engineError("opt-out", err)
		}
		for rows.Next() {
			var from, to string
			if err := rows.Scan(&from, &to); err != nil {
				return nil, errors.Join(engineError("opt-out", err), rows.Close())
			}
			a, err := psnKeyOf(from)
			b, err2 := psnKeyOf(to)
			if err := errors.Join(err, err2); err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			found[a] = append(found[a], b)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, engineError("opt-out", err)
		}
	}
	return found, nil
}

const (
	peopleQuery  = "SELECT psn_key::VARCHAR, psn_key::VARCHAR FROM snapshot.main.person WHERE psn_key IN (%s)"
	aliasesQuery = "SELECT handle::VARCHAR, psn_key::VARCHAR FROM snapshot.control.alias WHERE handle IN (%s) ORDER BY ALL"
)

// MatchOptOuts counts the identifiers that lead to somebody in the snapshot that
// db has attached: as the source's identifier or as an alias. The number is a
// fact about the data, for the steward inside the domain.
func MatchOptOuts(ctx context.Context, db *sql.DB, key Key, ids []string) (int, error) {
	keys := make([]PsnKey, len(ids))
	for i, id := range ids {
		keys[i] = key.PersonKey(id)
	}
	found, err := lookUp(ctx, db, peopleQuery, keys)
	if err != nil {
		return 0, err
	}
	aliases, err := lookUp(ctx, db, aliasesQuery, keys)
	if err != nil {
		return 0, err
	}
	maps.Copy(found, aliases)
	n := 0
	for _, k := range keys {
		if len(found[k]) > 0 {
			n++
		}
	}
	return n, nil
}

// ResolveOptOuts adds to the register the people to whom registered aliases lead
// in the snapshot that db has attached, as of the epoch of the registration. It
// must run before a snapshot is first asked, and after each registration; what
// is there already is not added again.
func ResolveOptOuts(ctx context.Context, domain string, db *sql.DB) error {
	all, err := readOptOuts(domain)
	if err != nil || len(all) == 0 {
		return err
	}
	epochs, keys := map[PsnKey]int64{}, make([]PsnKey, len(all))
	for i, o := range all {
		epochs[o.key], keys[i] = o.epoch, o.key
	}
	found, err := lookUp(ctx, db, aliasesQuery, keys)
	if err != nil {
		return err
	}
	var lines bytes.Buffer
	for _, k := range keys {
		for _, p := range found[k] {
			if epoch, in := epochs[p]; !in || epochs[k] < epoch {
				lines.WriteString(optOutLine(epochs[k], p, implied))
				epochs[p] = epochs[k]
			}
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	if err := appendOptOut(OptOutPath(domain), lines.Bytes()); err != nil {
		return fmt.Errorf("%w: it cannot be written", ErrOptOut)
	}
	return nil
}
