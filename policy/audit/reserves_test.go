package audit_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
)

const day = 24 * 3600

// Every rule of reservations has a log that breaks it and nothing else.
func TestReserveFindings(t *testing.T) {
	life := []string{population + "/life"}
	closed := func(leaf int, pairs ...any) members { return with(members{"reserve": leaf, "time": start}, pairs...) }
	for name, tt := range map[string]struct {
		build func(f *forge)
		code  audit.Code
		leaf  int64
	}{
		"a query into what is set aside": {func(f *forge) { f.add("CHARGE", charged("r-1", "rho", "61", "scopes", life)) }, audit.CapPassed, 3},
		"its delta too":                  {func(f *forge) { f.add("CHARGE", charged("r-1", "delta", "47", "scopes", life)) }, audit.CapPassed, 3},
		"another job into it":            {func(f *forge) { f.add("CHARGE", drawing("j-1", "job-2", "rho", "61", "scopes", life)) }, audit.CapPassed, 3},
		"a query by the job's name":      {func(f *forge) { f.add("CHARGE", charged("r-1", "key", "job-1", "rho", "61", "scopes", life)) }, audit.CapPassed, 3},
		"set aside twice over":           {func(f *forge) { f.add("RESERVE", reserved("job-2", "rho", "61", "scopes", life)) }, audit.CapPassed, 3},
		"set aside again":                {func(f *forge) { f.add("RESERVE", reserved("job-1", "rho", "1", "delta", "0")) }, audit.ReserveTwice, 3},
		"too late": {func(f *forge) {
			f.add("RESERVE", reserved("job-2", "last_day", "2026-11-17"))
		}, audit.ReserveLate, 3},
		"more than was set aside": {func(f *forge) { f.add("CHARGE", drawing("j-1", "job-1", "rho", "41")) }, audit.ReservePassed, 3},
		"more in two charges": {func(f *forge) {
			f.add("CHARGE", drawing("j-1", "job-1", "rho", "30")).add("CHARGE", drawing("j-2", "job-1", "rho", "11"))
		}, audit.ReservePassed, 4},
		"other scopes":   {func(f *forge) { f.add("CHARGE", drawing("j-1", "job-1", "scopes", life)) }, audit.ReserveMismatch, 3},
		"another digest": {func(f *forge) { f.add("CHARGE", drawing("j-1", "job-1", "template_digest", "e")) }, audit.ReserveMismatch, 3},
		"after the close": {func(f *forge) {
			f.add("CLOSE", closed(2)).add("CHARGE", drawing("j-1", "job-1"))
		}, audit.ReserveClosed, 4},
		"closed twice":         {func(f *forge) { f.add("CLOSE", closed(2)).add("CLOSE", closed(2)) }, audit.CloseTwice, 4},
		"nothing to close":     {func(f *forge) { f.add("CLOSE", closed(1)) }, audit.CloseUnknown, 3},
		"closed before it was": {func(f *forge) { f.add("CLOSE", closed(4)).add("RESERVE", reserved("job-2", "rho", "1")) }, audit.CloseUnknown, 3},
		"under no grant":       {func(f *forge) { f.add("RESERVE", reserved("job-2", "grant", "g-9")) }, audit.GrantUnknown, 3},
		"another principal's":  {func(f *forge) { f.add("RESERVE", reserved("job-2", "principal", "x")) }, audit.GrantMismatch, 3},
		"beyond the quota":     {func(f *forge) { f.add("RESERVE", reserved("job-2", "grant", "g-small", "rho", "21")) }, audit.QuotaPassed, 3},
		"without life":         {func(f *forge) { f.add("RESERVE", reserved("job-2", "scopes", []string{population + "/2017"})) }, audit.ScopeInvalid, 3},
		"free":                 {func(f *forge) { f.add("RESERVE", reserved("job-2", "rho", "0")) }, audit.LeafMalformed, 3},
		"no day":               {func(f *forge) { f.add("RESERVE", reserved("job-2", "last_day", "2026-11-31")) }, audit.LeafMalformed, 3},
		"a quota that was asked": {func(f *forge) {
			f.add("RESERVE", reserved("job-2", "grant", "g-small", "rho", "20")).add("CHARGE", charged("r-1", "grant", "g-small", "rho", "1"))
		}, audit.QuotaPassed, 4},
	} {
		t.Run(name, func(t *testing.T) {
			f := begun(t).add("RESERVE", reserved("job-1"))
			tt.build(f)
			r := f.verify()
			if len(r.Findings) != 1 || r.Findings[0].Code != tt.code || r.Findings[0].Leaf != tt.leaf {
				t.Fatalf("findings %+v, want %s at leaf %d", r.Findings, tt.code, tt.leaf)
			}
		})
	}
}

