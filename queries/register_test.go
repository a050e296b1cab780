package queries_test

import (
	"crypto/ed25519"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// canary is a window that nobody else asks for: its days must be in no register.
var canary = map[string]string{"window": "2017-02-03..2017-11-28"}

// The register agrees with the books, and has no parameter, no name of a principal
// and nothing that is a handle.
func TestRegister(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		h.answered("insurer-a", queries.Request{Template: "I3", Coarse: true, Cost: 0.05, Parameters: canary})
		h.answered("insurer-a", i3)
		h.answered("regulator-r", i3) // from store
		h.engine.fails.Store(true)
		abandoned, err := h.runner.Ask(t.Context(), "regulator-r", queries.Request{Template: "I2", Coarse: true, Cost: 0.02, Parameters: canary}, "key")
		if err != nil {
			t.Fatal(err)
		}
		if r := h.runner.Register(); len(r.Entries) != 2 || r.Repeats != nil {
			t.Errorf("before a checkpoint covers the charge: %+v", r)
		}
		cover := func() {
			if _, err := h.ledger.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		cover()
		if r := h.runner.Register(); len(r.Entries) != 3 || r.Entries[0].State != queries.Running {
			t.Errorf("while it runs: %+v", r.Entries)
		}
		if _, err := h.runner.Wait(t.Context(), "regulator-r", abandoned.ID); err != nil {
			t.Fatal(err)
		}
		cover()
		r := h.runner.Register()
		if len(r.Entries) != 3 || r.Entries[0].State != queries.Abandoned || r.Entries[1].State != queries.Released || r.Entries[0].Organisation != "regulator" {
			t.Errorf("entries %+v", r.Entries)
		}
		agree(t, h, r)
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		secrets := []string{"02-03", "11-28", "regulator-r", "steward", "evaluation-"}
		for _, rec := range h.ledger.Requests() {
			secrets = append(secrets, rec.ID, rec.Key, rec.Digest, rec.Request, rec.TemplateDigest, rec.Snapshot, rec.Idempotency)
		}
		for _, s := range secrets {
			if s != "" && strings.Contains(string(text), s) {
				t.Errorf("the register shows %q", s)
			}
		}
	})
}

// agree holds the register against the metering of the ledger.
func agree(t *testing.T, h *house, r *queries.Register) {
	t.Helper()
	charges, rho, repeats := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for _, u := range h.ledger.Usage() {
		charges[u.Organisation] += u.Charges
		rho[u.Organisation] += u.Rho
		repeats[u.Organisation] += u.Repeats
	}
	for _, u := range r.Organisations {
		if u.Scope == "life" && (u.Requests != charges[u.Organisation] || math.Abs(u.Spent-float64(rho[u.Organisation])/1e12) > 1e-12) {
			t.Errorf("%+v, but the ledger has %d charges of %d", u, charges[u.Organisation], rho[u.Organisation])
		}
	}
	for _, s := range r.Scopes {
		spent := h.ledger.Spent(pop + "/" + s.Scope).RhoFloat()
		if math.Abs(s.Spent-spent) > 1e-12 || math.Abs(s.Spent+s.Left-s.Cap) > 1e-9 {
			t.Errorf("%+v, but the ledger has %g", s, spent)
		}
	}
	if len(r.Organisations) != 4 || len(r.Scopes) != 2 || len(r.Repeats) != 1 || r.Repeats[0].Requests != repeats["regulator"] {
		t.Errorf("%d uses, scopes %+v, repeats %+v", len(r.Organisations), r.Scopes, r.Repeats)
	}
	if r.Privacy.Factor < math.Exp(r.Privacy.Epsilon) || r.Privacy.SoFar <= 1 || r.Privacy.SoFar > r.Privacy.Factor {
		t.Errorf("promise %+v", r.Privacy)
	}
}

// What the newest checkpoint does not cover yet is not in the register.
func TestRegisterKeepsToTheCheckpoint(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		h.answered("insurer-a", i3)
		path := filepath.Join(h.dir, "checkpoint")
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h.answered("regulator-r", i3)
		h.answered("insurer-a", queries.Request{Template: "I2", Coarse: true, Cost: 0.02, Parameters: canary})
		if err := os.WriteFile(path, old, 0o600); err != nil {
			t.Fatal(err)
		}
		state, err := ledger.Read(h.dir, ledger.VerifierKey(pop, h.key.Public().(ed25519.PublicKey)))
		if err != nil {
			t.Fatal(err)
		}
		o := h.runner.Options
		o.State, o.Ledger = state, nil
		reader, err := queries.NewRunner(o)
		if err != nil {
			t.Fatal(err)
		}
		r := reader.Register()
		if len(r.Entries) != 1 || r.Entries[0].State != queries.Released || r.Repeats != nil || len(r.Organisations) != 2 || r.Organisations[0].Requests != 1 {
			t.Errorf("beyond the checkpoint: %+v", r)
		}
	})
}
