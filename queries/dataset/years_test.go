package dataset_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// datesOf are the columns of a source table that say which years a row touches:
// one date, or the two ends of an interval.
func datesOf(name string) []int {
	return map[string][]int{
		"psn_insu_d": {5, 6}, "mdtrt_d": {5, 6}, "setl_d": {7}, "fee_list_d": {7}, "setl_list_oprn_d": {4},
	}[name]
}

// touches says whether a source row touches a year; an undated one touches all.
func touches(row []string, columns []int, year string) bool {
	if len(columns) == 0 || row[columns[0]] == "" {
		return true
	}
	first, last := row[columns[0]][:4], row[columns[0]][:4]
	if len(columns) == 2 && row[columns[1]] != "" {
		last = row[columns[1]][:4]
	} else if len(columns) == 2 {
		last = "9999"
	}
	return first <= year && year <= last
}

// only keeps the rows that touch a year.
func (s source) only(year string) source {
	out := source{}
	for name, tab := range s {
		out[name] = table{tab.header, slices.DeleteFunc(slices.Clone(tab.rows), func(r []string) bool { return !touches(r, datesOf(name), year) })}
	}
	return out
}

// ofYear are the rows of a snapshot that touch a year, by table.
func (l *loaded) ofYear(t *testing.T, year string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, tab := range dataset.Tables() {
		where := "true"
		switch {
		case tab.Time.Interval():
			where = fmt.Sprintf(`year(begn) <= %s AND year("end") >= %[1]s`, year)
		case tab.Time.Date != "":
			where = fmt.Sprintf("year(%s) = %s", tab.Time.Date, year)
		}
		if tab.Person {
			out[tab.Name] = l.text(t, fmt.Sprintf(`SELECT * EXCLUDE (pno) FROM snapshot."%s" WHERE %s ORDER BY ALL`, tab.Name, where))
		}
	}
	return out
}

// turn is a source whose people are busy around the turn of the year: keys stand
// in both years, stays go over it, bills come late, refunds later.
func turn(r *rand.Rand, people int) source {
	s := source{}
	for name, tab := range national() {
		s[name] = table{header: tab.header}
	}
	bills := s["setl_d"]
	bills.header = append(slices.Clone(bills.header), "init_setl_id")
	s["setl_d"], s["fixmedins_b"], s["drug_list_b"] = bills, national()["fixmedins_b"], national()["drug_list_b"]
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	day := func() string {
		return pick("2016-12-20", "2016-12-29", "2016-12-31", "2017-01-01", "2017-01-04", "2017-01-09")
	}
	for p := range people {
		s.more("psn_info_b", fmt.Sprintf("P%d,C%d,n,%d,1960-01-01,,1", p, p, 1+p%2))
	}
	for range people * 40 {
		p, k, m := fmt.Sprint("P", r.IntN(people)), r.IntN(6), r.IntN(4)
		begn, end := day(), day()
		switch r.IntN(8) {
		case 0:
			s.more("mdtrt_d", fmt.Sprintf("M%d,%s,%s,%s,%s,%s,%s,,I10,,1", m, p, pick("H1", "H2", "Y1"), pick("310", "390"), pick("11", "21", "41"), min(begn, end), pick(max(begn, end), min(begn, end), "")))
		case 1, 2:
			s.more("setl_d", fmt.Sprintf("S%d,%s,%s,%s,%s,%s,%s,%s,%[9]s,%[9]s,0,0,0,0,0,0,0,0,0,0,%s,1,%s", k, pick("", fmt.Sprint("M", m)), p,
				pick("", "H1", "H2"), pick("", "310"), pick("", "21"), pick("", "310100"), begn, pick("1.00", "2.00", "2.00", "-1.00", "-2.00", "x"), pick("0", "0", "0", "1"), pick("", "", fmt.Sprint("S", r.IntN(6)))))
		case 3, 4:
			s.more("fee_list_d", fmt.Sprintf("S%d,%s,%s,XA1,101,09,01,%s,1,1,%s,0,5,1", k, pick("", fmt.Sprint("M", m)), p, begn, pick("1.00", "2.00", "-1.00", "-2.00", "-3.00")))
		case 5:
			s.more("setl_list_diag_d", fmt.Sprintf("M%d,%s,I10,0,%d,1", m, p, k))
		case 6:
			s.more("setl_list_oprn_d", fmt.Sprintf("M%d,%s,36.07,1,%s,1", m, p, pick("", begn)))
			s.more("drg_result_d", fmt.Sprintf("M%d,%s,DRG,1.1,FR2%d,2.345,18000.00,1", m, p, k))
		default:
			s.more("psn_insu_d", fmt.Sprintf("%s,310,11,310100,1,%s,%s,1", p, min(begn, end), pick("", max(begn, end))))
		}
	}
	return s
}

