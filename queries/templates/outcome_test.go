//go:build duckdb_arrow

package templates_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

// counts are the columns count(*) FILTER (WHERE ...), one for each condition.
func counts(conditions ...string) string {
	out := make([]string, len(conditions))
	for i, c := range conditions {
		out[i] = "count(*) FILTER (WHERE " + c + ")"
	}
	return strings.Join(out, ", ")
}

// fates are the conditions of a survival measure's cells: position b, then event e.
func fates(positions, events int) (out []string) {
	for b := range positions {
		for e := range events {
			out = append(out, fmt.Sprintf("b = %d AND e = %d", b, e))
		}
	}
	return out
}

// quarterly are the two series of P10 by number of quarter q.
func quarterly(n int) string {
	var users, spending []string
	for q := range n {
		users = append(users, fmt.Sprintf("count(*) FILTER (WHERE q = %d)", q))
		spending = append(spending, fmt.Sprintf("coalesce(sum(least(1000000, amt)) FILTER (WHERE q = %d), 0)::BIGINT", q))
	}
	return strings.Join(append(users, spending...), ", ")
}

var outcomeOracles = []oracle{{
	id: "P6", coarse: true, cells: []string{"event_free"},
	given: map[string]string{"window": "2017..2018", "codes": "hypertension", "outcome": "heart-failure,stroke", "washout": "100"},
	exact: `WITH i AS (SELECT psn_key, min(date) AS s FROM diagnosis WHERE dx_code = 'I10' AND date BETWEEN DATE '2016-09-23' AND DATE '2018-12-31' GROUP BY 1),
		o AS (SELECT psn_key, min(date) AS o FROM diagnosis WHERE (dx_code LIKE 'I50%' OR regexp_matches(dx_code, '^I6[0134]')) AND date BETWEEN DATE '2016-09-23' AND DATE '2018-12-31' GROUP BY 1),
		-- the first day after the index date without cover, and every day before it with cover
		c AS (SELECT i.psn_key, i.s, (SELECT min(d) FROM (SELECT i.s + unnest(range(0, 731))::INTEGER AS d) WHERE d > DATE '2018-12-31'
		    OR NOT EXISTS (SELECT 1 FROM coverage v WHERE v.psn_key = i.psn_key AND d BETWEEN v.begn AND v."end")) - 1 AS last FROM i WHERE year(s) >= 2017
		  AND NOT EXISTS (SELECT 1 FROM (SELECT i.s - unnest(range(1, 101))::INTEGER AS d) WHERE NOT EXISTS (SELECT 1 FROM coverage v WHERE v.psn_key = i.psn_key AND d BETWEEN v.begn AND v."end"))),
		t AS (SELECT c.psn_key, s, o, CASE WHEN death_ym <= year(last) * 100 + month(last) THEN 2 ELSE 0 END AS fate,
		    CASE WHEN death_ym < year(last) * 100 + month(last) THEN greatest(s, make_date(death_ym // 100, death_ym % 100, 1) + INTERVAL 1 MONTH - INTERVAL 1 DAY)::DATE ELSE last END AS until
		  FROM c JOIN person USING (psn_key) LEFT JOIN o USING (psn_key) WHERE last >= s AND (o IS NULL OR o > s)),
		x AS (SELECT CASE WHEN o <= until THEN 1 ELSE fate END AS e, least(o, until) - s AS n FROM t)
		SELECT count(*), ` + counts(fates(13, 3)...) + ` FROM (SELECT e, n // 90 AS b FROM x)`,
}, {
	id: "P5", coarse: true, cells: []string{"persistence"},
	given: map[string]string{"window": "2017..2018", "codes": "metformin", "washout": "100", "gap": "30"},
	// Treatment stops at the first day after which nothing is in hand or filled for more than 30 days.
	exact: `WITH f AS (SELECT psn_key, date AS d, date + CASE WHEN days_supply BETWEEN 1 AND 366 THEN days_supply ELSE 30 END AS u FROM fee_line
		  WHERE atc = 'A10BA02' AND date BETWEEN DATE '2016-09-23' AND DATE '2018-12-31'),
		s AS (SELECT psn_key, min(d) AS s FROM f GROUP BY 1),
		stop AS (SELECT psn_key, min(u) AS stop FROM f WHERE NOT EXISTS (SELECT 1 FROM f g WHERE g.psn_key = f.psn_key AND g.d <= f.u + 30 AND g.u > f.u) GROUP BY 1),
		c AS (SELECT s.psn_key, s.s, (SELECT min(d) FROM (SELECT s.s + unnest(range(0, 731))::INTEGER AS d) WHERE d > DATE '2018-12-31'
		    OR NOT EXISTS (SELECT 1 FROM coverage v WHERE v.psn_key = s.psn_key AND d BETWEEN v.begn AND v."end")) - 1 AS last FROM s WHERE year(s) >= 2017
		  AND NOT EXISTS (SELECT 1 FROM (SELECT s.s - unnest(range(1, 101))::INTEGER AS d) WHERE NOT EXISTS (SELECT 1 FROM coverage v WHERE v.psn_key = s.psn_key AND d BETWEEN v.begn AND v."end"))),
		k AS (SELECT psn_key, s, stop, least(last, coalesce(CASE WHEN death_ym <= 201812 THEN make_date(death_ym // 100, death_ym % 100, 1) END, last)) - 30 AS known
		  FROM c JOIN stop USING (psn_key) JOIN person USING (psn_key) WHERE last >= s)
		SELECT count(*), ` + counts(fates(13, 2)...) + ` FROM (SELECT CASE WHEN stop <= known AND stop - s < 1080 THEN 1 ELSE 0 END AS e, (least(stop, known) - s) // 90 AS b FROM k WHERE known >= s)`,
}, {
	id: "P1", cells: []string{"new_cases", "cases", "days_at_risk"},
	given: map[string]string{"window": "2017..2018", "codes": "hypertension,stroke", "washout": "200"},
	exact: `WITH c AS (SELECT psn_key, date FROM diagnosis WHERE (dx_code = 'I10' OR regexp_matches(dx_code, '^I6[0134]')) AND date BETWEEN DATE '2016-06-15' AND DATE '2018-12-31'),
		d AS (SELECT DISTINCT v.psn_key, t.d FROM (SELECT DATE '2017-01-01' + unnest(range(0, 730))::INTEGER AS d) t JOIN coverage v ON t.d BETWEEN v.begn AND v."end"),
		r AS (SELECT d.psn_key, year(d) AS y, count(*) FILTER (WHERE f IS NULL OR d <= f) AS days, any_value(f) AS f FROM d LEFT JOIN (SELECT psn_key, min(date) AS f FROM c GROUP BY 1) USING (psn_key) GROUP BY 1, 2)
		SELECT CASE WHEN age >= 85 THEN '85+' ELSE (age // 5 * 5) || '-' || (age // 5 * 5 + 4) END, sex, y::VARCHAR, count(*), count(*) FILTER (WHERE year(f) = y AND y >= 2017),
		  count(*) FILTER (WHERE EXISTS (SELECT 1 FROM c WHERE c.psn_key = q.psn_key AND year(c.date) = y)), sum(days)::BIGINT
		FROM (SELECT r.*, sex, ` + ageOf + ` AS age FROM r JOIN person USING (psn_key)) q WHERE age >= 0 AND sex <> 'unknown' GROUP BY 1, 2, 3`,
}, {
	id: "P8", cells: []string{"spending"},
	given: map[string]string{"window": "2017-01-01..2017-06-30", "codes": "oral-antidiabetics"},
	exact: `SELECT ingredient, '2017-Q' || q, place, count(*), sum(amt)::BIGINT FROM (
		  SELECT psn_key, ingredient, CASE WHEN month(date) < 4 THEN 1 ELSE 2 END AS q, substring(insu_admdvs, 1, 2) AS place, least(sum(amt_fen), 5000000) AS amt
		  FROM fee_line WHERE atc LIKE 'A10B%' AND date BETWEEN DATE '2017-01-01' AND DATE '2017-06-30' GROUP BY 1, 2, 3, 4) GROUP BY 1, 2, 3`,
	unbound: `SELECT count(*) FROM (SELECT psn_key FROM fee_line WHERE atc LIKE 'A10B%' AND date BETWEEN DATE '2017-01-01' AND DATE '2017-06-30'
		  GROUP BY psn_key HAVING count(DISTINCT (ingredient, quarter(date), insu_admdvs)) > 10 OR max(amt_fen) > 5000000)`,
}, {
	id: "P10", coarse: true, cells: []string{"users", "spending"},
	given: map[string]string{"window": "2016-07-01..2018-06-30", "codes": "amlodipine", "event": "2017-07-15"},
	exact: `SELECT count(DISTINCT psn_key), ` + quarterly(8) + ` FROM (SELECT psn_key, (year(date) - 2016) * 4 + quarter(date) - 3 AS q, sum(amt_fen) AS amt
		FROM fee_line WHERE ingredient = 'amlodipine' AND date BETWEEN DATE '2016-07-01' AND DATE '2018-06-30' GROUP BY 1, 2)`,
	unbound: `SELECT count(*) FROM (SELECT psn_key FROM fee_line WHERE ingredient = 'amlodipine' GROUP BY psn_key, year(date), month(date) HAVING sum(amt_fen) > 1000000)`,
}, {
	id: "P9", cells: []string{"cost"},
	given: map[string]string{"window": "2017..2018", "codes": "stroke,type-2-diabetes", "pre": "60", "post": "90", "amount": "person"},
	exact: `WITH i AS (SELECT psn_key, min(date) AS d FROM diagnosis WHERE (dx_code LIKE 'E11%' OR regexp_matches(dx_code, '^I6[0134]')) AND date BETWEEN DATE '2016-11-02' AND DATE '2018-12-31' GROUP BY 1),
		k AS (SELECT i.psn_key, d FROM i JOIN (SELECT unnest(range(-60, 90))::INTEGER AS n) ON true JOIN coverage c ON c.psn_key = i.psn_key AND d + n BETWEEN c.begn AND c."end"
		  WHERE year(d) >= 2017 AND d + 89 <= DATE '2018-12-31' GROUP BY 1, 2 HAVING count(DISTINCT n) = 150),
		p AS (SELECT psn_key, d, ` + ageOf + ` AS age FROM k JOIN person USING (psn_key) WHERE death_ym IS NULL OR year(d + 89) * 100 + month(d + 89) < death_ym),
		b AS (SELECT p.psn_key, w, age, med_type AS m, psn_fen AS x FROM p JOIN (SELECT unnest(['pre', 'post']) AS w) ON true
		  LEFT JOIN settlement s ON s.psn_key = p.psn_key AND CASE w WHEN 'pre' THEN setl_date BETWEEN d - 60 AND d - 1 ELSE setl_date BETWEEN d AND d + 89 END)
		SELECT w, CASE WHEN age < 18 THEN '0-17' WHEN age < 45 THEN '18-44' WHEN age < 60 THEN '45-59' WHEN age < 75 THEN '60-74' ELSE '75+' END, count(DISTINCT psn_key),
		  sum(CASE WHEN m = '21' THEN x ELSE 0 END)::BIGINT, sum(CASE WHEN m = '28' THEN x ELSE 0 END)::BIGINT, sum(CASE WHEN m IN ('11', '12', '13') THEN x ELSE 0 END)::BIGINT,
		  sum(CASE WHEN m LIKE '14%' THEN x ELSE 0 END)::BIGINT, sum(CASE WHEN m = '41' THEN x ELSE 0 END)::BIGINT, sum(CASE WHEN m IN ('71', 'unknown') THEN x ELSE 0 END)::BIGINT
		FROM b WHERE age >= 0 GROUP BY 1, 2`,
	unbound: `SELECT count(*) FROM (SELECT psn_key FROM settlement GROUP BY psn_key HAVING sum(psn_fen) > 30000000)`,
}}

