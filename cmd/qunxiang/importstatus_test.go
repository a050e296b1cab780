package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// While an import works its report says at which file or table it is, also to who looks at
// every step; when it has come to an end, good or bad, there is none, and where its process
// has gone it is said to be broken off, until the next one.
func TestImportSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	for name, text := range map[string]string{
		"psn_info_b.csv": "psn_no,certno,gend,brdy\nP1,C1,1,1950-03-07\n",
		"mdtrt_d.csv":    "mdtrt_id,psn_no,fixmedins_code,insutype,med_type,begntime,endtime\nM1,P1,H1,310,21,2017-01-28,2017-02-10\n",
		"setl_d.csv": "setl_id,mdtrt_id,psn_no,fixmedins_code,insutype,med_type,insu_admdvs,setl_time,medfee_sumamt,fund_pay_sumamt,hifp_pay,psn_part_amt,acct_pay,psn_cash_pay,fulamt_ownpay_amt,overlmt_selfpay,preselfpay_amt,inscp_scp_amt,act_pay_dedc,refd_setl_flag\n" +
			"S1,M1,P1,H1,310,21,310100,2017-01-31,12.50,9,9,3.50,0,3.50,0,0,0,0,0,0\n",
	} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := synthDomain(t.Context(), filepath.Join(t.TempDir(), "D"), synthOptions{persons: 20, settlements: 40, seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	binding, err := dataset.LoadBinding("national-a")
	if err != nil {
		t.Fatal(err)
	}
	look := func() *console.Import {
		t.Helper()
		now, err := d.importing()
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	var seen []string
	load := func(missing bool) error {
		o := dataset.Options{Domain: d.dir, Key: d.keys.person, Binding: binding, Source: source, Open: duckdb.OpenWriter, Arrow: duckdb.Arrow()}
		if missing {
			o.Source = t.TempDir()
		}
		o.Progress = func(p dataset.Progress) {
			now := look()
			if now == nil || now.Broken || now.By != "steward-s" || now.Binding != "national-a" || now.Begun.IsZero() || now.Stage != p.Stage {
				t.Errorf("at %+v it says %+v", p, now)
				return
			}
			if _, err := d.reportImport(cancelled(t.Context()), "omop", "steward-s"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("another import may begin: %v", err)
			}
			seen = append(seen, now.Stage+" "+now.Name)
		}
		_, _, err := d.load(t.Context(), "steward-s", o)
		return err
	}
	if look() != nil {
		t.Error("there is an import before the first")
	}
	if err := load(false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"read psn_info_b.csv", "read mdtrt_d.csv", "map encounter", "check settlement", "finish "} {
		if !slices.Contains(seen, want) {
			t.Errorf("it never said %q of %q", want, seen)
		}
	}
	if look() != nil {
		t.Error("an import that has ended goes on")
	}
	if err := load(true); err == nil || look() != nil {
		t.Errorf("an import that has failed (%v) goes on", err)
	}
	// A process that ends has its lock taken away, and removes no file.
	gone, err := d.reportImport(t.Context(), "omop", "steward-s")
	if err != nil {
		t.Fatal(err)
	}
	gone.tell(dataset.Progress{Stage: "read", Name: "person.csv", Total: 3})
	if err := gone.held.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // looking changes nothing
		if now := look(); now == nil || !now.Broken || now.Name != "person.csv" || now.At.IsZero() {
			t.Errorf("an import whose process has gone is %+v", now)
		}
	}
	if err := load(false); err != nil || look() != nil {
		t.Errorf("after the next import (%v) there is still a broken one", err)
	}
	if err := os.WriteFile(d.path("tmp", importFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if now := look(); now != nil {
		t.Errorf("rubbish is an import: %+v", now)
	}
	text, err := os.ReadFile(d.path("tmp", importLock))
	if err != nil || strings.TrimSpace(string(text)) != "" {
		t.Errorf("the lock says %q, %v", text, err)
	}
}

// cancelled is a context that is over.
func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithDeadline(ctx, time.Now())
	cancel()
	return ctx
}
