package enginetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// World is people and their rows by table, as an oracle reads them and
// [Snapshot] writes them.
type World map[string][]Row

// People are the psn_keys of the world.
func (w World) People() []Key {
	var out []Key
	for _, r := range w["person"] {
		out = append(out, keyOf(r))
	}
	return out
}

// Tables lists the world's rows for [Snapshot].
func (w World) Tables() []Table {
	var out []Table
	for name, rows := range w {
		out = append(out, Table{Name: name, Rows: rows})
	}
	return out
}

// Only is the world of these people alone.
func (w World) Only(people ...Key) World {
	out := World{}
	for name, rows := range w {
		for _, r := range rows {
			if slices.Contains(people, keyOf(r)) {
				out[name] = append(out[name], r)
			}
		}
	}
	return out
}

// Random makes n people whose rows lie in 2016, 2017 and 2018, thick around the
// edges of the windows that the contract asks for, with the values that break
// careless engines: NULL, extremes, unknown codes, nobody's births.
func Random(r *rand.Rand, n int) World {
	w := World{}
	for i := range n {
		k := Person(i)
		p := Row{"psn_key": k, "sex": pick(r, "male", "female", "unknown")}
		if r.IntN(8) > 0 {
			p["birth_ym"] = int64(1920+r.IntN(99))*100 + 1 + r.Int64N(12)
		}
		if r.IntN(4) == 0 {
			p["death_ym"] = int64(2016+r.IntN(3))*100 + 1 + r.Int64N(12)
		}
		w["person"] = append(w["person"], p)
		for range r.IntN(4) {
			w["coverage"] = append(w["coverage"], cover(r, k))
		}
		for e := range r.IntN(9) {
			w.visit(r, k, int64(1000*i+e+1))
		}
	}
	return w
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// anyDay is a day of the three years, half of them at the edge of a quarter.
func anyDay(r *rand.Rand) time.Time {
	if r.IntN(2) == 0 {
		return time.Date(2016, time.Month(1+3*r.IntN(12)), r.IntN(2), 0, 0, 0, 0, time.UTC)
	}
	return Day(r.IntN(1096) - 366)
}

func cover(r *rand.Rand, k Key) Row {
	begn := anyDay(r)
	end := begn.AddDate(0, 0, r.IntN(600))
	if r.IntN(3) == 0 {
		end = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	return Row{"psn_key": k, "insutype": pick(r, "employee", "resident", "other", "unknown"), "begn": begn, "end": end}
}

// visit adds an encounter with what hangs on it.
func (w World) visit(r *rand.Rand, k Key, key int64) {
	begn := anyDay(r)
	end := begn.AddDate(0, 0, r.IntN(3)*r.IntN(30))
	extra := rand.New(rand.NewPCG(uint64(key), 1)) // apart, so that further columns change no other draw
	setting := func(more Row) Row {
		more["psn_key"], more["mdtrt_key"] = k, key
		more["level"], more["med_type"] = pick(r, "tertiary", "secondary", "primary", "unknown"), pick(r, "11", "21", "21", "1401", "unknown")
		more["insutype"] = pick(r, "employee", "resident")
		more["insu_admdvs"] = pick(r, "110101", "330106", "unknown")
		return more
	}
	w["encounter"] = append(w["encounter"], setting(Row{
		"begn": begn, "end": end, "los_d": int64(end.Sub(begn) / (24 * time.Hour)),
		"main_dx": pick(r, "E11", "E11.9", "I10", "44054006"), "system": pick(r, "icd10", "snomed"),
	}))
	for range r.IntN(4) {
		w["settlement"] = append(w["settlement"], setting(Row{
			"setl_key": r.Int64(), "setl_date": anyDay(r), "admdvs": pick(extra, "110102", "440301", "unknown"),
			"total_fen": money(r), "fund_fen": money(r), "psn_fen": r.Int64N(1_000_000), "pool_fen": r.Int64N(1000),
		}))
	}
	for range r.IntN(3) {
		w["diagnosis"] = append(w["diagnosis"], setting(Row{
			"date": anyDay(r), "dx_code": pick(r, "E11", "E11.9", "E1", "I10", "44054006"), "system": pick(r, "icd10", "snomed", "omop"),
		}))
	}
	for range r.IntN(4) {
		w["fee_line"] = append(w["fee_line"], setting(Row{
			"date": anyDay(r), "item_code": pick(r, "XA10", "1521369", "E11"), "chrg_type": pick(extra, "01", "09", "14", "99", "unknown"), "list_type": pick(extra, "drug", "material"),
			"atc":        pick(r, "A10BA02", "A10BB01", "C07", "unknown"),
			"ingredient": pick(r, "metformin", "insulin", "二甲双胍", "o'brien\"s", "unknown"),
			"amt_fen":    money(r), "inscope_fen": money(extra), "qty_milli": extra.Int64N(9000), "days_supply": pick(r, 0, 1, 14, 30, 90, 365, int64(math.MaxInt32)),
		}))
	}
	w.operate(extra, w["encounter"][len(w["encounter"])-1])
}

// operate adds operations and a case group to an encounter.
func (w World) operate(r *rand.Rand, encounter Row) {
	setting := func(more Row) Row {
		for _, c := range []string{"psn_key", "mdtrt_key", "level", "med_type", "insutype", "insu_admdvs"} {
			more[c] = encounter[c]
		}
		return more
	}
	for range r.IntN(3) {
		w["procedure"] = append(w["procedure"], setting(Row{
			"date": pick(r, encounter["begn"], any(anyDay(r))), "code": pick(r, "36.06", "81.54", "13.41", "99"), "system": "icd9cm",
		}))
	}
	if r.IntN(3) > 0 {
		w["drg_result"] = append(w["drg_result"], setting(Row{
			"date": encounter["begn"], "scheme": pick(r, "drg", "drg", "dip"), "version": pick(r, "1.1", "unknown"),
			"grp": pick(r, "ES23", "FR23", "unknown", "o'brien\"s"), "weight_milli": r.Int64N(5000), "pay_fen": money(r),
		}))
	}
}

// money is an amount, sometimes an absurd one.
func money(r *rand.Rand) int64 {
	switch r.IntN(20) {
	case 0:
		return math.MaxInt64
	case 1:
		return math.MinInt64 + 1
	case 2:
		return -r.Int64N(100_000)
	}
	return r.Int64N(3_000_000)
}

// in says whether a day lies in a window, both ends in.
func in(r Row, column string, from, to time.Time) bool {
	d := r[column].(time.Time)
	return !d.Before(from) && !d.After(to)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
