package queries_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// fakeEngine answers with groups of 1,000 people who each have one claim of
// 10,000 yuan, after a while, or fails.
type fakeEngine struct {
	takes time.Duration
	fails atomic.Bool
	runs  atomic.Int32
	panic bool
	unfit bool
	deaf  bool // does not stop when it is told to
}

func (e *fakeEngine) Run(ctx context.Context, j queries.Job) (*dp.Totals, error) {
	e.runs.Add(1)
	if e.panic {
		panic("canary-7761: a value of a row")
	}
	if e.deaf {
		time.Sleep(e.takes)
	}
	select {
	case <-time.After(e.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e.fails.Load() {
		return nil, errors.New("canary-7761: a value of a row")
	}
	t, err := dp.NewTotals(j.Spec)
	if err != nil {
		return nil, err
	}
	groups := 1
	for _, n := range j.Spec.Radix() {
		groups *= n
	}
	b := &dp.Batch{Values: make([][]int64, len(j.Spec.Columns))}
	for i := range 1000 * groups {
		var key [16]byte
		rand.Read(key[:])
		b.Keys, b.Person, b.Group = append(b.Keys, key), append(b.Person, uint32(i)), append(b.Group, int32(i%groups))
		for c := range b.Values {
			b.Values[c] = append(b.Values[c], 1_000_000)
		}
	}
	return t, t.AddRange(b)
}

func (e *fakeEngine) Check(context.Context, queries.Job) error {
	if e.unfit {
		return errors.New("the SQL mixes people")
	}
	return nil
}

// memory is a Store in memory.
type memory struct {
	mu    sync.Mutex
	m     map[string][]byte
	full  bool // it takes nothing any more
	shown bool // and says so
}

func (s *memory) Ready() error {
	if s.shown {
		return errFull
	}
	return nil
}

var errFull = errors.New("full")

func (s *memory) Put(digest string, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return errFull
	}
	s.m[digest] = bytes.Clone(b)
	return nil
}

func (s *memory) Get(digest string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, ok := s.m[digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return body, nil
}

func (s *memory) files() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.m)
}

// house is a domain in a temporary directory, without data.
type house struct {
	t      *testing.T
	dir    string
	key    ed25519.PrivateKey
	policy *policy.Policy
	store  *memory
	engine *fakeEngine
	secret []byte
	ledger *ledger.Ledger
	runner *queries.Runner
	now    func() time.Time // of the ledger
}

const pop = "pop-test"

// day is the opt-out epoch of a time.
func day(at time.Time) int64 { return at.Add(8*time.Hour).Unix() / 86400 }

