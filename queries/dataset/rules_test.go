package dataset_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

const setlRow = "%s,%s,%s,H1,310,11,310100,%s,%s,%s,0,0,0,0,0,0,0,0,0,0,%s,%s"

// bill is a line of setl_d with the given key, encounter, person, day, total,
// refund flag and validity.
func bill(key, mdtrt, psn, day, total, refd, vali string) string {
	return fmt.Sprintf(setlRow, key, mdtrt, psn, day, total, total, refd, vali)
}

func TestRules(t *testing.T) {
	t.Parallel()
	s := national().
		more("setl_d",
			bill("V1", "M1", "P1", "2017-06-01", "10.00", "0", "0"),       // void
			bill("R1", "M2", "P2", "2017-06-01", "20.00", "1", "1"),       // refunded
			bill("R1n", "M2", "P2", "2017-06-02", "-20.00", "1", "1"),     // and its refund
			bill("N1", "M2", "P2", "2017-06-03", "30.00", "0", "1"),       // a pair without flag
			bill("N1n", "M2", "P2", "2017-06-04", "-30.00", "0", "1"),     //
			bill("N2", "M2", "P2", "2017-06-05", "30.00", "0", "1"),       // like it, but not taken back
			bill("U1", "M2", "P2", "2017-06-06", "-99.00", "0", "1"),      // a refund of nothing
			bill("S3", "M2", "P2", "2017-06-07", "5.00", "0", "1"),        // S3 again
			bill("S3", "M1", "P1", "2017-06-07", "5.00", "0", "1"),        // another person's S3: a key of its own
			bill("X1", "M2", "P9", "2017-06-08", "5.00", "0", "1"),        // nobody we know
			bill("X2", "M2", "", "2017-06-08", "5.00", "0", "1"),          // no person at all
			bill("", "M2", "P2", "2017-06-08", "5.00", "0", "1"),          // no key
			bill("D1", "M2", "P2", "2017-02-30", "5.00", "0", "1"),        // no such day
			bill("D2", "M2", "P2", "1017-02-03", "5.00", "0", "1"),        // not plausible
			bill("D3", "M2", "P2", "2044-02-03", "5.00", "0", "1"),        // not yet
			bill("D4", "M2", "P2", "", "5.00", "0", "1"),                  // no day
			bill("D5", "M2", "P2", "1975-01-01", "5.00", "0", "1"),        // before birth
			bill("A1", "M2", "P2", "2017-06-08", "12.345", "0", "1"),      // finer than a fen
			bill("A2", "M2", "P2", "2017-06-08", "12.3400", "0", "1"),     // not finer
			bill("A3", "M2", "P2", "2017-06-08", "", "0", "1"),            // no amount
			bill("A4", "M2", "P2", "2017-06-08", "99999999999", "0", "1"), // beyond all measure
			bill("A5", "M2", "P2", "2017-06-08", "abc", "0", "1"),
		).
		more("fee_list_d",
			"R1,M2,P2,SV1,201,02,02,2017-06-01,1,20,20.00,20.00,,1", // of a refunded settlement
			"Z9,M2,P2,SV1,201,02,02,2017-06-01,1,20,20.00,20.00,,1", // of none: stands by itself
			"S3,M1,P1,SV1,201,02,02,2017-06-01,1,20,20.00,20.00,,1", // of the other S3
			"S3,M2,P2,SV2,201,02,02,2017-03-01,1,7,7.00,7.00,,1",    // given and taken back
			"S3,M2,P2,SV2,201,02,02,2017-03-01,-1,7,-7.00,-7.00,,1", //
			"S3,M2,P2,SV3,201,02,02,2017-03-01,-1,7,-7.00,-7.00,,1", // taken back only
			"S3,M2,P2,,201,02,02,2017-03-01,1,7,7.00,7.00,,1",       // no item
			"S3,M2,P2,SV4,201,02,02,2017-03-01,many,7,7.00,7.00,,1", // no number
			"S3,M2,P2,SV4,201,02,02,2017-03-01,1,7,7.00,7.00,-3,1",  // no number of days
		).
		more("mdtrt_d",
			"M1,P1,H1,310,21,2017-08-01,2017-08-02,1,I10,,1", // M1 again
			"M8,P1,H1,310,21,2017-08-05,2017-08-02,,I10,,1",  // backwards
			"M9,P1,H9,999,xx,2017-08-05,2017-08-06,,,,1",     // unknown codes: kept
			"M10,P4,H1,310,21,2017-08-15,2017-08-16,,I10,,1", // P4 is two people
		).
		more("setl_list_diag_d", "M99,P1,I10,0,1,1", "M1,P1,,0,1,1").
		more("psn_info_b", "P4,C4,x,1,1970-01-01,,1", "P4,C5,x,1,1971-01-01,,1", "P6,C6,x,1,2077-01-01,,1", "P7,C7,x,1,nonsense,,1", "P8,C8,x,1,,,0").
		more("fixmedins_b", "H1,2,10,999999,1")
	l := load(t, "national-a", s.write(t))
	got := map[string]int{}
	for _, q := range l.quarantine(t) {
		p := strings.Split(q, "|")
		got[p[2]+" "+p[3]]++
	}
	want := map[string]int{
		"settlement refund_unmatched": 1, "settlement duplicate_key": 1, "settlement unknown_person": 1, "settlement no_person_id": 1,
		"settlement no_key": 1, "settlement bad_date": 1, "settlement implausible_date": 2, "settlement no_date": 1, "settlement before_birth": 1,
		"settlement bad_money": 3, "settlement no_money": 1,
		"fee_line refund_unmatched": 1, "fee_line no_code": 1, "fee_line bad_number": 2,
		"encounter duplicate_key": 1, "encounter end_before_begin": 1,
		"diagnosis unknown_encounter": 1, "diagnosis no_code": 1,
		"person implausible_date": 1, "person bad_date": 1, "institution duplicate_key": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	setl, fee := l.quality.Tables["settlement"], l.quality.Tables["fee_line"]
	if setl.Void != 1 || setl.Refunds != 4 || fee.Refunds != 3 {
		t.Errorf("void %d, refunds %d, refunded lines %d", setl.Void, setl.Refunds, fee.Refunds)
	}
	if fee.Alone != 1 {
		t.Errorf("%d lines without their settlement", fee.Alone)
	}
	days := l.text(t, "SELECT setl_date, total_fen FROM snapshot.settlement WHERE setl_date >= '2017-06-01' ORDER BY ALL")
	if want := []string{"2017-06-05|3000", "2017-06-07|500", "2017-06-08|1234"}; !slices.Equal(days, want) {
		t.Errorf("settlements that stay: %q", days)
	}
	if e := l.text(t, "SELECT insutype, med_type, kind, level, admdvs FROM snapshot.encounter WHERE begn = '2017-08-05'"); !slices.Equal(e, []string{"unknown|unknown|unknown|unknown|unknown"}) {
		t.Errorf("unknown codes: %q", e)
	}
}

// The line of a quarantined row is the line of its file.
func TestQuarantineLines(t *testing.T) {
	t.Parallel()
	s := national()
	s["setl_d"] = s["setl_d"].with(bill("D1", "M2", "P2", "2017-02-30", "5.00", "0", "1"))
	l := load(t, "national-a", s.write(t))
	if got := l.quarantine(t); !slices.Equal(got, []string{"setl_d.csv|7|settlement|bad_date"}) {
		t.Errorf("got %q", got)
	}
}

// A refund that names what it takes back takes that, and no other.
func TestNamedRefund(t *testing.T) {
	t.Parallel()
	s := national()
	tab := s["setl_d"]
	tab.header = append(slices.Clone(tab.header), "init_setl_id")
	for i := range tab.rows {
		tab.rows[i] = append(tab.rows[i], "")
	}
	tab = tab.with(
		bill("K1", "M2", "P2", "2017-06-01", "30.00", "0", "1")+",",
		bill("K2", "M2", "P2", "2017-06-02", "30.00", "0", "1")+",",
		bill("K3", "M2", "P2", "2017-06-03", "-30.00", "0", "1")+",K2",
		bill("K4", "M2", "P2", "2017-06-04", "70.00", "0", "1")+",",
		bill("K5", "M2", "P2", "2017-06-05", "-1.00", "1", "1")+",K4",
	)
	s["setl_d"] = tab
	l := load(t, "national-a", s.write(t))
	if got := l.text(t, "SELECT setl_date FROM snapshot.settlement WHERE setl_date >= '2017-06-01'"); !slices.Equal(got, []string{"2017-06-01"}) {
		t.Errorf("what stays: %q", got)
	}
}

// The row cap keeps MaxRows rows of one person, says how many it dropped, and
// lets other people alone.
func TestRowCap(t *testing.T) {
	t.Parallel()
	s := national()
	for i := range 50 {
		s.more("setl_d", bill(fmt.Sprint("B", i), "M2", "P2", "2017-07-01", fmt.Sprint(i+1), "0", "1"))
	}
	folder := s.write(t)
	o := options(t, "national-a", folder)
	o.MaxRows = 20
	l := loadWith(t, o)
	c := l.quality.Tables["settlement"]
	if c.Capped != 31 || l.manifest.MaxRows != 20 {
		t.Errorf("capped %d of 51, manifest says %d", c.Capped, l.manifest.MaxRows)
	}
	if n := l.number(t, "SELECT max(n) FROM (SELECT count(*) AS n FROM snapshot.settlement GROUP BY psn_key)"); n != 20 {
		t.Errorf("one person has %d rows", n)
	}
	o.Domain = t.TempDir()
	if again := loadWith(t, o); !slices.Equal(again.content(t, "true")["settlement"], l.content(t, "true")["settlement"]) {
		t.Error("the choice differs from run to run")
	}
	o.MaxRows, o.Domain = 51, t.TempDir()
	if l := loadWith(t, o); l.quality.Tables["settlement"].Capped != 0 {
		t.Error("rows dropped within the cap")
	}
}

// Another year's rows do not decide which rows of this year pass the cap: the
// guarantee per year charges one year only.
func TestRowCapIsPerYear(t *testing.T) {
	t.Parallel()
	kept := func(later int) []string {
		s := national()
		for i := range 50 {
			s.more("setl_d", bill(fmt.Sprint("B", i), "M2", "P2", "2017-07-01", fmt.Sprint(i+1), "0", "1"))
		}
		for i := range later {
			s.more("setl_d", bill(fmt.Sprint("C", i), "M2", "P2", "2018-07-01", fmt.Sprint(i+1), "0", "1"))
		}
		o := options(t, "national-a", s.write(t))
		o.MaxRows = 20
		return loadWith(t, o).content(t, "true")["settlement"]
	}
	in2017 := func(rows []string) []string {
		return slices.DeleteFunc(rows, func(r string) bool { return strings.Contains(r, "2018-07-01") })
	}
	alone, beside := kept(0), kept(30)
	if len(beside) != len(alone)+20 || !slices.Equal(in2017(beside), in2017(alone)) {
		t.Errorf("%d rows alone, %d beside another year's", len(alone), len(beside))
	}
}

// Nothing is decided across people: without half of the people, the snapshot
// holds the very rows it held of the others. People here share keys, encounters,
// amounts and days, have duplicates, refunds and wrong values, and pass the cap.
func TestImportIsLocal(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		s := crowd(rand.New(rand.NewPCG(seed, 1)), 80)
		leaves := func(p string) bool { return strings.HasPrefix(p, "P") && p[len(p)-1]%2 == 1 }
		rest := source{}
		for name, tab := range s {
			rows := slices.DeleteFunc(slices.Clone(tab.rows), func(r []string) bool { return slices.ContainsFunc(r, leaves) })
			rest[name] = table{tab.header, rows}
		}
		o := options(t, "national-a", s.write(t))
		o.MaxRows = 4
		whole := loadWith(t, o)
		o.Domain, o.Source = t.TempDir(), rest.write(t)
		without := loadWith(t, o)
		var stay []string
		for _, k := range without.text(t, "SELECT psn_key FROM snapshot.person") {
			stay = append(stay, strings.Fields(k)...)
		}
		where := "psn_key IN (" + strings.Join(stay, ", ") + ")"
		a, b := whole.content(t, where), without.content(t, where)
		for _, tab := range dataset.Tables() {
			if !slices.Equal(a[tab.Name], b[tab.Name]) {
				t.Errorf("seed %d, %s: other people's rows changed: %d and %d rows", seed, tab.Name, len(a[tab.Name]), len(b[tab.Name]))
			}
		}
		if c := whole.quality.Tables["settlement"]; c.Capped == 0 || c.Refunds == 0 || c.Quarantined["duplicate_key"] == 0 {
			t.Errorf("seed %d: the crowd does not try the rules: %+v", seed, *c)
		}
	}
}