// What a snapshot holds of one year follows from the rows that touch it: without
// those that touch the earlier year only, or the later year only, it is the same
// in every table. A stay over the turn of the year is a record of both.
func TestImportIsLocalInTime(t *testing.T) {
	t.Parallel()
	s := turn(rand.New(rand.NewPCG(11, 1)), 40)
	imported := func(s source) *loaded {
		o := options(t, "national-a", s.write(t))
		o.MaxRows = 2
		return loadWith(t, o)
	}
	whole := imported(s)
	for _, year := range []string{"2016", "2017"} {
		got, want := whole.ofYear(t, year), imported(s.only(year)).ofYear(t, year)
		for _, tab := range dataset.Tables() {
			if a, b := got[tab.Name], want[tab.Name]; !slices.Equal(a, b) {
				t.Errorf("%s, %s: another year's rows changed %d and %d rows", year, tab.Name, len(a), len(b))
			} else if tab.Person && tab.Name != "observation" && len(a) == 0 {
				t.Errorf("%s: no rows in %s", year, tab.Name)
			}
		}
	}
	tried := map[string]string{
		"keys of visits in several spans":       "SELECT count(*) FROM (SELECT mdtrt_key FROM snapshot.encounter GROUP BY ALL HAVING count(*) > 1)",
		"stays over the turn":                   `SELECT count(*) FROM snapshot.encounter WHERE year(begn) < year("end")`,
		"keys of bills in both years":           "SELECT count(*) FROM (SELECT setl_key FROM snapshot.settlement GROUP BY ALL HAVING count(DISTINCT year(setl_date)) > 1)",
		"several bills of a visit":              "SELECT count(*) FROM (SELECT mdtrt_key FROM snapshot.settlement WHERE mdtrt_key <> 0 GROUP BY ALL HAVING count(*) > 1)",
		"bills without and with a setting":      "SELECT least(count(*) FILTER (level = 'unknown'), count(*) FILTER (level <> 'unknown')) FROM snapshot.settlement",
		"lines with a bill of another year":     "SELECT count(*) FROM snapshot.fee_line f JOIN snapshot.settlement s USING (setl_key) WHERE year(date) <> year(setl_date)",
		"diagnoses that stand in several years": "SELECT count(*) FROM (SELECT mdtrt_key, seq FROM snapshot.diagnosis GROUP BY ALL HAVING count(DISTINCT year(date)) > 1)",
	}
	for what, query := range tried {
		if whole.number(t, query) == 0 {
			t.Errorf("the fixture does not try %s", what)
		}
	}
	for name, c := range whole.quality.Tables {
		if slices.Contains([]string{"settlement", "encounter", "fee_line", "coverage"}, name) && c.Capped == 0 {
			t.Errorf("%s: nothing capped", name)
		}
	}
	if c := whole.quality.Tables["settlement"]; c.Refunds == 0 || c.Quarantined["refund_unmatched"] == 0 || c.Quarantined["duplicate_key"] == 0 {
		t.Errorf("the fixture does not try the rules: %+v", *c)
	}
}

