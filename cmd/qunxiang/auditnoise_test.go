//go:build duckdb_arrow

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// inLong says whether everything is asked for, which takes minutes.
func inLong() bool { return os.Getenv("QUNXIANG_LONG") != "" }

// askedDomain is a new domain of 3,000 synthetic people whose templates were asked
// their examples, fine and coarse: all of them in the long run, else every third.
func askedDomain(t *testing.T) *domain {
	t.Helper()
	d := trainingDomain(t, 3000)
	p := d.policy()
	p.Classes, p.Undeclared = nil, 8*time.Second
	d.maxRuns, d.maxInFlight = 100, 100
	if err := d.startEngine(); err != nil {
		t.Fatal(err)
	}
	asked := map[string]string{}
	for i, tpl := range d.catalog.Templates() {
		if !inLong() && i%2 != 0 {
			continue
		}
		for _, coarse := range []bool{false, true} {
			for _, who := range p.Principals {
				req := queries.Request{Template: tpl.Ref(), Coarse: coarse, Cost: 0.012, Parameters: tpl.Example, AllowEmpty: true}
				ticket, err := d.runner.Ask(t.Context(), who.ID, req, "")
				if err == nil {
					asked[ticket.ID] = who.ID
					break
				}
			}
		}
	}
	released := 0
	for id, who := range asked {
		ticket, err := d.runner.Wait(t.Context(), who, id)
		if err != nil {
			t.Fatal(err)
		}
		if ticket.State == queries.Released {
			released++
		}
	}
	if released < 20 {
		t.Fatalf("only %d of %d requests were released", released, len(asked))
	}
	if err := d.startAudit(); err != nil {
		t.Fatal(err)
	}
	return d
}