// The snapshot does not depend on how people are divided into buckets.
func TestBuckets(t *testing.T) {
	t.Parallel()
	folder := crowd(rand.New(rand.NewPCG(7, 7)), 40).write(t)
	imported := func(rows int64) (map[string][]string, map[string]*dataset.TableCount) {
		o := options(t, "national-a", folder).WithBuckets(rows)
		o.MaxRows = 5
		l := loadWith(t, o)
		return l.content(t, "true"), l.quality.Tables
	}
	made := func(rows int64) (map[string][]string, map[string]*dataset.TableCount) {
		o := synthOptions(t, 60).WithBuckets(rows * 6)
		m, q, err := dataset.Synth(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		return open(t, o.Domain, m, q).content(t, "true"), q.Tables
	}
	for name, run := range map[string]func(int64) (map[string][]string, map[string]*dataset.TableCount){"imported": imported, "made": made} {
		one, counts := run(0)
		many, others := run(100)
		for _, tab := range dataset.Tables() {
			if !slices.Equal(one[tab.Name], many[tab.Name]) || counts[tab.Name].Loaded != others[tab.Name].Loaded ||
				!maps.Equal(counts[tab.Name].Quarantined, others[tab.Name].Quarantined) {
				t.Errorf("%s: %s differs with the buckets: %+v, %+v", name, tab.Name, *counts[tab.Name], *others[tab.Name])
			}
		}
	}
}

// crowd is a source of people who are as much in each other's way as can be.
func crowd(r *rand.Rand, people int) source {
	s := source{}
	for name, tab := range national() {
		s[name] = table{header: tab.header}
	}
	s["fixmedins_b"], s["drug_list_b"] = national()["fixmedins_b"], national()["drug_list_b"]
	for p := range people {
		s.more("psn_info_b", fmt.Sprintf("P%d,C%d,n,%d,1960-01-01,,1", p, p, 1+p%2))
	}
	for range people * 20 {
		p, k, m := fmt.Sprint("P", r.IntN(people)), r.IntN(9), r.IntN(3)
		day := fmt.Sprintf("2017-01-%02d", 1+r.IntN(9))
		amount := []string{"1.00", "2.00", "-1.00", "-2.00", "x"}[r.IntN(5)]
		switch r.IntN(5) {
		case 0:
			s.more("mdtrt_d", fmt.Sprintf("M%d,%s,H1,310,21,%s,%s,,I10,,1", m, p, day, day))
		case 1, 2:
			s.more("setl_d", bill(fmt.Sprint("S", k), fmt.Sprint("M", m), p, day, amount, []string{"0", "0", "0", "1"}[r.IntN(4)], "1"))
		case 3:
			s.more("fee_list_d", fmt.Sprintf("S%d,M%d,%s,XA1,101,09,01,%s,1,1,%s,0,5,1", k, m, p, day, amount))
		default:
			s.more("setl_list_diag_d", fmt.Sprintf("M%d,%s,I10,0,%d,1", m, p, k))
		}
	}
	return s
}