// A row takes its setting from a parent that touches its year and from no other;
// a line stands whatever became of a bill of another year.
func TestParentsOfAnotherYear(t *testing.T) {
	t.Parallel()
	s := national().
		more("mdtrt_d", "E1,P1,H1,310,21,2016-12-20,2016-12-28,8,I10,,1", "E2,P1,H1,310,21,2016-12-28,2017-01-05,8,I10,,1").
		more("setl_d",
			"A1,E1,P1,,,,,2017-01-05,1.00,0,0,0,0,0,0,0,0,0,0,0,0,1",      // the visit is of 2016
			"A2,E2,P1,,,,,2017-01-06,2.00,0,0,0,0,0,0,0,0,0,0,0,0,1",      // the stay is of 2017 too
			"A3,E2,P1,,,,,2016-12-31,3.00,0,0,0,0,0,0,0,0,0,0,0,0,1",      // interim
			"A4,E1,P1,,,,,2016-12-28,4.00,0,0,0,0,0,0,0,0,0,0,0,1,1",      // refunded
			"A5,E1,P1,,390,11,,2016-12-28,5.00,0,0,0,0,0,0,0,0,0,0,0,0,1", //
		).
		more("fee_list_d",
			"A3,E2,P1,L1,101,09,01,2017-01-02,1,1,1.00,0,,1",
			"A4,E1,P1,L2,101,09,01,2017-01-02,1,1,1.00,0,,1", // what is refunded is of 2016
			"A4,E1,P1,L3,101,09,01,2016-12-27,1,1,1.00,0,,1", // goes with its bill
			"A5,E1,P1,L4,101,09,01,2017-01-02,1,1,1.00,0,,1",
			"A5,E1,P1,L5,101,09,01,2016-12-27,1,1,1.00,0,,1",
		)
	l := load(t, "national-a", s.write(t))
	want := []string{"100|unknown|unknown|unknown", "200|employee|21|tertiary", "300|employee|21|tertiary", "500|resident|11|tertiary"}
	if got := l.text(t, "SELECT total_fen, insutype, med_type, level FROM snapshot.settlement WHERE total_fen <= 500 ORDER BY ALL"); !slices.Equal(got, want) {
		t.Errorf("settlements %q", got)
	}
	want = []string{"L1|employee|21|tertiary|true", "L2|unknown|unknown|unknown|false", "L4|unknown|unknown|unknown|true", "L5|resident|11|tertiary|true"}
	got := l.text(t, `SELECT item_code, insutype, med_type, level, setl_key IN (SELECT setl_key FROM snapshot.settlement)
		FROM snapshot.fee_line WHERE item_code LIKE 'L%' ORDER BY ALL`)
	if !slices.Equal(got, want) {
		t.Errorf("lines %q", got)
	}
	if c := counts(l.quality, "fee_line"); c.Alone != 3 || c.Refunds != 1 {
		t.Errorf("%+v", c)
	}
}

// A refund of another year, though it names its bill, takes nothing out of it:
// the bill stays, and the refund is put aside in its own year.
func TestNamedRefundOfAnotherYear(t *testing.T) {
	t.Parallel()
	s := national()
	tab := s["setl_d"]
	tab.header = append(slices.Clone(tab.header), "init_setl_id")
	for i := range tab.rows {
		tab.rows[i] = append(slices.Clone(tab.rows[i]), "")
	}
	s["setl_d"] = tab.with(
		bill("K1", "M2", "P2", "2018-12-30", "30.00", "0", "1")+",",
		bill("K2", "M2", "P2", "2019-01-03", "-30.00", "0", "1")+",K1", // names a bill of the year before
		bill("K3", "M2", "P2", "2018-12-30", "40.00", "0", "1")+",",
		bill("K4", "M2", "P2", "2019-01-03", "-1.00", "1", "1")+",K3", // the same, marked as a refund
		bill("K5", "M2", "P2", "2018-12-30", "50.00", "0", "1")+",",
		bill("K6", "M2", "P2", "2018-12-31", "-50.00", "0", "1")+",K5", // of the same year
		bill("K7", "M2", "P2", "2018-12-31", "50.00", "0", "1")+",",    // not the one that K6 names
		bill("K8", "M2", "P2", "2019-02-01", "60.00", "0", "1")+",",
		bill("K9", "M2", "P2", "2018-12-31", "-60.00", "0", "1")+",K8", // before its bill
	)
	l := load(t, "national-a", s.write(t))
	want := []string{"2018-12-30|3000", "2018-12-30|4000", "2018-12-31|5000", "2019-02-01|6000"}
	if got := l.text(t, "SELECT setl_date, total_fen FROM snapshot.settlement WHERE year(setl_date) > 2017 ORDER BY ALL"); !slices.Equal(got, want) {
		t.Errorf("settlements %q", got)
	}
	if c := counts(l.quality, "settlement"); c.Refunds != 3 || c.Quarantined["refund_unmatched"] != 2 {
		t.Errorf("%+v", c)
	}
}

