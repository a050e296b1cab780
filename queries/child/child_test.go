//go:build duckdb_arrow

package child_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/child"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/enginetest"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// town has n people with cover and one stay each, so that nobody is in more groups
// than count, and an answer without noise is one and the same.
func town(n int) enginetest.World {
	r := rand.New(rand.NewPCG(4, 2))
	w := enginetest.World{}
	for i := range n {
		k := enginetest.Person(i)
		setting := func(more enginetest.Row) enginetest.Row {
			more["psn_key"], more["mdtrt_key"], more["med_type"], more["level"] = k, int64(i+1), "21", []string{"tertiary", "secondary"}[i%2]
			more["insutype"], more["insu_admdvs"] = "resident", "330106"
			return more
		}
		day, total := i%300, 10_000+r.Int64N(3_000_000)
		w["person"] = append(w["person"], enginetest.Row{"psn_key": k, "sex": []string{"male", "female"}[i/2%2], "birth_ym": int64(194006 + 100*(i%60))})
		w["coverage"] = append(w["coverage"], enginetest.Row{"psn_key": k, "insutype": "resident", "insu_admdvs": "330106", "begn": enginetest.Day(-900), "end": enginetest.Day(900)})
		w["encounter"] = append(w["encounter"], setting(enginetest.Row{"begn": enginetest.Day(day), "end": enginetest.Day(day + 5), "los_d": int64(5), "main_dx": "I10", "system": "icd10", "kind": "hospital"}))
		w["diagnosis"] = append(w["diagnosis"], setting(enginetest.Row{"date": enginetest.Day(day), "dx_code": "I10", "system": "icd10"}))
		w["settlement"] = append(w["settlement"], setting(enginetest.Row{"setl_key": int64(i + 1), "setl_date": enginetest.Day(day + 5), "total_fen": total, "fund_fen": total / 2, "psn_fen": total - total/2, "pool_fen": total / 2}))
	}
	return w
}

// place is a domain with one snapshot, made once for all tests.
type place struct {
	dir, snapshot string
	catalog       *queries.Catalog
}

func newPlace(t testing.TB, people int) place {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "child-") // not where a process may write
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, sub := range []string{"tmp", "keys"} {
		if err := os.Mkdir(dir+"/"+sub, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/keys/log.key", []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return place{dir, enginetest.Snapshot(t, duckdb.OpenWriter, dir, town(people).Tables()...), catalog}
}

// answerer runs processes of a kind for the place.
func (p place) answerer(t testing.TB, kind string, change func(*child.Options)) *child.Answerer {
	t.Helper()
	o := child.Options{
		Command: []string{os.Args[0], kind}, Domain: p.dir,
		Temp: func() (string, error) { return duckdb.NewTemp(p.dir + "/tmp") },
	}
	if change != nil {
		change(&o)
	}
	a, err := child.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

var parameters = map[string]map[string]string{
	"I2": {"med_type": "all"},
	"I3": {"med_type": "all"},
	"I4": {"base": "insured"},
	"P1": {"codes": "hypertension"},
	"R1": {"amount": "payment"},
}

// order is a question to the place, sealed.
func (p place) order(t testing.TB, catalogue string, epoch int64) *queries.Order {
	t.Helper()
	o, err := newOrder(p.catalog, p.snapshot, catalogue, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func newOrder(c *queries.Catalog, snapshot, catalogue string, epoch int64) (*queries.Order, error) {
	given := map[string]string{"window": "2017-01-01..2017-12-31"}
	for name, value := range parameters[catalogue] {
		given[name] = value
	}
	o := &queries.Order{
		Template: catalogue, Coarse: true, Parameters: given, K: 20, Epoch: epoch,
		Source: queries.Source{Snapshot: snapshot, MaxRows: 200_000, Currency: "CNY"},
		Want:   dp.Want{Rho: 0.3}, Cap: dp.Cost{Rho: 1e12, Delta: 1e12},
	}
	return o, c.Follow(o)
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Without noise a process gives the very table that this process gives, opt-outs and
// all; and with noise it gives another one each time, of the same shape.
func TestSameTableAsInProcess(t *testing.T) {
	p := newPlace(t, 2000)
	out := func(epoch int64) ([][16]byte, error) {
		if epoch == 1 {
			return [][16]byte{enginetest.Person(7), enginetest.Person(8), enginetest.Person(100_000)}, nil
		}
		return nil, nil
	}
	with := func(o *child.Options) { o.OptOuts = out }
	exact, noisy := p.answerer(t, "engine-without-noise", with), p.answerer(t, "engine", with)
	here, err := duckdb.Open(duckdb.Options{Domain: p.dir, OptOuts: out})
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	shown := 0
	for catalogue := range parameters {
		for epoch := range int64(2) {
			o := p.order(t, catalogue, epoch)
			if err := noisy.Check(soon(t), o); err != nil {
				t.Fatalf("%s: %v", catalogue, err)
			}
			totals, err := here.Run(soon(t), o.Job())
			if err != nil {
				t.Fatal(err)
			}
			want := dptest.ReleaseExact(t, totals, o.Plan())
			got, err := exact.Answer(soon(t), o)
			if err != nil {
				t.Fatalf("%s: %v", catalogue, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s at epoch %d:\n%+v\nin process:\n%+v", catalogue, epoch, got, want)
			}
			before := shown
			for _, g := range got.Groups {
				if !g.Suppressed {
					shown++
				}
			}
			if catalogue != "I3" {
				continue
			}
			first, err := noisy.Answer(soon(t), o)
			if err != nil {
				t.Fatal(err)
			}
			second, err := noisy.Answer(soon(t), o)
			if err != nil {
				t.Fatal(err)
			}
			if shown > before && fmt.Sprint(first) == fmt.Sprint(second) {
				t.Errorf("%s: two processes drew the same noise", catalogue)
			}
		}
	}
	if shown < 20 {
		t.Errorf("only %d groups are shown: this compares little", shown)
	}
	for _, a := range []*child.Answerer{exact, noisy} {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(p.dir + "/tmp"); len(left) > 0 {
		t.Errorf("temporary folders are left: %v", left)
	}
}