func newHouse(t *testing.T, edit func(string) string) *house {
	t.Helper()
	var offers []policy.Offer
	for _, tpl := range catalog(t).Templates() {
		offers = append(offers, policy.Offer{Template: tpl.Ref(), Audiences: tpl.Audiences, Purposes: tpl.Purposes})
	}
	text := string(policy.Evaluation(policy.EvaluationOptions{Population: pop, Offers: offers, Until: time.Now().AddDate(1, 0, 0)}))
	if edit != nil {
		text = edit(text)
	}
	p, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{
		t: t, dir: t.TempDir(), policy: p, store: &memory{m: map[string][]byte{}}, engine: &fakeEngine{takes: 100 * time.Millisecond},
		key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), secret: bytes.Repeat([]byte{9}, 32),
	}
	h.open()
	if _, err := h.ledger.Snapshot(t.Context(), ledger.Snapshot{Snapshot: source.Snapshot, By: "steward-s"}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) open() {
	h.t.Helper()
	l, err := ledger.Open(ledger.Options{Dir: h.dir, Create: true, Population: pop, Signer: h.key, Now: h.now, Fatal: func(err error) { h.t.Error(err) }})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := l.Grant(h.t.Context(), queries.GrantLeaf(h.policy)); err != nil {
		h.t.Fatal(err)
	}
	h.ledger = l
	h.runner, err = queries.NewRunner(queries.Options{
		MaxInFlight: 16,
		Catalog:     catalog(h.t), Policy: h.policy, State: l.State, Ledger: l, Engine: h.engine, Store: h.store,
		Source: func(id string) (queries.Source, error) { s := source; s.Snapshot = id; return s, nil },
		Epoch:  day, Secret: h.secret,
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) close() {
	h.runner.Close()
	if err := h.ledger.Close(); err != nil {
		h.t.Error(err)
	}
}

var i3 = queries.Request{Template: "I3", Coarse: true, Cost: 0.05, Parameters: map[string]string{"window": "2017-01-01..2017-12-31"}}

func (h *house) spent() dp.Cost { return h.ledger.Spent(pop + "/life") }

// answered asks and waits; it fails the test where there is no release.
func (h *house) answered(who string, req queries.Request) (queries.Ticket, []byte) {
	h.t.Helper()
	t, err := h.runner.Ask(h.t.Context(), who, req, "")
	if err != nil {
		h.t.Fatal(err)
	}
	charged := t.Charged
	if t, err = h.runner.Wait(h.t.Context(), who, t.ID); err != nil || t.State != queries.Released {
		h.t.Fatalf("%+v: %v", t, err)
	}
	t.Charged = charged
	body, err := h.runner.Answer(who, t.Release)
	if err != nil {
		h.t.Fatal(err)
	}
	return t, body
}

// in runs a test on a clock of its own, so that slots take no time.
func in(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func TestChargedOnceAndFreeAfterwards(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		first, body := h.answered("insurer-a", i3)
		cost := h.spent()
		if !first.Charged || cost.Rho == 0 {
			t.Fatalf("the first answer was not charged: %+v", cost)
		}
		again, same := h.answered("insurer-a", i3)
		if again.Charged || !bytes.Equal(body, same) || h.spent() != cost {
			t.Errorf("the repeat: %+v, spent %+v", again, h.spent())
		}
		other, same := h.answered("regulator-r", i3)
		if other.Charged || !bytes.Equal(body, same) || h.spent() != cost {
			t.Errorf("another client's repeat: %+v", other)
		}
		cheaper := i3
		cheaper.Cost = 0.02
		if less, _ := h.answered("insurer-a", cheaper); less.Charged || h.spent() != cost {
			t.Errorf("a less accurate repeat was charged")
		}
		dearer := i3
		dearer.Cost = 0.1
		if more, _ := h.answered("insurer-a", dearer); !more.Charged || h.spent() == cost {
			t.Errorf("a more accurate question was free")
		}
		spent := h.spent()
		h.close()
		h.open() // free after a restart, too
		if t2, same := h.answered("insurer-a", i3); t2.Charged || len(same) == 0 || h.spent() != spent {
			t.Errorf("after a restart: %+v", t2)
		}
		if h.engine.runs.Load() != 2 {
			t.Errorf("%d draws, want 2", h.engine.runs.Load())
		}
		h.close()
	})
}

// Both scopes of the guarantee are charged in full, and the release says so.
func TestScopesAndRelease(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		req := i3
		req.Parameters = map[string]string{"window": "2016-07-01..2017-06-30"}
		_, body := h.answered("insurer-a", req)
		for _, scope := range []string{"/2016", "/2017", "/life"} {
			if h.ledger.Spent(pop+scope) != h.spent() {
				t.Errorf("%s was charged %+v", scope, h.ledger.Spent(pop+scope))
			}
		}
		if h.ledger.Spent(pop+"/2018").Rho != 0 {
			t.Error("a year outside the window was charged")
		}
		var r queries.Release
		if err := json.Unmarshal(body, &r); err != nil {
			t.Fatal(err)
		}
		if r.Catalogue != "I3" || !r.Evaluation || len(r.Groups) != 12 || r.Privacy.K != 20 || len(r.Privacy.Scopes) != 3 || r.Snapshot != source.Snapshot {
			t.Errorf("release %+v", r)
		}
		m := r.Groups[0].Measures["severity"]
		if m.Number == nil || m.Unit != "fen" || m.Number.Low > m.Number.Value || m.Number.High < m.Number.Value {
			t.Errorf("severity %+v", m)
		}
		h.close()
	})
}

// The answer, its leaf and the state appear at the slot, whether the run took
// long or not, and not before.
func TestReleasedAtItsSlot(t *testing.T) {
	in(t, func(t *testing.T) {
		for _, takes := range []time.Duration{0, 500 * time.Millisecond, 1700 * time.Millisecond} {
			h := newHouse(t, nil)
			h.engine.takes = takes
			tk, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Until(tk.Due); d < 2*time.Second || d > 3*time.Second {
				t.Fatalf("due in %v, the slot is 2 s", d)
			}
			time.Sleep(time.Until(tk.Due) - time.Millisecond)
			synctest.Wait()
			if s, err := h.runner.Status("insurer-a", tk.ID); err != nil || s.State != queries.Running {
				t.Errorf("a run of %v: %v before the slot (%v)", takes, s.State, err)
			}
			if _, err := h.runner.Answer("insurer-a", tk.ID); !errors.Is(err, queries.ErrUnknownRequest) {
				t.Errorf("the answer before the slot: %v", err)
			}
			if h.store.files() != 0 {
				t.Error("its file is there before the slot: when it appeared tells how long the run took")
			}
			h.runner.Close()
			if s, err := h.runner.Status("insurer-a", tk.ID); err != nil || s.State != queries.Released {
				t.Errorf("%v at the slot (%v)", s.State, err)
			}
			h.close()
		}
	})
}

