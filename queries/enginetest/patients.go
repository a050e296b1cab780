package enginetest

import "math/rand/v2"

// Patients adds n chronic patients, numbered from first, to a world: people of
// 60 to 90 with cover that seldom ends, who are diagnosed, dispensed courses of
// drugs and admitted again and again from 2015 to 2018, so that questions about
// cohorts meet somebody. Some die in those years.
func (w World) Patients(r *rand.Rand, first, n int) {
	for i := range n {
		k := Person(first + i)
		p := Row{"psn_key": k, "sex": pick(r, "male", "female"), "birth_ym": int64(1928+r.IntN(30))*100 + 1 + r.Int64N(12)}
		last := 1200
		if r.IntN(4) == 0 {
			last = 200 + r.IntN(500)
			p["death_ym"] = int64(Day(last).Year())*100 + int64(Day(last).Month())
		}
		w["person"] = append(w["person"], p)
		change := r.IntN(600)
		w["coverage"] = append(w["coverage"],
			Row{"psn_key": k, "insutype": "resident", "insu_admdvs": "330106", "begn": Day(-900), "end": Day(change)},
			Row{"psn_key": k, "insutype": "employee", "insu_admdvs": "330106", "begn": Day(change + 1 + r.IntN(2)), "end": Day(last)})
		w.course(r, k, -200+r.IntN(300), last, "metformin", "A10BA02")
		w.course(r, k, -100+r.IntN(500), last, "insulin glargine", "A10AE04")
		w.course(r, k, -300+r.IntN(300), last, "amlodipine", "C08CA01")
		w.stays(r, k, int64(1_000_000+1000*i), last)
	}
}

// course is refills of one drug from one day on, with gaps and early refills.
func (w World) course(r *rand.Rand, k Key, day, last int, ingredient, atc string) {
	for range r.IntN(14) {
		if day > last {
			return
		}
		w["fee_line"] = append(w["fee_line"], Row{
			"psn_key": k, "date": Day(day), "ingredient": ingredient, "atc": atc, "item_code": "XA1", "list_type": "drug",
			"med_type": "1401", "insutype": "resident", "insu_admdvs": "330106", "level": "primary",
			"amt_fen": 1000 + r.Int64N(50_000), "days_supply": pick(r, int64(0), 14, 30, 30, 60),
		})
		day += pick(r, 20, 30, 31, 45, 120)
	}
}

// stays are admissions with their diagnoses and bills, some soon after another,
// and visits between them.
func (w World) stays(r *rand.Rand, k Key, key int64, last int) {
	day := -600 + r.IntN(200)
	for range 12 {
		key++
		day += pick(r, 5, 20, 31, 90, 200)
		los := r.IntN(15)
		if day+los > last {
			return
		}
		code, kind := pick(r, "I10", "E11.9", "E11.2", "I50.9", "J44.9", "I63.9", "C34.9"), pick(r, "21", "21", "11")
		if kind == "11" {
			los = 0
		}
		setting := func(more Row) Row {
			more["psn_key"], more["mdtrt_key"], more["med_type"], more["level"] = k, key, kind, pick(r, "tertiary", "primary")
			more["insutype"], more["insu_admdvs"] = "resident", "330106"
			return more
		}
		w["encounter"] = append(w["encounter"], setting(Row{
			"begn": Day(day), "end": Day(day + los), "los_d": int64(los), "main_dx": code, "system": "icd10", "kind": "hospital",
		}))
		for _, c := range []string{code, "I10", pick(r, "E11.9", "N18.9", "J45.0")} {
			w["diagnosis"] = append(w["diagnosis"], setting(Row{"date": Day(day), "dx_code": c, "system": "icd10"}))
		}
		total := 10_000 + r.Int64N(3_000_000)
		w["settlement"] = append(w["settlement"], setting(Row{
			"setl_key": key, "setl_date": Day(day + los), "total_fen": total, "fund_fen": total / 2, "psn_fen": total - total/2, "pool_fen": total / 2,
		}))
		day += los
	}
}