// A claim's charges of another year are no part of its settlement, and another
// patient's prescription or another year's makes no line a drug's.
func TestSyntheaIsLocal(t *testing.T) {
	t.Parallel()
	s := source{
		"patients":          rows("Id,BIRTHDATE,DEATHDATE,GENDER", "a,1960-01-01,,M", "b,1970-01-01,,F"),
		"payer_transitions": rows("PATIENT,START_YEAR,END_YEAR,PAYER"),
		"encounters":        rows("Id,START,STOP,PATIENT,ORGANIZATION,PAYER,ENCOUNTERCLASS,REASONCODE", "e,2016-12-30,2016-12-30,a,,,inpatient,"),
		"claims":            rows("Id,PATIENTID,APPOINTMENTID,SERVICEDATE", "c,a,e,2016-12-30T10:00:00Z"),
		"claims_transactions": rows("CLAIMID,PATIENTID,TYPE,AMOUNT,FROMDATE,PROCEDURECODE,UNITS,UNITAMOUNT,TRANSFERTYPE,APPOINTMENTID",
			"c,a,CHARGE,10.00,2016-12-30T10:00:00Z,X,1,10.00,1,e", "c,a,CHARGE,2.50,2017-01-02T10:00:00Z,X,1,2.50,p,e", "c,a,CHARGE,1.00,2016-12-30T10:00:00Z,Y,1,1,1,e"),
		"medications": rows("PATIENT,CODE,START,STOP", "b,Y,2016-01-01,", "a,X,2016-12-01,2016-12-31"),
	}
	lines := func(s source) ([]string, []string) {
		l := load(t, "synthea", s.write(t))
		return l.text(t, "SELECT setl_date, total_fen, psn_fen, med_type FROM snapshot.settlement ORDER BY ALL"),
			l.text(t, "SELECT date, item_code, list_type, amt_fen, med_type FROM snapshot.fee_line ORDER BY ALL")
	}
	bills, fees := lines(s)
	if want := []string{"2016-12-30|1100|0|21", "2017-01-02|250|250|unknown"}; !slices.Equal(bills, want) {
		t.Errorf("bills %q", bills)
	}
	if want := []string{"2016-12-30|X|drug|1000|21", "2016-12-30|Y|service|100|21", "2017-01-02|X|service|250|unknown"}; !slices.Equal(fees, want) {
		t.Errorf("lines %q", fees)
	}
	for name, tab := range s {
		s[name] = table{tab.header, slices.DeleteFunc(tab.rows, func(r []string) bool {
			return strings.Contains(strings.Join(r, ","), "2016-")
		})}
	}
	if laterBills, laterFees := lines(s); !slices.Equal(laterBills, bills[1:]) || !slices.Equal(laterFees, fees[2:]) {
		t.Errorf("without 2016: %q, %q", laterBills, laterFees)
	}
}

// Whether a procedure is an encounter of its own does not depend on a visit of
// another year.
func TestOMOPIsLocal(t *testing.T) {
	t.Parallel()
	s := source{
		"PERSON":             rows("PERSON_ID,GENDER_CONCEPT_ID,YEAR_OF_BIRTH", "1,8507,1950"),
		"OBSERVATION_PERIOD": rows("PERSON_ID,OBSERVATION_PERIOD_START_DATE,OBSERVATION_PERIOD_END_DATE"),
		"CONDITION_ERA":      rows("CONDITION_ERA_ID,PERSON_ID,CONDITION_CONCEPT_ID,CONDITION_ERA_START_DATE,CONDITION_ERA_END_DATE"),
		"DRUG_ERA":           rows("DRUG_ERA_ID,PERSON_ID,DRUG_CONCEPT_ID,DRUG_ERA_START_DATE,DRUG_ERA_END_DATE"),
		"VISIT_OCCURRENCE": rows("VISIT_OCCURRENCE_ID,PERSON_ID,VISIT_CONCEPT_ID,VISIT_START_DATE,VISIT_END_DATE",
			"7,1,9201,2016-12-20,2016-12-28", "8,1,9201,2016-12-20,2017-01-02"),
		"PROCEDURE_OCCURRENCE": rows("PROCEDURE_OCCURRENCE_ID,PERSON_ID,PROCEDURE_CONCEPT_ID,PROCEDURE_DATE,VISIT_OCCURRENCE_ID",
			"1,1,5,2017-01-02,7", "2,1,6,2017-01-02,8"),
	}
	imported := func() *loaded { return load(t, "omop", s.write(t)) }
	whole := imported()
	s["VISIT_OCCURRENCE"] = table{s["VISIT_OCCURRENCE"].header, s["VISIT_OCCURRENCE"].rows[1:]}
	without := imported()
	for name, rows := range whole.ofYear(t, "2017") {
		if !slices.Equal(rows, without.ofYear(t, "2017")[name]) {
			t.Errorf("%s changed: %q", name, rows)
		}
	}
	if got := whole.text(t, "SELECT code, med_type FROM snapshot.procedure ORDER BY ALL"); !slices.Equal(got, []string{"5|unknown", "6|21"}) {
		t.Errorf("procedures %q", got)
	}
}