// A run that fails, panics or misses its slot is charged, abandoned without a
// reason at the slot, and after three of them the template is suspended.
func TestAbandonedAndSuspended(t *testing.T) {
	for name, spoil := range map[string]func(e *fakeEngine){
		"fails":  func(e *fakeEngine) { e.fails.Store(true) },
		"panics": func(e *fakeEngine) { e.panic = true },
		"late":   func(e *fakeEngine) { e.takes = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				h := newHouse(t, nil)
				spoil(h.engine)
				for i := range 3 {
					before := h.spent()
					req := i3
					req.Cost = 0.01 * float64(i+1)
					tk, err := h.runner.Ask(t.Context(), "insurer-a", req, "")
					if err != nil {
						t.Fatal(err)
					}
					done, err := h.runner.Wait(t.Context(), "insurer-a", tk.ID)
					if err != nil || done.State != queries.Abandoned {
						t.Fatalf("%+v %v", done, err)
					}
					if time.Now().Before(tk.Due) {
						t.Error("abandoned before the slot: the time tells that it failed")
					}
					if _, err := h.runner.Answer("insurer-a", tk.ID); !errors.Is(err, queries.ErrAbandoned) || strings.Contains(err.Error(), "canary") {
						t.Errorf("answer: %v", err)
					}
					if h.spent() == before {
						t.Error("the charge was given back")
					}
				}
				before := h.spent()
				if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); !errors.Is(err, ledger.ErrSuspended) {
					t.Errorf("after three: %v", err)
				}
				if h.spent() != before {
					t.Error("a refused request was charged")
				}
				h.close()
			})
		})
	}
}

// What is refused costs nothing, and says why in words that stay the same.
func TestRefusalsChargeNothing(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, func(s string) string {
			until := time.Now().AddDate(1, 0, 0).UTC().Format(time.DateOnly)
			return strings.Replace(s, "principal: pharma-b\n    until: "+until, "principal: pharma-b\n    until: \"1999-12-31\"", 1)
		})
		with := func(f func(*queries.Request)) queries.Request {
			r := i3
			f(&r)
			return r
		}
		refusal := func(rule string) func(error) bool {
			return func(err error) bool {
				var r *policy.Refusal
				return errors.As(err, &r) && r.Rule == rule
			}
		}
		is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
		for name, c := range map[string]struct {
			who string
			req queries.Request
			ok  func(error) bool
		}{
			"unknown principal":  {"nobody", i3, refusal("unknown-principal")},
			"wrong audience":     {"pharma-b", i3, refusal("audience")},
			"expired grant":      {"pharma-b", with(func(r *queries.Request) { r.Template = "P5"; r.Parameters = asked["P5"] }), refusal("grant-expired")},
			"wrong purpose":      {"insurer-a", with(func(r *queries.Request) { r.Purpose = "elder-care" }), refusal("purpose-not-allowed")},
			"unknown template":   {"insurer-a", with(func(r *queries.Request) { r.Template = "I99" }), is(queries.ErrUnknownTemplate)},
			"bad parameter":      {"insurer-a", with(func(r *queries.Request) { r.Parameters = map[string]string{"window": "now"} }), is(queries.ErrParameter)},
			"no accuracy":        {"insurer-a", with(func(r *queries.Request) { r.Cost = 0 }), is(queries.ErrAccuracy)},
			"both":               {"insurer-a", with(func(r *queries.Request) { r.Accuracy = []string{"5% at 1000"} }), is(queries.ErrAccuracy)},
			"negative cost":      {"insurer-a", with(func(r *queries.Request) { r.Cost = -1 }), is(queries.ErrAccuracy)},
			"huge cost":          {"insurer-a", with(func(r *queries.Request) { r.Cost = 1e308 }), is(queries.ErrAccuracy)},
			"over the cap":       {"insurer-a", with(func(r *queries.Request) { r.Cost = 1.2 }), is(ledger.ErrBudget)},
			"only another key":   {"insurer-a", with(func(r *queries.Request) { r.Only = map[string]string{"sex": "male"} }), is(queries.ErrParameter)},
			"only another value": {"insurer-a", with(func(r *queries.Request) { r.Only = map[string]string{"level": "tertiary,best"} }), is(queries.ErrParameter)},
			"mostly empty":       {"insurer-a", with(func(r *queries.Request) { r.PublicPeople = 500 }), is(queries.ErrMostlyEmpty)},
			"private and empty": {"regulator-r", with(func(r *queries.Request) {
				r.Template = "R1"
				r.Parameters = map[string]string{"window": "2017"}
				r.Coarse = false
				r.PublicPeople = 500
				r.Cost = 1e-5
			}), is(queries.ErrMostlyEmpty)},
			"unknown measure": {"insurer-a", with(func(r *queries.Request) { r.Cost = 0; r.Accuracy = []string{"luck=5"} }), is(queries.ErrAccuracy)},
		} {
			before := h.ledger.Scopes()
			if _, err := h.runner.Ask(t.Context(), c.who, c.req, ""); err == nil || !c.ok(err) {
				t.Errorf("%s: %v", name, err)
			}
			if len(before) != 0 || len(h.ledger.Scopes()) != 0 {
				t.Fatalf("%s: something was charged", name)
			}
		}
		for _, a := range []string{"0", "-1", "NaN", "Inf", "1e308", "1e999", "1e-320", "", "5%", "5% at 0", "5% at x", "0% at 1000", "severity=", "a=b=5"} {
			if _, err := h.runner.Ask(t.Context(), "insurer-a", with(func(r *queries.Request) { r.Cost = 0; r.Accuracy = []string{a} }), ""); !errors.Is(err, queries.ErrAccuracy) {
				t.Errorf("accuracy %q: %v", a, err)
			}
		}
		if len(h.ledger.Scopes()) != 0 || h.engine.runs.Load() != 0 {
			t.Error("a refused request was charged or run")
		}
		h.close()
	})
}

