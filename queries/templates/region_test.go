//go:build duckdb_arrow

package templates_test

import (
	"maps"
	"slices"
	"testing"
)

// placed are the questions that narrow what they read to provinces and schemes:
// which tables by both, which by province alone.
var placed = []struct {
	id     string
	both   []string
	region []string
}{
	{id: "I2", both: []string{"coverage", "encounter"}},
	{id: "I3", both: []string{"settlement"}},
	{id: "I4", region: []string{"coverage"}},
	{id: "I8", both: []string{"encounter"}},
	{id: "P1", both: []string{"coverage"}},
	{id: "P5", both: []string{"coverage"}},
	{id: "P8", both: []string{"fee_line"}},
	{id: "R2", region: []string{"settlement"}},
}

// The answer for some provinces and schemes is that over the rows of these alone.
func TestRegionAndSchemeOracles(t *testing.T) {
	const place, scheme = "left(insu_admdvs, 2) IN ('32', '37', '44', '51')", "insutype IN ('resident', 'other')"
	all := slices.Concat(insurerOracles(), fundOracles(), outcomeOracles)
	for _, p := range placed {
		i := slices.IndexFunc(all, func(o oracle) bool { return o.id == p.id })
		o := all[i]
		o.given, o.narrow = maps.Clone(o.given), map[string]string{}
		o.given["region"] = "37,32,44,51"
		for _, table := range p.both {
			o.given["insutype"], o.narrow[table] = "other,resident", place+" AND "+scheme
		}
		for _, table := range p.region {
			o.narrow[table] = place
		}
		t.Run(p.id, func(t *testing.T) { checkOracle(t, o) })
	}
}