func noiseOf(t *testing.T, r *queries.Runner) (*queries.NoiseReport, [][]dptest.Group) {
	t.Helper()
	o := r.Options
	e := &recorder{t: t, Engine: o.Engine}
	o.Engine = e
	runner, err := queries.NewRunner(o)
	if err != nil {
		t.Fatal(err)
	}
	report, err := runner.AuditNoise(t.Context(), math.MaxInt64, noiseAlarm, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report, e.exact
}

// place is the nth number of a measure of a release.
type place struct {
	release int
	measure string
	nth     int
}

// cheat makes another noise of a number's noise and its deviation.
type cheat func(at place, noise, sigma float64) float64

// forged writes the log and the releases of a domain again as an operator would who
// changed the noise of what adds up, for an audit of the domain.
func forged(t *testing.T, d *domain, exact [][]dptest.Group, f cheat) *queries.Runner {
	t.Helper()
	dir := t.TempDir()
	now := time.Time{}
	l, err := ledger.Open(ledger.Options{
		Dir: filepath.Join(dir, "ledger"), Create: true, Population: d.policy().Population, Signer: d.keys.log,
		Now: func() time.Time { return now }, Fatal: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := os.Mkdir(filepath.Join(dir, "releases"), 0o700); err != nil {
		t.Fatal(err)
	}
	store := releaseStore{filepath.Join(dir, "releases")}
	all := slices.DeleteFunc(d.state.Requests(), func(r ledger.Request) bool { return r.Release < 0 })
	now = all[0].Time.Add(-time.Minute)
	if _, err := l.Grant(t.Context(), queries.GrantLeaf(d.policy())); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Snapshot(t.Context(), ledger.Snapshot{Snapshot: all[0].Snapshot, By: "steward-s"}); err != nil {
		t.Fatal(err)
	}
	type step struct { // of the log, in the order of time
		at time.Time
		do func() error
	}
	var steps []step
	for i, rec := range all {
		charge := int64(-1)
		steps = append(steps, step{rec.Time, func() (err error) {
			charge, err = l.Charge(t.Context(), rec.Charge)
			return err
		}}, step{rec.Due, func() error {
			body := forgedRelease(t, d, i, rec, exact[i], f)
			if err := store.Put(sumOf(body), body); err != nil {
				return err
			}
			_, err := l.Release(t.Context(), ledger.Release{Charge: charge, ID: rec.ID, Digest: sumOf(body)})
			return err
		}})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	for _, s := range steps {
		now = s.at
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
	}
	o := d.runner.Options
	o.State, o.Ledger, o.Store = l.State, l, store
	runner, err := queries.NewRunner(o)
	if err != nil {
		t.Fatal(err)
	}
	return runner
}

// forgedRelease changes the noise of numbers that are shown as they are drawn.
func forgedRelease(t *testing.T, d *domain, i int, rec ledger.Request, exact []dptest.Group, f cheat) []byte {
	t.Helper()
	body, err := releaseStore{d.path("releases")}.Get(rec.Digest)
	if err != nil {
		t.Fatal(err)
	}
	var rel queries.Release
	if err := json.Unmarshal(body, &rel); err != nil {
		t.Fatal(err)
	}
	nth := map[string]int{}
	for _, g := range rel.Groups {
		var keys []string
		for _, k := range rel.Keys {
			keys = append(keys, g.Keys[k])
		}
		e := dptest.Find(exact, keys...)
		if e == nil {
			continue
		}
		for name, m := range g.Measures {
			cells, sigma := e.Cells[name], rec.Sigmas[name]
			bend := func(v float64, x int64) float64 {
				if math.Abs(v) > 1e8 {
					return v // it was rounded
				}
				nth[name]++
				return float64(x) + math.Round(f(place{i, name, nth[name]}, v-float64(x), sigma))
			}
			switch {
			case name == "people", m.Marginals != nil: // the threshold would tell
			case m.Number != nil && len(cells) == 1:
				m.Number.Value = bend(m.Number.Value, cells[0])
			case len(m.Values) > 0 && len(m.Values) == len(cells):
				for j := range m.Values {
					m.Values[j].Value = bend(m.Values[j].Value, cells[j])
				}
			}
			g.Measures[name] = m
		}
	}
	if body, err = json.Marshal(rel); err != nil {
		t.Fatal(err)
	}
	return append(body, '\n')
}

// recorder reads the totals that an audit computes.
type recorder struct {
	t *testing.T
	queries.Engine
	exact [][]dptest.Group
}

func (r *recorder) Run(ctx context.Context, j queries.Job) (*dp.Totals, error) {
	totals, err := r.Engine.Run(ctx, j)
	if err == nil {
		r.exact = append(r.exact, dptest.Exact(r.t, totals))
	}
	return totals, err
}

func sumOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// An honest domain passes (false alarm 1e-6); logs that a cheating operator made
// again fail: each of these cheats is found with more than 0.999 in as many numbers.
func TestAuditNoise(t *testing.T) {
	t.Parallel()
	d := askedDomain(t)
	honest, exact := noiseOf(t, d.runner)
	if !honest.Pass || honest.Unlike > 0 || honest.Releases < 20 || honest.Numbers < 300 {
		t.Fatalf("an honest domain: %+v", honest)
	}
	honest.Abandoned = 0 // they are not written again
	if again, _ := noiseOf(t, forged(t, d, exact, func(_ place, z, _ float64) float64 { return z })); *again != *honest {
		t.Fatalf("written again as it was: %+v", again)
	}
	r := rand.New(rand.NewPCG(3, 3))
	kept := map[place]float64{}
	for _, c := range []struct {
		name string
		long bool
		f    cheat
	}{
		{"half the noise", false, func(_ place, z, _ float64) float64 { return z / 2 }},
		{"none in one of ten", false, func(at place, z, _ float64) float64 { return z * float64(min(1, at.release%10)) }},
		{"four fifths of it", true, func(_ place, z, _ float64) float64 { return 0.8 * z }},
		{"clipped at one and a half deviations", true, func(_ place, z, s float64) float64 { return max(-1.5*s, min(1.5*s, z)) }},
		{"drawn again, the nearer", true, func(_ place, z, s float64) float64 { return nearer(z, r.NormFloat64()*s) }},
		{"the noise of the one before", true, func(at place, z, s float64) float64 {
			kept[at] = z / s
			at.release--
			if before, ok := kept[at]; ok && at.release%2 == 0 {
				return before * s
			}
			return z
		}},
	} {
		if c.long && !inLong() {
			continue
		}
		got, _ := noiseOf(t, forged(t, d, exact, c.f))
		if got.Pass || got.Unlike > 0 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func nearer(a, b float64) float64 {
	if math.Abs(a) < math.Abs(b) {
		return a
	}
	return b
}