// Equal questions are recognised however they are written, and so is a
// narrower selection of the groups of a table that is there.
func TestEqualQuestionsAreFree(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		first, body := h.answered("insurer-a", i3)
		for name, edit := range map[string]func(*queries.Request){
			"dates":     func(r *queries.Request) { r.Parameters["window"] = "2017" },
			"defaults":  func(r *queries.Request) { r.Parameters["amount"], r.Parameters["med_type"] = "total", "inpatient" },
			"id":        func(r *queries.Request) { r.Template = "claim-severity" },
			"selection": func(r *queries.Request) { r.Only = map[string]string{"level": "secondary,tertiary"} },
		} {
			req := i3
			req.Parameters = maps.Clone(i3.Parameters)
			edit(&req)
			again, same := h.answered("insurer-a", req)
			if again.Charged || again.Release != first.ID || !bytes.Equal(body, same) {
				t.Errorf("%s: %+v", name, again)
			}
		}
		h.close()
	})
}

// SQL that an engine finds unfit is refused before the charge.
func TestUnfitTemplateIsNotCharged(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.engine.unfit = true
		if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); !errors.Is(err, queries.ErrTemplate) {
			t.Errorf("%v", err)
		}
		if len(h.ledger.Scopes()) != 0 || h.engine.runs.Load() != 0 {
			t.Error("it was charged or run")
		}
		h.close()
	})
}

func TestIdempotency(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		a, err := h.runner.Ask(t.Context(), "insurer-a", i3, "key-1")
		if err != nil {
			t.Fatal(err)
		}
		b, err := h.runner.Ask(t.Context(), "insurer-a", i3, "key-1")
		if err != nil || a.ID != b.ID {
			t.Errorf("the same key gave %s and %s (%v)", a.ID, b.ID, err)
		}
		other := i3
		other.Cost = 0.07
		if _, err := h.runner.Ask(t.Context(), "insurer-a", other, "key-1"); !errors.Is(err, queries.ErrIdempotency) {
			t.Errorf("another request under the same key: %v", err)
		}
		spent := h.spent()
		h.close()
		h.open()
		c, err := h.runner.Ask(t.Context(), "insurer-a", i3, "key-1")
		if err != nil || c.ID != a.ID || c.State != queries.Released || h.spent() != spent {
			t.Errorf("after a restart: %+v %v", c, err)
		}
		if _, err := h.runner.Status("pharma-b", a.ID); !errors.Is(err, queries.ErrUnknownRequest) {
			t.Errorf("another principal sees the request: %v", err)
		}
		if _, err := h.runner.Answer("pharma-b", a.ID); !errors.Is(err, queries.ErrUnknownRequest) {
			t.Errorf("another principal reads the release: %v", err)
		}
		h.close()
	})
}

