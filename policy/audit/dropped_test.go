package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
)

// What somebody has approved who is dropped by a policy counts for nothing, and comes back
// with them where a later one names them anew by the same key. Dropped, they approve nothing
// any more, but can take back what they have approved, so that it does not.
func TestDroppedApprover(t *testing.T) {
	whole := overseen(t)
	key := func(p string) members { return members{"key": publicOf(p), "person": p} }
	persons := slices.Insert(slices.Clone(whole["persons"].([]members)), 5, person("dee", "steward-d"))
	// Ada, Cy and Dee, of whom Cy puts it forward; Bo, who has approved the template, is out.
	without := overseen(t, "policy", "without bo", "persons", persons, "approvers", []members{key("ada"), key("cy"), key("dee")})
	again := overseen(t, "policy", "with bo", "persons", persons, "approvers", []members{key("ada"), key("bo"), key("cy"), key("dee")})
	dropped := func() *forge {
		f := watched(t) // Bo and Cy have approved the template
		f.approvedLeaf("grant", "GRANT", without, "ada", "bo").chained("GRANT", without)
		return f.approved("grant", contentOf(t, "GRANT", with(without, "replaces", 0)), "dee").approved("snapshot", contentOf(t, "SNAPSHOT", loaded), "dee")
	}
	back := func(f *forge) *forge {
		f.approvedLeaf("grant", "GRANT", again, "ada", "dee").chained("GRANT", again)
		return f.chained("CHARGE", asked("r-1"))
	}
	takesBack := func(f *forge, pairs ...any) *forge {
		return f.chained("APPROVE", says("bo", "template", templateDigest, append([]any{"revoked", true, "made", start + 1, "time", start + 1}, pairs...)...))
	}
	for name, tt := range map[string]struct {
		log  func() *forge
		want string
	}{
		"while dropped":        {func() *forge { return dropped().chained("CHARGE", asked("r-1")) }, "not-approved "},
		"named again":          {func() *forge { return back(dropped()) }, ""},
		"takes back":           {func() *forge { return takesBack(dropped()) }, ""},
		"taken back meanwhile": {func() *forge { return backAt(again, takesBack(dropped())) }, "not-approved "},
		"approves meanwhile": {func() *forge {
			return dropped().chained("APPROVE", says("bo", "template", templateDigest, "made", start+1, "time", start+1))
		}, "approval-invalid "},
		"by another's key": {func() *forge {
			return takesBack(dropped(), "signature", says("cy", "template", templateDigest)["signature"])
		}, "approval-invalid "},
		"what was never said": {func() *forge {
			return dropped().chained("APPROVE", says("bo", "template", digestOf(nil), "revoked", true))
		}, "approval-invalid "},
		"by who never approved": {func() *forge {
			return dropped().chained("APPROVE", says("eve", "template", templateDigest, "revoked", true))
		}, "approval-invalid "},
	} {
		f := tt.log()
		theirs, ours := f.folded(), f.verify()
		if codes(ours) != tt.want || (theirs == nil) != ours.OK() {
			t.Errorf("%s: ledger %v, auditor %v, want %s", name, theirs, ours.Findings, tt.want)
		}
	}
}

// backAt puts a policy in force a second later, and charges.
func backAt(m members, f *forge) *forge {
	m = with(m, "replaces", f.inForce())
	for _, p := range []string{"ada", "dee"} {
		f.chained("APPROVE", says(p, "grant", contentOf(f.t, "GRANT", m), "time", start+1))
	}
	return f.chained("GRANT", with(m, "time", start+1)).chained("CHARGE", asked("r-1", "time", start+1))
}

// Floats add up to something else in another order. Where that decides whether a cost is
// enough, both folds decide as the order of the leaf has it, and each time the same.
func TestNoiseIsAddedInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	least := func(sigmas []float64) (sum float64) {
		for _, x := range sigmas {
			sum += 1 / (2 * x * x)
		}
		return sum * (1 - 1e-9)
	}
	found := 0
	for range 1_000_000 {
		sigmas := make([]float64, 6)
		for i := range sigmas {
			sigmas[i] = 0.01 + 0.05*random.Float64()
		}
		first, others := least(sigmas), slices.Clone(sigmas)
		cost := dp.Cost{Rho: int64(first * 1e12)}
		enough, flips := cost.RhoFloat() >= first, 0
		for range 60 {
			random.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
			if (cost.RhoFloat() >= least(others)) != enough {
				flips++
			}
		}
		if flips < 20 {
			continue
		}
		m := members{}
		for i, x := range sigmas {
			m[fmt.Sprint("c-", i)] = strconv.FormatFloat(x, 'g', -1, 64)
		}
		limit := members{"rho": fmt.Sprint(1 << 60), "delta": "1000"}
		f := inPlace(t, overseen(t, "caps", members{"year": limit, "life": limit})).
			chained("CHARGE", asked("r-1", "rho", fmt.Sprint(cost.Rho), "sigmas", m))
		for range 20 {
			if theirs, ours := f.folded(), f.verify(); (theirs == nil) != enough || ours.OK() != enough {
				t.Fatalf("%v for %d: ledger %v, auditor %v, want %v", sigmas, cost.Rho, theirs, ours.Findings, enough)
			}
		}
		if found++; found == 3 {
			return
		}
	}
	t.Fatal("no sums were found that differ")
}
