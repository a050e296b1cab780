package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// evaluators have the tokens of an evaluation domain's principals.
var evaluators = known{"token-a": "insurer-a", "token-b": "pharma-b", "token-r": "regulator-r"}

// empty is an engine over nobody: every group is suppressed.
type empty struct{}

func (empty) Run(_ context.Context, j queries.Job) (*dp.Totals, error) { return dp.NewTotals(j.Spec) }

func (empty) Check(context.Context, queries.Job) error { return nil }

// shelf is a Store in memory.
type shelf struct{ m sync.Map }

func (s *shelf) Ready() error { return nil }

func (s *shelf) Put(digest string, b []byte) error { s.m.Store(digest, bytes.Clone(b)); return nil }

func (s *shelf) Get(digest string) ([]byte, error) {
	if b, ok := s.m.Load(digest); ok {
		return b.([]byte), nil
	}
	return nil, fs.ErrNotExist
}

// signer signs receipts; what it signs with is no matter here.
type signer struct{}

func (signer) Sign(context.Context, []byte) ([]byte, error) { return []byte("signed"), nil }

func (signer) KeyID() (string, error) { return "key", nil }

// domain serves a real Runner and ledger, in a bubble of synctest.
func domain(t *testing.T) (http.Handler, *ledger.Ledger) {
	t.Helper()
	c := catalog(t)
	var offers []policy.Offer
	for _, tpl := range c.Templates() {
		offers = append(offers, policy.Offer{Template: tpl.Ref(), Audiences: tpl.Audiences, Purposes: tpl.Purposes})
	}
	p, err := policy.Parse("policy.yaml", policy.Evaluation(policy.EvaluationOptions{Population: "city", Offers: offers, Until: time.Now().AddDate(1, 0, 0)}))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Options{
		Dir: t.TempDir(), Create: true, Population: "city", Signer: ed25519.NewKeyFromSeed(make([]byte, 32)), Fatal: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Grant(t.Context(), queries.GrantLeaf(p))
	snapshot := strings.Repeat("ab", 32)
	if _, err2 := l.Snapshot(t.Context(), ledger.Snapshot{Snapshot: snapshot, By: "steward-s"}); err != nil || err2 != nil {
		t.Fatal(errors.Join(err, err2))
	}
	r, err := queries.NewRunner(queries.Options{
		MaxInFlight: 16,
		Catalog:     c, Policy: p, State: l.State, Ledger: l, Engine: empty{}, Store: &shelf{}, Sign: signer{}, SignSM2: signer{}, Secret: make([]byte, 32),
		Source: func(string) (queries.Source, error) { return queries.Source{Snapshot: snapshot, MaxRows: 20000}, nil },
		Epoch:  func(at time.Time) int64 { return at.Add(8*time.Hour).Unix() / 86400 },
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Runner: r, Catalog: c, Policy: p, Tokens: evaluators})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.Handler(), l
}

const real = `{"template":"I3","coarse":true,"cost":0.05,"parameters":{"window":"2017-01-01..2017-12-31"}}`

// What is refused, for whatever reason, leaves no charge in the real books.
func TestRefusedIsNotCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := domain(t)
		for _, c := range badBodies {
			problem(t, do(h, "POST", "/v1/queries", c.body), c.name, c.status)
		}
		with := func(from, to string) string { return strings.Replace(real, from, to, 1) }
		for _, c := range []struct {
			why, body, token, name, rule string
			status                       int
		}{
			{"no token", real, "x", "unauthenticated", "", 401},
			{"unknown template", with("I3", "I99"), "token-a", "unknown-template", "", 404},
			{"not for this role", real, "token-b", "refused", "audience", 403},
			{"wrong purpose", with(`"cost"`, `"purpose":"fishing","cost"`), "token-a", "refused", "purpose-not-allowed", 403},
			{"unknown parameter", with(`"window"`, `"x":"1","window"`), "token-a", "parameter", "", 422},
			{"no parameter", with(`"window":"2017-01-01..2017-12-31"`, ""), "token-a", "parameter", "", 422},
			{"parameter out of range", with("2017-12-31", "2199-12-31"), "token-a", "parameter", "", 422},
			{"parameter of another type", with("2017-01-01..2017-12-31", "30"), "token-a", "parameter", "", 422},
			{"accuracy 0", with(`"cost":0.05`, `"accuracy":["0"]`), "token-a", "accuracy", "", 422},
			{"accuracy -1", with(`"cost":0.05`, `"accuracy":["-1"]`), "token-a", "accuracy", "", 422},
			{"accuracy NaN", with(`"cost":0.05`, `"accuracy":["NaN"]`), "token-a", "accuracy", "", 422},
			{"accuracy 1e308", with(`"cost":0.05`, `"accuracy":["1e308"]`), "token-a", "accuracy", "", 422},
			{"accuracy 1e999", with(`"cost":0.05`, `"accuracy":["1e999"]`), "token-a", "accuracy", "", 422},
			{"accuracy of nothing", with(`"cost":0.05`, `"accuracy":["x=50"]`), "token-a", "accuracy", "", 422},
			{"neither", with(`"cost":0.05,`, ""), "token-a", "accuracy", "", 422},
			{"both", with(`"cost"`, `"accuracy":["50"],"cost"`), "token-a", "accuracy", "", 422},
			{"cost -1", with("0.05", "-1"), "token-a", "accuracy", "", 422},
			{"cost 1e308", with("0.05", "1e308"), "token-a", "accuracy", "", 422},
			{"cost 1e-300", with("0.05", "1e-300"), "token-a", "accuracy", "", 422},
			{"too dear", with("0.05", "1.5"), "token-a", "accuracy", "", 422},
			{"mostly empty", with(`"cost"`, `"public_people":5000,"cost"`), "token-a", "mostly-empty", "", 422},
		} {
			w := do(h, "POST", "/v1/queries", c.body, "Authorization: Bearer "+c.token)
			if p := problem(t, w, c.name, c.status); p.Rule != c.rule || p.Detail == "" && p.Status != 401 {
				t.Errorf("%s: rule %q in %s", c.why, p.Rule, w.Body)
			}
		}
		if n := len(l.Requests()); n != 0 || l.Spent("city/life").Rho != 0 || l.Spent("city/2017").Rho != 0 {
			t.Errorf("%d charges, %+v spent", n, l.Spent("city/life"))
		}
	})
}