// Many clients asking the same at once share one draw and one charge.
func TestConcurrentEqualQuestionsShareOneDraw(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		var wg sync.WaitGroup
		var charged atomic.Int32
		for i := range 20 {
			wg.Go(func() {
				who := []string{"insurer-a", "regulator-r"}[i%2]
				tk, err := h.runner.Ask(t.Context(), who, i3, "")
				if err != nil {
					t.Error(err)
					return
				}
				if tk.Charged {
					charged.Add(1)
				}
				if tk, err = h.runner.Wait(t.Context(), who, tk.ID); err != nil || tk.State != queries.Released {
					t.Errorf("%+v %v", tk, err)
				}
			})
		}
		wg.Wait()
		if n := len(h.ledger.Requests()); n != 1 {
			t.Errorf("%d charges in the log", n)
		}
		if charged.Load() != 1 || h.engine.runs.Load() != 1 {
			t.Errorf("%d charges, %d draws", charged.Load(), h.engine.runs.Load())
		}
		h.close()
	})
}

// Whoever waits for somebody else's run that fails is told so, and paid nothing.
func TestFollowersOfAFailedRun(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.engine.fails.Store(true)
		first, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
		if err != nil {
			t.Fatal(err)
		}
		second, err := h.runner.Ask(t.Context(), "regulator-r", i3, "")
		if err != nil || second.Charged || second.Due != first.Due || second.Release != first.ID {
			t.Fatalf("%+v %v", second, err)
		}
		if _, err := h.runner.Status("insurer-a", second.ID); !errors.Is(err, queries.ErrUnknownRequest) {
			t.Errorf("the other's request is seen: %v", err)
		}
		if done, err := h.runner.Wait(t.Context(), "regulator-r", second.ID); err != nil || done.State != queries.Abandoned {
			t.Errorf("%+v %v", done, err)
		}
		h.close()
	})
}

// A stopped process burns what it had charged: no second draw, no refund.
func TestRestartAbandonsOrphans(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.engine.takes = time.Hour
		tk, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
		if err != nil {
			t.Fatal(err)
		}
		spent := h.spent()
		if err := h.ledger.Close(); err != nil { // as if the process had died
			t.Fatal(err)
		}
		old := h.runner
		h.open()
		if s, err := h.runner.Status("insurer-a", tk.ID); err != nil || s.State != queries.Abandoned {
			t.Errorf("%+v %v", s, err)
		}
		if h.spent() != spent {
			t.Errorf("spent %+v, want %+v", h.spent(), spent)
		}
		old.Close()
		h.close()
	})
}

func TestEstimateAgreesWithTheCharge(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		e, err := h.runner.Estimate(t.Context(), "insurer-a", i3)
		if err != nil {
			t.Fatal(err)
		}
		if len(h.ledger.Scopes()) != 0 || h.engine.runs.Load() != 0 {
			t.Fatal("an estimate charged or ran something")
		}
		if e.Free || !e.Fits || e.SmallestGroup < 20 || e.Catalogue != "I3" || len(e.Scopes) != 2 || e.SlotSeconds != 2 {
			t.Errorf("%+v", e)
		}
		h.answered("insurer-a", i3)
		if got := h.spent().RhoFloat(); got != e.Rho {
			t.Errorf("charged %v, estimated %v", got, e.Rho)
		}
		if e, err = h.runner.Estimate(t.Context(), "insurer-a", i3); err != nil || !e.Free {
			t.Errorf("after the release: free %v (%v)", e.Free, err)
		}
		big := i3
		big.Cost = 1.04
		if e, err = h.runner.Estimate(t.Context(), "insurer-a", big); err != nil || e.Fits || e.FitsAt <= 1000 {
			t.Errorf("over the cap: fits %v, fits at %d (%v)", e.Fits, e.FitsAt, err)
		}
		h.close()
	})
}

func ExampleParseAccuracy() {
	for _, s := range []string{"50", "severity=5% at 1000"} {
		e, _ := queries.ParseAccuracy(s)
		fmt.Println(e.Measure, e.Abs, e.Rel, e.At)
	}
	// Output:
	//  50 0 0
	// severity 0 0.05 1000
}