func TestOutcomeOracles(t *testing.T) {
	for _, o := range outcomeOracles {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

func TestOutcomeByHand(t *testing.T) {
	for _, h := range append(append(survivalByHand(), spendingByHand()...), incidenceByHand()...) {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}

// at is a row of cells: people, then n cells, 1 at each of the given places.
func at(people int64, n int, places ...int) []int64 {
	out := make([]int64, 1+n)
	out[0] = people
	for _, p := range places {
		out[1+p]++
	}
	return out
}

func survivalByHand() []handmade {
	a, b, c, d, e := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3), enginetest.Person(4), enginetest.Person(5)
	outcome := map[string]string{"window": "2017", "codes": "hypertension", "outcome": "stroke", "washout": "10"}
	persist := map[string]string{"window": "2016..2017", "codes": "metformin", "washout": "10", "gap": "30"}
	dead := func(k enginetest.Key, ym int) enginetest.Row {
		r := born(k, 195001)
		r["death_ym"] = int64(ym)
		return r
	}
	const met = "A10BA02"
	return []handmade{
		{name: "nobody", id: "P6", given: outcome, cells: []string{"event_free"}, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "outcome, death, the end of cover and of the window", id: "P6", given: outcome, cells: []string{"event_free"}, want: map[string][]int64{"": at(4, 111, 3*1+1, 3*1+2, 3*0+0, 3*12+0)},
			world: enginetest.World{"person": {born(a, 195001), dead(b, 201702), born(c, 195001), dead(d, 201801), born(e, 195001)},
				"coverage": {covered(a, -10, 5), covered(a, 6, 900), covered(b, -10, 40), covered(c, -10, 29), covered(d, -10, 900), covered(e, -9, 900)},
				"diagnosis": {
					record(a, 0, "I10"), record(a, 30, "I63.9"), record(a, 200, "I61"),
					record(b, 0, "I10"), record(b, 41, "I63.9"), // dead on day 40, the last of his cover
					record(c, 0, "I10"), record(c, 30, "I63.9"), // a day after his cover
					record(d, 0, "I10"), // dies after the window
					record(e, 0, "I10"), // covered for nine days only
				}}},
		{name: "an outcome before, and on the day of a death", id: "P6", given: outcome, coarse: true, cells: []string{"event_free"}, want: map[string][]int64{"": at(1, 39, 1)},
			world: enginetest.World{"person": {dead(a, 201702), born(b, 195001), born(c, 195001)},
				"coverage": {covered(a, -10, 40), covered(b, -10, 900), covered(c, -10, 900)},
				"diagnosis": {record(a, 0, "I10"), record(a, 40, "I63.9"), record(b, 20, "I10"), record(b, 20, "I63.9"),
					record(c, -1, "I10"), record(c, 20, "I10")}}},
		{name: "nobody", id: "P5", given: persist, cells: []string{"persistence"}, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "gaps, a change of scheme, a whole leap year, death", id: "P5", given: persist, cells: []string{"persistence"},
			want: map[string][]int64{"": at(4, 74, 2*3+1, 2*2+1, 2*23+0, 2*2+0)},
			world: enginetest.World{"person": {born(a, 195001), born(b, 195001), born(c, 195001), dead(d, 201704), born(e, 195001)},
				"coverage": {covered(a, -10, 20), covered(a, 21, 900), covered(b, -10, 900), covered(c, -900, 900), covered(d, -10, 900), covered(e, -10, -1), covered(e, 1, 900)},
				"fee_line": {
					fill(a, 0, met, 30), fill(a, 60, met, 30), fill(a, 121, met, 30), // 31 days without
					fill(b, 0, met, 30), fill(b, 20, met, 0), fill(b, 40, met, 34), // until day 74
					fill(c, -366, met, 366), fill(c, 0, met, 365), // two whole years: followed to 30 days before the end
					fill(d, 0, met, 60), fill(d, 60, met, 60), // dies on day 90
					fill(e, 0, met, 30), // not covered that day
				}}},
	}
}

func spendingByHand() []handmade {
	a, b, c := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3)
	bill := func(k enginetest.Key, day int, kind string, fen int64) enginetest.Row {
		return enginetest.Row{"psn_key": k, "setl_date": enginetest.Day(day), "med_type": kind, "total_fen": fen, "setl_key": int64(day + 1000)}
	}
	paid := func(k enginetest.Key, day int, ingredient string, fen int64) enginetest.Row {
		r := fill(k, day, "A10BA02", 30)
		r["ingredient"], r["amt_fen"] = ingredient, fen
		return r
	}
	cost := map[string]string{"window": "2017", "codes": "stroke", "pre": "10", "post": "20"}
	access := map[string]string{"window": "2017-01-01..2017-06-30", "codes": "metformin", "event": "2017-04-01"}
	share := map[string]string{"window": "2017", "codes": "metformin"}
	return []handmade{
		{name: "nobody", id: "P9", given: cost, coarse: true, cells: []string{"cost"}, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "edges of the periods, no bill, more than the limit", id: "P9", given: cost, coarse: true, cells: []string{"cost"},
			want: map[string][]int64{"pre": {2, 7, 0, 0, 0, 0, 5}, "post": {2, 30_000_000 / 2, 0, 0, 30_000_000 / 2, 11, 0}},
			world: enginetest.World{"person": {born(a, 195001), born(b, 195001), born(c, 195001)},
				"coverage":  {covered(a, -10, 3), covered(a, 4, 900), covered(b, 90, 119), covered(c, -9, 900)},
				"diagnosis": {record(a, 0, "I63.9"), record(b, 100, "I63.9"), record(b, 300, "I63.9"), record(c, 0, "I63.9")},
				"settlement": {bill(a, -11, "21", 100), bill(a, -10, "21", 7), bill(a, 0, "21", 25_000_000), bill(a, 19, "1401", 25_000_000), bill(a, 20, "11", 9),
					bill(b, 99, "71", 5), bill(b, 119, "41", 11), bill(b, 120, "41", 90), bill(c, 0, "21", 99)}}},
		{name: "nobody", id: "P10", given: access, cells: []string{"users"}, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "edges of months, an amount above the limit", id: "P10", given: access, cells: []string{"users", "spending"}, want: map[string][]int64{"": {2, 2, 0, 0, 1, 0, 1, 8, 0, 0, 1_000_000, 0, 3}},
			world: enginetest.World{"person": {born(a, 195001), born(b, 195001)}, "fee_line": {
				paid(a, 0, "metformin", 2), paid(a, 30, "metformin", 5), paid(a, -1, "metformin", 100), paid(a, 90, "metformin", 600_000), paid(a, 91, "metformin", 600_000),
				paid(b, 30, "metformin", 1), paid(b, 180, "metformin", 3), paid(b, 181, "metformin", 100)}}},
		{name: "a long window: every month of a person counts, however far from the event", id: "P10", cells: []string{"users", "spending"},
			given: map[string]string{"window": "2014..2017", "codes": "metformin", "event": "2017-12-01"},
			want:  map[string][]int64{"": slices.Concat([]int64{1}, slices.Repeat([]int64{1}, 48), slices.Repeat([]int64{7}, 48))},
			world: enginetest.World{"person": {born(a, 195001)}, "fee_line": monthly(48, func(day int) enginetest.Row { return paid(a, day, "metformin", 7) })}},
		{name: "codes of the national list, whole classes only", id: "P8", given: map[string]string{"window": "2017", "codes": "insulins"}, cells: []string{"spending"},
			want: map[string][]int64{"insulin glargine/2017-Q1/unknown": {1, 5}},
			world: enginetest.World{"person": {born(a, 195001)}, "fee_line": {
				national(a, "XA10AEG048A001010101", "insulin glargine"), national(a, "XA10BAE053A001010101", "metformin"), national(a, "ZA10AEG048A001010101", "a patent drug")}}},
		{name: "nobody", id: "P8", given: share, cells: []string{"spending"}, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "unknown places and drugs, an amount above the limit", id: "P8", given: share, cells: []string{"spending"},
			want: map[string][]int64{"metformin/2017-Q1/11": {2, 5_000_003}, "metformin/2017-Q4/11": {1, 4}, "metformin/2017-Q1/unknown": {1, 6}},
			world: enginetest.World{"person": {born(a, 195001), born(b, 195001), born(c, 195001)}, "fee_line": {
				paid(a, 0, "metformin", 2), paid(a, 89, "metformin", 1), paid(b, 1, "metformin", 6_000_000), paid(a, 364, "metformin", 4), paid(a, 365, "metformin", 9), paid(a, 5, "unknown", 9),
				{"psn_key": c, "date": enginetest.Day(3), "atc": "A10BA02", "ingredient": "metformin", "amt_fen": int64(6)}}}},
	}
}

// monthly are rows on the 15th of the last n months up to the end of 2017.
func monthly(n int, row func(day int) enginetest.Row) (out []enginetest.Row) {
	for m := range n {
		date := time.Date(2017, time.Month(12-m), 15, 0, 0, 0, 0, time.UTC)
		out = append(out, row(int(date.Sub(enginetest.Day(0))/(24*time.Hour))))
	}
	return out
}

// national is a fill of which only the national drug code is known.
func national(k enginetest.Key, code, ingredient string) enginetest.Row {
	return enginetest.Row{"psn_key": k, "date": enginetest.Day(1), "item_code": code, "ingredient": ingredient, "amt_fen": int64(5)}
}

func incidenceByHand() []handmade {
	a, b, c, d := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3), enginetest.Person(4)
	given := map[string]string{"window": "2017", "codes": "stroke", "washout": "30"}
	cells := []string{"new_cases", "cases", "days_at_risk"}
	return []handmade{
		{name: "nobody", id: "P1", given: given, coarse: true, cells: cells, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "overlapping cover, the washout's edge, a case before and on the last day", id: "P1", given: given, coarse: true, cells: cells, want: map[string][]int64{"60-69/female": {4, 2, 2, 20 + 0 + 365 + 365}},
			world: enginetest.World{"person": {born(a, 195001), born(b, 195001), born(c, 195001), born(d, 195001)},
				"coverage": {covered(a, -90, 50), covered(a, 10, 99), covered(a, 200, 210), covered(b, -90, 900), covered(c, 0, 364), covered(d, 0, 900)},
				"diagnosis": {record(a, 19, "I63.9"), record(a, 60, "I63.9"), record(b, -30, "I63.9"), record(c, 364, "I61"), record(c, -31, "I61"),
					record(d, 5, "U99"), record(d, 365, "I63.9")}}},
	}
}