// One charge, then the same bytes for ever and for everyone who asks.
func TestRealRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := domain(t)
		if w := do(h, "POST", "/v1/estimates", real); w.Code != 200 || !strings.Contains(w.Body.String(), `"catalogue":"I3"`) || l.Spent("city/life").Rho != 0 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		ticket := ask(t, h, "token-a", "key-1")
		if again := ask(t, h, "token-a", "key-1"); again != ticket || !ticket.Charged {
			t.Errorf("the same key: %+v and %+v", ticket, again)
		}
		problem(t, do(h, "POST", "/v1/queries", strings.Replace(real, "0.05", "0.06", 1), "Idempotency-Key: key-1"), "idempotency-key", 422)
		path := "/v1/releases/" + ticket.ID
		problem(t, do(h, "GET", path, ""), "not-due", 409)
		events := do(h, "GET", "/v1/queries/"+ticket.ID+"/events", "").Body.String() // until the slot
		if !strings.Contains(events, "id: running\n") || !strings.Contains(events, "id: released\n") || time.Now().Before(ticket.Due) {
			t.Errorf("events %q at %v", events, time.Now())
		}
		stored := do(h, "GET", path, "")
		cost := l.Spent("city/life")
		problem(t, do(h, "GET", path, "", "Authorization: Bearer token-b"), "unknown-request", 404)
		free := ask(t, h, "token-r", "")
		if free.Charged || free.State != queries.Released || l.Spent("city/life") != cost || cost.Rho == 0 || len(l.Requests()) != 1 {
			t.Errorf("a repeat: %+v, %+v spent", free, l.Spent("city/life"))
		}
		if got := do(h, "GET", "/v1/releases/"+free.ID, "", "Authorization: Bearer token-r"); got.Body.String() != stored.Body.String() || stored.Code != 200 {
			t.Errorf("other bytes: %d %s", got.Code, got.Body)
		}
		var receipt struct{ Release, Envelope json.RawMessage }
		if w := do(h, "GET", path+"/receipt", ""); json.Unmarshal(w.Body.Bytes(), &receipt) != nil || len(receipt.Release)*len(receipt.Envelope) == 0 {
			t.Errorf("receipt: %d %s", w.Code, w.Body)
		}
		if w := do(h, "GET", path+".csv", ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "age,suppressed\r\n") && !strings.Contains(w.Body.String(), ",suppressed\r\n") {
			t.Errorf("csv: %d %s", w.Code, w.Body)
		}
		exhaust(t, h, l)
	})
}

func ask(t *testing.T, h http.Handler, token, key string) queries.Ticket {
	t.Helper()
	w := do(h, "POST", "/v1/queries", real, "Authorization: Bearer "+token, "Idempotency-Key: "+key)
	var ticket queries.Ticket
	if err := json.Unmarshal(w.Body.Bytes(), &ticket); err != nil || w.Code != 202 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return ticket
}

// exhaust asks ever more dearly until the year's cap refuses.
func exhaust(t *testing.T, h http.Handler, l *ledger.Ledger) {
	t.Helper()
	for cost := range 20 {
		spent := l.Spent("city/2017")
		w := do(h, "POST", "/v1/queries", strings.Replace(real, "0.05", "0."+string(rune('1'+cost)), 1))
		if w.Code == 202 {
			continue
		}
		p := problem(t, w, "budget-exhausted", 409)
		if p.Rule != "budget" || p.Scope != "city/2017" || p.RhoLeft == nil || *p.RhoLeft <= 0 || l.Spent("city/2017") != spent {
			t.Errorf("%s, spent %+v then %+v", w.Body, spent, l.Spent("city/2017"))
		}
		return
	}
	t.Error("the budget never ends")
}