// What is set aside is free again after the CLOSE and after the last day; without a
// CLOSE that is noted.
func TestReserveEnds(t *testing.T) {
	open := begun(t).add("RESERVE", reserved("job-1")).add("CHARGE", drawing("j-1", "job-1", "rho", "30"))
	if r := open.verify(); !r.OK() || r.Reserves != 1 || r.Reserved != 1 || noted(r) != "" || r.Scopes[1].Held != (audit.Cost{Rho: 10, Delta: 3}) {
		t.Fatalf("%+v", r)
	}
	closed := begun(t).add("RESERVE", reserved("job-1")).add("CLOSE", members{"reserve": 2, "time": start}).add("CHARGE", charged("r-1", "rho", "100"))
	if r := closed.verify(); !r.OK() || r.Reserved != 0 || noted(r) != "" || r.Scopes[1].Held != (audit.Cost{}) {
		t.Fatalf("%+v", r)
	}
	expired := begun(t).add("RESERVE", reserved("job-1")).add("CHARGE", charged("r-1", "rho", "100", "time", start+3*day, "due", start+3*day+1))
	if r := expired.verify(); !r.OK() || r.Reserved != 0 || noted(r) != "reserve-unclosed " {
		t.Fatalf("%+v", r)
	}
}

// The auditor finds nothing in whatever the ledger writes of reservations, and adds up
// to the same.
func TestReservationsAgree(t *testing.T) {
	key := ledger.VerifierKey(population, private.Public().(ed25519.PublicKey))
	rapid.Check(t, func(rt *rapid.T) {
		disk := ledgertest.NewDisk()
		now, ctx := time.Unix(start, 0), context.Background()
		l, err := ledger.Open(ledger.Options{Dir: "log", FS: disk, Create: true, Population: population, Signer: private,
			Now: func() time.Time { return now }, Fatal: func(err error) { rt.Error(err) }})
		if err != nil {
			rt.Fatal(err)
		}
		limit := dp.Cost{Rho: 1000, Delta: 1000}
		_, _ = l.Grant(ctx, ledger.Grant{Population: population, Policy: "p", Mode: "evaluation", Year: limit, Life: limit,
			Grants: []ledger.Granted{{ID: "g", Principal: "a", Templates: []string{"claims"}, Purposes: []string{"pricing"}, Until: "2030-01-01", QuotaRho: 900}}})
		_, _ = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "s", By: "x"})
		scopes := []string{population + "/2017", population + "/life"}
		n := func(high int64, what string) int64 { return rapid.Int64Range(0, high).Draw(rt, what) }
		for i := range rapid.IntRange(1, 30).Draw(rt, "steps") {
			job := fmt.Sprint("job-", n(3, "job"))
			switch n(4, "step") {
			case 0:
				now = now.Add(time.Duration(n(20, "hours")) * time.Hour)
			case 1:
				_, _ = l.Reserve(ctx, ledger.Reserve{Job: job, Principal: "a", Organisation: "A", Grant: "g", Purpose: "pricing", Template: "claims@1.0.0",
					TemplateDigest: "d", Scopes: scopes[n(1, "scopes"):], Cost: dp.Cost{Rho: 1 + n(600, "rho"), Delta: 50},
					Until: now.AddDate(0, 0, int(n(2, "days"))).UTC().Format(time.DateOnly)})
			case 2, 3:
				c := ledger.Charge{ID: fmt.Sprint("r-", i), Principal: "a", Organisation: "A", Grant: "g", Purpose: "pricing", Template: "claims@1.0.0",
					TemplateDigest: "d", Key: job, Snapshot: "s", Scopes: scopes[n(1, "scopes"):], Cost: dp.Cost{Rho: 1 + n(400, "rho"), Delta: 1},
					Epoch: now.Add(8*time.Hour).Unix() / 86400, Sigmas: map[string]float64{"people": 1e9}, Due: now.Add(time.Second), Request: "q"}
				if n(2, "training") > 0 {
					c.Catalogue, c.ID, c.Idempotency = ledger.Training, fmt.Sprintf("%s-%d", job, i+1), digestOf([]byte(c.ID))
				}
				_, _ = l.Charge(ctx, c)
			case 4:
				if r, ok := l.ReservationOf(job); ok {
					_, _ = l.CloseReserve(ctx, r.Index)
				}
			}
		}
		last, _, err := l.Leaf(l.Size() - 1)
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			rt.Fatal(err)
		}
		r, err := audit.Verify(ctx, audit.Options{Log: disk.Files("log"), Key: key})
		if err != nil || !r.OK() || r.Reserves != int64(len(l.Reservations())) {
			rt.Fatalf("%v %+v", err, r)
		}
		for _, s := range r.Scopes {
			spent, held := l.Spent(s.Name), l.Held(s.Name, last.Time)
			if s.Spent != (audit.Cost{Rho: spent.Rho, Delta: spent.Delta}) || s.Held != (audit.Cost{Rho: held.Rho, Delta: held.Delta}) {
				rt.Fatalf("%s: the auditor has %+v, the ledger spent %+v and held %+v", s.Name, s, spent, held)
			}
		}
	})
}
