package dataset_test

import (
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

func TestImportNational(t *testing.T) {
	t.Parallel()
	l := load(t, "national-a", national().write(t))
	if q := l.quarantine(t); len(q) != 0 {
		t.Errorf("quarantine: %v", q)
	}
	if l.manifest.People != 3 || l.quality.Tables["person"].Merged != 1 {
		t.Errorf("people %d, merged %d", l.manifest.People, l.quality.Tables["person"].Merged)
	}
	for _, c := range []struct {
		query string
		want  []string
	}{
		{`SELECT sex, birth_ym, death_ym FROM snapshot.person ORDER BY birth_ym`,
			[]string{"male|195003|<nil>", "female|198011|<nil>", "female|199006|201711"}},
		{`SELECT insutype, psn_type, insu_admdvs, status, begn, "end" FROM snapshot.coverage ORDER BY begn`, []string{
			"employee|12|310100|active|2000-01-01|9999-12-31", "resident|21|320500|active|2010-01-01|2017-06-30",
			"resident|21|440300|ended|2012-01-01|2017-11-02"}},
		{`SELECT kind, level, admdvs FROM snapshot.institution ORDER BY ALL`,
			[]string{"hospital|secondary|320500", "hospital|tertiary|310100", "pharmacy|primary|440300"}},
		{`SELECT e.begn, e.end, los_d, med_type, insutype, kind, level, admdvs, main_dx, system, dise_codg FROM snapshot.encounter e ORDER BY begn`, []string{
			"2017-01-28|2017-02-10|13|21|employee|hospital|tertiary|310100|I21.9|icd10|unknown",
			"2017-03-01|2017-03-01|0|11|resident|hospital|secondary|320500|unknown|unknown|unknown",
			"2017-04-05|2017-04-05|0|41|resident|pharmacy|primary|440300|unknown|unknown|unknown",
			"2017-05-06|2017-05-06|0|1401|resident|hospital|tertiary|310100|unknown|unknown|E11.9"}},
		{`SELECT setl_date, total_fen, fund_fen, pool_fen, hosp_fen, psn_fen, acct_fen, cash_fen, selfpay_full_fen, preself_fen, inscope_fen, deductible_fen,
			insutype, med_type, kind, level, admdvs, insu_admdvs FROM snapshot.settlement ORDER BY setl_date`, []string{
			"2017-01-31|1200050|900000|900000|0|300050|100050|200000|50050|50000|1100000|80000|employee|21|hospital|tertiary|310100|310100",
			"2017-02-10|800000|640000|640000|0|160000|0|160000|0|0|800000|0|employee|21|hospital|tertiary|310100|310100",
			"2017-03-01|15025|7500|7500|0|7525|0|7525|25|0|15000|0|resident|11|hospital|secondary|320500|320500",
			"2017-04-05|8880|0|0|0|8880|0|8880|8880|0|0|0|resident|41|pharmacy|primary|440300|440300",
			"2017-05-06|21000|12600|12600|0|8400|0|8400|0|0|21000|0|resident|1401|hospital|tertiary|310100|440300"}},
		{`SELECT date, dx_code, system, is_main, seq, med_type, level FROM snapshot.diagnosis ORDER BY date, seq`, []string{
			"2017-01-28|I21.9|icd10|1|1|21|tertiary", "2017-01-28|I10|icd10|0|2|21|tertiary",
			"2017-03-01|J06.9|icd10|1|1|11|secondary", "2017-05-06|E11.9|icd10|1|1|1401|tertiary"}},
		{`SELECT date, code, system, is_main FROM snapshot.procedure ORDER BY date`,
			[]string{"2017-01-28|88.56|icd9cm|0", "2017-01-29|36.07|icd9cm|1"}},
		{`SELECT date, item_code, ingredient, atc, list_type, chrg_type, lv, qty_milli, price_fen, amt_fen, inscope_fen, days_supply, med_type, insu_admdvs
			FROM snapshot.fee_line ORDER BY date, item_code`, []string{
			"2017-03-01|SV1|unknown|unknown|service|02|B|1000|9000|9000|9000|0|11|320500",
			"2017-03-01|XA1|amoxicillin|J01CA04|drug|09|A|2000|3013|6025|6000|5|11|320500",
			"2017-05-06|XA2|metformin|A10BA02|drug|09|A|3500|6000|21000|21000|30|1401|440300"}},
		{`SELECT date, scheme, version, grp, weight_milli, pay_fen FROM snapshot.drg_result`, []string{"2017-01-28|drg|1.1|FR23|2345|1800000"}},
		{`SELECT count(DISTINCT s.mdtrt_key), count(*) FROM snapshot.settlement s JOIN snapshot.encounter e USING (psn_key, mdtrt_key)`, []string{"4|5"}},
		{`SELECT count(*) FROM snapshot.fee_line f JOIN snapshot.settlement s USING (psn_key, setl_key, mdtrt_key)`, []string{"3"}},
	} {
		if got := l.text(t, c.query); !slices.Equal(got, c.want) {
			t.Errorf("%s\n got %q\nwant %q", c.query, got, c.want)
		}
	}
}

// The same facts in the other names give the same snapshot.
func TestNationalLayoutsAgree(t *testing.T) {
	t.Parallel()
	b := national()
	b["mdtrt_d"] = b["mdtrt_d"].renamed("begntime", "begndate", "endtime", "enddate", "dise_codg", "dise_no")
	b["setl_d"] = b["setl_d"].renamed("psn_part_amt", "psn_pay", "psn_cash_pay", "cash_payamt", "inscp_scp_amt", "inscp_amt", "hosp_part_amt", "ownpay_hosp_part")
	b["fee_list_d"] = b["fee_list_d"].renamed("inscp_scp_amt", "inscp_amt")
	one := load(t, "national-a", national().write(t)).content(t, "true")
	two := load(t, "national-b", b.write(t)).content(t, "true")
	for _, tab := range dataset.Tables() {
		if !slices.Equal(one[tab.Name], two[tab.Name]) {
			t.Errorf("%s differs:\n%q\n%q", tab.Name, one[tab.Name], two[tab.Name])
		}
	}
}

// A hospital system's four amounts: the person's share is account plus cash.
func TestNationalVendorAmounts(t *testing.T) {
	t.Parallel()
	b := national()
	b["mdtrt_d"] = b["mdtrt_d"].renamed("begntime", "begndate", "endtime", "enddate", "dise_codg", "dise_no")
	b["fee_list_d"] = b["fee_list_d"].renamed("inscp_scp_amt", "inscp_amt")
	b["setl_d"] = b["setl_d"].renamed("medfee_sumamt", "tot_cost", "fund_pay_sumamt", "pub_cost", "acct_pay", "pay_cost", "psn_cash_pay", "own_cost", "psn_part_amt", "x")
	l := load(t, "national-b", b.write(t))
	want := []string{"1200050|900000|300050|100050|200000", "800000|640000|160000|0|160000", "15025|7500|7525|0|7525", "8880|0|8880|0|8880", "21000|12600|8400|0|8400"}
	if got := l.text(t, "SELECT total_fen, fund_fen, psn_fen, acct_fen, cash_fen FROM snapshot.settlement ORDER BY setl_date"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
