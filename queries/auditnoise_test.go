package queries_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

// listener remembers the jobs that an engine was given.
type listener struct {
	queries.Engine
	jobs []queries.Job
}

func (l *listener) Run(ctx context.Context, j queries.Job) (*dp.Totals, error) {
	l.jobs = append(l.jobs, j)
	return l.Engine.Run(ctx, j)
}

// What an audit asks again is the very job that was run, salt and k included, for
// every template, fine and coarse; and an honest log passes (false alarm 1e-6).
func TestAuditAsksTheSameAgain(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		ears := &listener{Engine: h.engine}
		h.runner.Engine, h.runner.Answerer = ears, queries.InProcess(ears)
		for _, tpl := range catalog(t).Templates() {
			for _, coarse := range []bool{false, true} {
				req := queries.Request{Template: tpl.Ref(), Coarse: coarse, Cost: 0.01, Parameters: tpl.Example, AllowEmpty: true}
				for _, who := range h.policy.Principals {
					if _, err := h.runner.Estimate(t.Context(), who.ID, req); err == nil {
						before := len(ears.jobs)
						ticket, err := h.runner.Ask(t.Context(), who.ID, req, "")
						if err != nil {
							t.Fatal(err)
						}
						if ticket, err = h.runner.Wait(t.Context(), who.ID, ticket.ID); err != nil {
							t.Fatal(err)
						}
						if ticket.State != queries.Released { // the engine here knows no private keys
							ears.jobs = ears.jobs[:before]
						}
						break
					}
				}
			}
		}
		ran := ears.jobs
		ears.jobs = nil
		report, err := h.runner.AuditNoise(t.Context(), math.MaxInt64, 1e-6, nil)
		if err != nil || !report.Pass || report.Releases != len(ran) || report.Releases < 20 || report.Unlike > 0 {
			t.Fatalf("%d were run: %+v, %v", len(ran), report, err)
		}
		if len(ears.jobs) != len(ran) {
			t.Fatalf("%d jobs of %d were asked again", len(ears.jobs), len(ran))
		}
		salts := map[[16]byte]bool{}
		for i := range ran {
			if !reflect.DeepEqual(ran[i], ears.jobs[i]) {
				t.Errorf("asked %+v, and again %+v", ran[i], ears.jobs[i])
			}
			salts[ran[i].Salt] = true
		}
		if salts[[16]byte{}] || len(salts) != len(ran) {
			t.Errorf("%d salts of %d requests, or none", len(salts), len(ran))
		}
	})
}

// What cannot be tested is counted under its reason; what is not what was charged
// fails; and what the engine says of data is told to nobody.
func TestAuditOfWhatIsMissing(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		ticket, body := h.answered("insurer-a", i3)
		audit := func(edit func(*queries.Options)) (*queries.NoiseReport, error) {
			o := h.runner.Options
			edit(&o)
			r, err := queries.NewRunner(o)
			if err != nil {
				t.Fatal(err)
			}
			return r.AuditNoise(t.Context(), math.MaxInt64, 1e-6, nil)
		}
		gone := func(o *queries.Options) {
			o.Source = func(string) (queries.Source, error) { return queries.Source{}, errors.New("gone") }
		}
		if r, err := audit(gone); err != nil || r.NoSnapshot != 1 || r.Releases != 0 || !r.Pass || !r.TooFew {
			t.Errorf("without the snapshot: %+v, %v", r, err)
		}
		rotated := func(o *queries.Options) { o.Secret = bytes.Repeat([]byte{1}, 32) }
		if r, err := audit(rotated); err != nil || r.Unlike != 1 || r.Pass {
			t.Errorf("with another secret: %+v, %v", r, err)
		}
		h.engine.fails.Store(true)
		if r, err := audit(func(*queries.Options) {}); r != nil || !errors.Is(err, queries.ErrAudit) || bytes.Contains([]byte(err.Error()), []byte("canary")) {
			t.Errorf("with an engine that fails: %+v, %v", r, err)
		}
		h.engine.fails.Store(false)
		rec, _ := h.ledger.State.Trace(ticket.ID)
		for name, to := range map[string]string{`"bounding":"by-request"`: `"bounding":"nobody knows"`, `"k":20`: `"k":21`} {
			other := bytes.Replace(body, []byte(name), []byte(to), 1)
			h.store.m[rec.Request.Digest] = other // the digest tells
			if r, err := audit(func(*queries.Options) {}); err != nil || r.Unlike != 1 || r.Pass {
				t.Errorf("%s: %+v, %v", to, r, err)
			}
		}
	})
}
