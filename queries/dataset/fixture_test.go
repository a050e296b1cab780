package dataset_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// table is a source table of a fixture: a header and rows of text.
type table struct {
	header []string
	rows   [][]string
}

// source is a folder of source tables by file stem.
type source map[string]table

// rows reads "a,b,c" lines, the first of which is the header.
func rows(lines ...string) table {
	t := table{header: strings.Split(lines[0], ",")}
	for _, l := range lines[1:] {
		t.rows = append(t.rows, strings.Split(l, ","))
	}
	return t
}

// with returns the table with more rows.
func (t table) with(lines ...string) table {
	more := rows(append([]string{strings.Join(t.header, ",")}, lines...)...)
	return table{t.header, append(append([][]string{}, t.rows...), more.rows...)}
}

// renamed returns the table with other column names: old, new, old, new, ...
func (t table) renamed(names ...string) table {
	header := append([]string{}, t.header...)
	for i := 0; i < len(names); i += 2 {
		for j := range header {
			if header[j] == names[i] {
				header[j] = names[i+1]
			}
		}
	}
	return table{header, t.rows}
}

// write writes the folder as CSV and returns its path.
func (s source) write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, tab := range s {
		f, err := os.Create(filepath.Join(dir, name+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		w := csv.NewWriter(f)
		if err := w.WriteAll(append([][]string{tab.header}, tab.rows...)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// national is a small source in the layout of national-a: three people (the
// third under two psn_no), a stay with two interim settlements, visits, a
// pharmacy purchase, drugs, an operation and a group.
func national() source {
	return source{
		"psn_info_b": rows("psn_no,certno,psn_name,gend,brdy,die_date,vali_flag",
			"P1,C1,name one,1,1950-03-07,,1",
			"P2,C2,name two,2,19801130,,1",
			"P3,C3,name three,2,1990-06-15,2017-11-02,1",
			"P3b,C3,name three,2,1990-06-15,,1",
		),
		"psn_insu_d": rows("psn_no,insutype,psn_type,insu_admdvs,psn_insu_stas,crt_insu_date,paus_insu_date,vali_flag",
			"P1,310,12,310100,1,2000-01-01,,1",
			"P2,390,21,320500,1,2010-01-01,2017-06-30,1",
			"P3,391,21,440300,4,2012-01-01,2017-11-02,1",
		),
		"fixmedins_b": rows("fixmedins_code,fixmedins_type,hosp_lv,fix_blng_admdvs,vali_flag",
			"H1,1,03,310100,1", "H2,1,06,320500,1", "Y1,2,10,440300,1",
		),
		"mdtrt_d": rows("mdtrt_id,psn_no,fixmedins_code,insutype,med_type,begntime,endtime,ipt_days,dscg_maindiag_code,dise_codg,vali_flag",
			"M1,P1,H1,310,21,2017-01-28 09:00:00,2017-02-10 11:00:00,13,I21.9,,1",
			"M2,P2,H2,390,11,2017-03-01,2017-03-01,,,,1",
			"M3,P3,Y1,391,41,2017-04-05,,,,,1",
			"M4,P3b,H1,391,1401,2017-05-06,2017-05-06,,,E11.9,1",
		),
		"setl_d": rows("setl_id,mdtrt_id,psn_no,fixmedins_code,insutype,med_type,insu_admdvs,setl_time,medfee_sumamt,fund_pay_sumamt,hifp_pay,hosp_part_amt,psn_part_amt,acct_pay,psn_cash_pay,fulamt_ownpay_amt,overlmt_selfpay,preselfpay_amt,inscp_scp_amt,act_pay_dedc,refd_setl_flag,vali_flag",
			"S1,M1,P1,H1,310,21,310100,2017-01-31 10:00:00,12000.50,9000.00,9000.00,0,3000.50,1000.50,2000.00,500.50,0,500.00,11000.00,800,0,1",
			"S2,M1,P1,H1,310,21,310100,2017-02-10 11:00:00,8000.00,6400.00,6400.00,0,1600.00,0,1600.00,0,0,0,8000.00,0,0,1",
			"S3,M2,P2,H2,390,11,320500,2017-03-01,150.25,75.00,75.00,0,75.25,0,75.25,0.25,0,0,150.00,0,0,1",
			"S4,M3,P3,Y1,391,41,440300,20170405,88.80,0,0,0,88.80,0,88.80,88.80,0,0,0,0,0,1",
			"S5,M4,P3b,H1,391,1401,440300,2017/05/06,210.00,126.00,126.00,0,84.00,0,84.00,0,0,0,210.00,0,0,1",
		),
		"setl_list_diag_d": rows("mdtrt_id,psn_no,diag_code,maindiag_flag,diag_srt_no,vali_flag",
			"M1,P1,I21.9,1,1,1", "M1,P1,I10,0,2,1", "M2,P2,J06.9,1,1,1", "M4,P3b,E11.9,1,1,1",
		),
		"setl_list_oprn_d": rows("mdtrt_id,psn_no,oprn_oprt_code,main_oprn_flag,oprn_oprt_date,vali_flag",
			"M1,P1,36.07,1,2017-01-29,1", "M1,P1,88.56,0,,1",
		),
		"fee_list_d": rows("setl_id,mdtrt_id,psn_no,med_list_codg,list_type,med_chrgitm_type,chrgitm_lv,fee_ocur_time,cnt,pric,det_item_fee_sumamt,inscp_scp_amt,prd_days,vali_flag",
			"S3,M2,P2,XA1,101,09,01,2017-03-01,2,30.125,60.25,60.00,5,1", "S3,M2,P2,SV1,201,02,02,2017-03-01,1,90,90.00,90.00,,1",
			"S5,M4,P3b,XA2,101,09,01,2017-05-06,3.5,60,210.00,210.00,30,1",
		),
		"drug_list_b": rows("med_list_codg,ingredient,atc_code", "XA1,Amoxicillin,J01CA04", "XA2,Metformin,A10BA02"),
		"drg_result_d": rows("mdtrt_id,psn_no,grp_scheme,grp_ver,grp_code,grp_wt,grp_pay_amt,vali_flag",
			"M1,P1,DRG,1.1,FR23,2.345,18000.00,1"),
	}
}

// more adds rows to one table of a source and returns the source.
func (s source) more(name string, lines ...string) source {
	s[name] = s[name].with(lines...)
	return s
}

// testKey is a fixed domain key.
func testKey(t testing.TB) dataset.Key {
	t.Helper()
	k, err := dataset.NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// loaded is an imported source, opened for reading.
type loaded struct {
	domain   string
	manifest *dataset.Manifest
	quality  *dataset.Quality
	db       *sql.DB
}

// options are those of a small import.
func options(t testing.TB, binding, folder string) dataset.Options {
	t.Helper()
	b, err := dataset.LoadBinding(binding)
	if err != nil {
		t.Fatal(err)
	}
	return dataset.Options{
		Domain: t.TempDir(), Key: testKey(t), Binding: b, Source: folder, Open: duckdb.OpenWriter, Arrow: duckdb.Arrow(), Threads: 1,
		Now: time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC),
	}
}

// load imports a folder and opens the snapshot; it fails the test on any error.
func load(t testing.TB, binding, folder string) *loaded {
	return loadWith(t, options(t, binding, folder))
}

func loadWith(t testing.TB, o dataset.Options) *loaded {
	t.Helper()
	m, q, err := dataset.Import(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	checkBalance(t, q)
	return open(t, o.Domain, m, q)
}

func open(t testing.TB, domain string, m *dataset.Manifest, q *dataset.Quality) *loaded {
	t.Helper()
	db, err := duckdb.OpenSnapshot(context.Background(), duckdb.SnapshotOptions{Path: dataset.DataPath(domain, m.ID), Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &loaded{domain, m, q, db}
}

// checkBalance: what was read is loaded or accounted for.
func checkBalance(t testing.TB, q *dataset.Quality) {
	t.Helper()
	for name, c := range q.Tables {
		if got := c.Loaded + c.Merged + c.Void + c.Refunds + c.Capped + c.QuarantinedTotal(); got != c.Read {
			t.Errorf("%s: read %d, accounted for %d: %+v", name, c.Read, got, *c)
		}
	}
}

// number runs a query that gives one integer; tables are named snapshot.x.
func (l *loaded) number(t testing.TB, query string) int64 {
	t.Helper()
	var n sql.NullInt64
	if err := l.db.QueryRow(query).Scan(&n); err != nil {
		t.Fatal(query, err)
	}
	return n.Int64
}

// text runs a query and gives its rows, columns joined by a bar.
func (l *loaded) text(t testing.TB, query string) []string {
	t.Helper()
	rows, err := l.db.Query(query)
	if err != nil {
		t.Fatal(query, err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for rows.Next() {
		values, into := make([]any, len(cols)), make([]any, len(cols))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		parts := make([]string, len(cols))
		for i, v := range values {
			if d, ok := v.(time.Time); ok {
				v = d.Format("2006-01-02")
			}
			parts[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(parts, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// content is everything in the snapshot's person tables, without the dense
// numbers, as sorted text by table.
func (l *loaded) content(t testing.TB, where string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, tab := range dataset.Tables() {
		if !tab.Person {
			continue
		}
		rows := l.text(t, `SELECT * EXCLUDE (pno) FROM snapshot."`+tab.Name+`" WHERE `+where)
		sort.Strings(rows)
		out[tab.Name] = rows
	}
	return out
}

// quarantine lists what was put aside as source|line|table|reason.
func (l *loaded) quarantine(t testing.TB) []string {
	t.Helper()
	return l.text(t, "SELECT * FROM snapshot.control.quarantine ORDER BY ALL")
}
