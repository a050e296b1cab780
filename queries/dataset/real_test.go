package dataset_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// realInput is a folder of inputs that nobody on this project made; without
// them the test is skipped.
func realInput(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("QUNXIANG_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	folder := filepath.Join(root, name)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the real inputs are not here: set QUNXIANG_DATA to the folder that holds %s", name)
	}
	return folder
}

func counts(q *dataset.Quality, table string) dataset.TableCount { return *q.Tables[table] }

func TestOMOP(t *testing.T) {
	t.Parallel()
	l := load(t, "omop", realInput(t, "omop-eunomia"))
	if l.manifest.People != 2694 {
		t.Errorf("%d people", l.manifest.People)
	}
	// 2,649 people of OBSERVATION_PERIOD are not in PERSON; 443 eras have no concept.
	for table, reasons := range map[string]map[string]int64{
		"coverage": {"unknown_person": 2649}, "diagnosis": {"no_concept": 443}, "encounter": {"before_birth": 1}, "fee_line": {"before_birth": 7}, "procedure": {}, "person": {},
	} {
		c := counts(l.quality, table)
		if len(c.Quarantined) != len(reasons) {
			t.Errorf("%s: %v", table, c.Quarantined)
		}
		for r, n := range reasons {
			if c.Quarantined[r] != n {
				t.Errorf("%s %s: %d, want %d", table, r, c.Quarantined[r], n)
			}
		}
	}
	if n := l.number(t, "SELECT count(*) FROM snapshot.control.quarantine WHERE source = 'OBSERVATION_PERIOD.csv' AND reason = 'unknown_person'"); n != 2649 {
		t.Errorf("%d periods in quarantine", n)
	}
	for query, want := range map[string]int64{
		"SELECT count(*) FROM snapshot.diagnosis":                       65719 - 443,
		"SELECT count(*) FROM snapshot.procedure":                       37409,
		"SELECT count(*) FROM snapshot.encounter WHERE med_type = '21'": 1037,
		"SELECT count(*) FROM snapshot.encounter":                       1037 + 65719 - 443 + 52508 + 37409 - 517 - 1, // eras, visits, lone procedures
		"SELECT count(DISTINCT mdtrt_key) FROM snapshot.diagnosis":      65719 - 443,                                  // one for each era
		"SELECT count(DISTINCT mdtrt_key) FROM snapshot.fee_line":       52508 - 1,
		"SELECT count(*) FROM snapshot.encounter WHERE admdvs <> 'unknown' OR insu_admdvs <> 'unknown' OR med_type NOT IN ('unknown', '21')": 0,
		"SELECT count(*) FROM snapshot.diagnosis WHERE system <> 'omop' OR dx_code = '0' OR med_type <> 'unknown'":                           0,
		"SELECT count(*) FROM snapshot.diagnosis WHERE dx_code = '40481087'":                                                                 17268, // viral sinusitis
		"SELECT count(*) FROM snapshot.fee_line WHERE days_supply < 1 OR date + days_supply - 1 > make_date(year(date), 12, 31)":             0,     // no line reaches into the next year
		"SELECT count(*) FROM snapshot.person WHERE sex = 'unknown' OR birth_ym IS NULL":                                                     0,
	} {
		if n := l.number(t, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	days := l.number(t, "SELECT sum(days_supply)::BIGINT FROM snapshot.fee_line")
	eras := l.number(t, `SELECT sum("end" - begn + 1)::BIGINT FROM snapshot.encounter e SEMI JOIN snapshot.fee_line f ON f.mdtrt_key = e.mdtrt_key`)
	if lost := eras - days; lost < 0 || lost > 10*366 { // the one era that begins before birth loses some days
		t.Errorf("the lines hold %d days, the eras %d", days, eras)
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	l := load(t, "registry", realInput(t, "registry"))
	for query, want := range map[string]int64{
		"SELECT count(*) FROM snapshot.person":   6127,
		"SELECT count(*) FROM snapshot.coverage": 19609,
		`SELECT count(*) FROM snapshot.coverage c WHERE begn <> make_date(year(begn), 1, 1) OR c.end <> make_date(year(begn), 12, 31)`: 0,
		"SELECT count(*) FROM snapshot.encounter WHERE med_type = '11'":                                                                62282,
		"SELECT count(*) FROM snapshot.encounter WHERE med_type = '21'":                                                                2709,
		"SELECT count(*) FROM snapshot.encounter WHERE begn <> make_date(year(begn), 1, 1) OR los_d <> 0":                              0,
		"SELECT count(*) FROM snapshot.person WHERE birth_ym % 100 <> 1 OR sex = 'unknown'":                                            0,
		"SELECT min(year(begn)) * 10000 + max(year(begn)) FROM snapshot.encounter":                                                     1984_1988,
		"SELECT count(*) FROM snapshot.control.quarantine":                                                                             0,
	} {
		if n := l.number(t, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	first := testKey(t).PersonKey("1").Big().String() // the first person: a man of 54 in 1984 with one visit
	if got := l.text(t, "SELECT sex, birth_ym, (SELECT count(*) FROM snapshot.encounter e WHERE e.psn_key = p.psn_key AND year(begn) = 1984) FROM snapshot.person p WHERE psn_key = "+first); !slices.Equal(got, []string{"male|193001|1"}) {
		t.Errorf("the first person: %q", got)
	}
}

// Where a person's rows give different years of birth, most of them decide, and
// the earliest in a tie.
func TestRegistryBirthYear(t *testing.T) {
	t.Parallel()
	s := source{"rwm5yr": rows("id,year,age,female,docvis,hospvis",
		"1,1984,30,1,0,0", "1,1985,30,1,0,0", "1,1986,31,1,0,0", "2,1984,30,0,1,0", "2,1985,30,0,many,0", "3,1984,30,0,-1,0", "3,1985,31,0,2,1")}
	l := load(t, "registry", s.write(t))
	if got := l.text(t, "SELECT birth_ym, sex FROM snapshot.person ORDER BY ALL"); !slices.Equal(got, []string{"195401|male", "195401|male", "195501|female"}) {
		t.Errorf("got %q", got)
	}
	if c := counts(l.quality, "coverage"); c.Quarantined["bad_visit_count"] != 2 || c.Loaded != 5 {
		t.Errorf("bad counts: %+v", c)
	}
}

func TestSynthea(t *testing.T) {
	t.Parallel()
	l := load(t, "synthea", realInput(t, "synthea-claims"))
	for query, want := range map[string]int64{
		"SELECT count(*) FROM snapshot.person":                                                                          27,
		"SELECT sum(total_fen)::BIGINT FROM snapshot.settlement":                                                        109_240_273, // 1,092,402.73 to the cent
		"SELECT count(*) FROM snapshot.settlement":                                                                      1267,
		"SELECT sum(amt_fen)::BIGINT FROM snapshot.fee_line":                                                            109_240_273,
		"SELECT count(*) FROM snapshot.encounter":                                                                       604,
		"SELECT count(*) FROM snapshot.encounter WHERE med_type = '21'":                                                 11,
		"SELECT count(*) FROM snapshot.control.quarantine WHERE reason <> 'no_money'":                                   0,
		"SELECT count(*) FROM snapshot.control.quarantine":                                                              2, // claims of 2020 all of whose charges are of 2021
		"SELECT count(*) FROM snapshot.settlement WHERE setl_date = '2021-01-03' AND total_fen IN (1, 2)":               2, // which are settlements of that year
		"SELECT count(*) FROM snapshot.fee_line WHERE list_type = 'drug'":                                               663,
		"SELECT count(*) FROM snapshot.settlement WHERE total_fen <> fund_fen + psn_fen OR fund_fen < 0 OR psn_fen < 0": 0,
		"SELECT count(*) FROM snapshot.settlement s JOIN snapshot.encounter e USING (psn_key, mdtrt_key)":               1267,
	} {
		if n := l.number(t, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	for _, name := range files(t, filepath.Join(l.domain, "snapshots", l.manifest.ID)) {
		b, err := os.ReadFile(filepath.Join(l.domain, "snapshots", l.manifest.ID, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, direct := range []string{"Maynard46", "999-17-5017", "784 Stamm Lock", "3edac2e3-d223-6fae-d515-daf96ef6bc76"} {
			if strings.Contains(string(b), direct) {
				t.Errorf("%s holds the direct identifier %s", name, direct)
			}
		}
	}
}
