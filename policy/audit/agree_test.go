package audit_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// keyLeaf puts a key of the log in force.
func keyLeaf(algorithm, public string, pairs ...any) members {
	return with(members{"algorithm": algorithm, "by": "steward-c", "lost": false, "public": public, "signs": "log", "time": start}, pairs...)
}

// A job charges no more than it has set aside, which is what people approved, also after its
// last day; it may take what is left then.
func TestJobPastItsLastDay(t *testing.T) {
	late := start + 4*day
	attempt := func(n, rho int) members {
		return attempting(jobOne, "id", fmt.Sprint(jobOne, "-", n), "idempotency", digestOf([]byte{byte(n)}), "rho", fmt.Sprint(rho),
			"time", late, "due", late+2)
	}
	for name, tt := range map[string]struct {
		other string // what another job has set aside, of 100
		rho   []int
		want  string
	}{
		"what is left":               {"", []int{30}, ""},
		"more than is left":          {"", []int{31}, "reserve-passed "},
		"what is left, in parts":     {"", []int{10, 20}, ""},
		"more in parts":              {"", []int{10, 21}, "reserve-passed "},
		"beside another job":         {"60", []int{30}, ""},
		"what another has set aside": {"61", []int{30}, "cap-passed cap-passed "},
	} {
		f := trained(t) // 10 of 40
		if tt.other != "" {
			f.approvedThen(late, []any{"name", onTerms("0.0000000000"+tt.other, "2026-12-31", "steward-s")}, "job", jobTwo, "bo", "cy")
			f.chained("RESERVE", reserved(jobTwo, "template_digest", templateDigest, "rho", tt.other, "time", late, "last_day", "2026-12-31"))
		}
		for i, rho := range tt.rho {
			f.chained("CHARGE", attempt(2+i, rho))
		}
		theirs, ours := f.folded(), f.verify()
		if codes(ours) != tt.want || (theirs == nil) != ours.OK() {
			t.Errorf("%s: ledger %v, auditor %v, want %s", name, theirs, ours.Findings, tt.want)
		}
	}
}

// Both folds take and refuse the same keys, witnesses, thresholds and statements.
func TestFoldsAgree(t *testing.T) {
	key := func(algorithm, public string, pairs ...any) *forge {
		m := keyLeaf(algorithm, public, pairs...)
		return watched(t).approvedLeaf("key", "KEY", m, "ada", "bo").chained("KEY", m)
	}
	policy := func(pairs ...any) *forge {
		f, g := watched(t), overseen(t, append(pairs, "replaces", 0)...)
		return f.approvedLeaf("grant", "GRANT", g, "ada", "bo").chained("GRANT", g)
	}
	// A policy in force at the checkpoint has to be cosigned by its own witnesses.
	watchedBy := func(keys ...string) *forge {
		f := policy("cosigners", members{"keys": keys, "quorum": 2})
		g := overseen(t, "replaces", f.inForce())
		return f.approvedLeaf("grant", "GRANT", g, "ada", "bo").chained("GRANT", g)
	}
	one, two := cosigner(t, "w.example").VerifierKey(), cosigner(t, "x.example").VerifierKey()
	seed := sha256.Sum256([]byte("only for testing: w.example"))
	again, err := witness.NewCosigner("y.example", seed[:], time.Now)
	must(t, err)
	for name, tt := range map[string]struct {
		log  func() *forge
		want string
	}{
		"another log's key":         {func() *forge { return key("ed25519", "elsewhere+00000000+AAAA") }, "wrong-population "},
		"another log's SM2 key":     {func() *forge { return key("sm2", "elsewhere+00000000+AAAA").chained("CHARGE", asked("r-1")) }, "wrong-population "},
		"a key of a longer name":    {func() *forge { return key("sm2", population+"x+00000000+AAAA").chained("CHARGE", asked("r-1")) }, "wrong-population "},
		"a receipt key of any name": {func() *forge { return key("ed25519", "elsewhere+00000000+AAAA", "signs", "receipt") }, ""},
		"this log's key":            {func() *forge { return key("ed25519", nextKey(t)) }, ""},
		"two witnesses":             {func() *forge { return watchedBy(one, two) }, ""},
		"witnesses that are none":   {func() *forge { return watchedBy("nobody", one) }, "supervision-lost "},
		"one witness by two names":  {func() *forge { return watchedBy(one, again.VerifierKey()) }, "supervision-lost "},
		"a threshold of ten digits": {func() *forge { return policy("k", "1000000000") }, ""},
		"the largest threshold":     {func() *forge { return policy("k", "9223372036854775807") }, ""},
		"a threshold above it":      {func() *forge { return policy("k", "9223372036854775808") }, "supervision-lost "},
		"a noisy one above it":      {func() *forge { return policy("k", "noisy, 9223372036854775808 where keys are private") }, "supervision-lost "},
		"taken back at second zero": {func() *forge {
			f := &forge{t: t, cosign: []string{"w.example"}, at: 1000}
			f.chained("GRANT", overseen(t, "time", 1000))
			for _, made := range []int{500, 0} {
				f.chained("APPROVE", says("ada", "template", templateDigest, "made", made, "expires", 90000, "time", 1000, "revoked", true))
			}
			return f
		}, ""},
	} {
		f := tt.log()
		theirs, ours := f.folded(), f.verify()
		if codes(ours) != tt.want || (theirs == nil) != ours.OK() {
			t.Errorf("%s: ledger %v, auditor %v, want %s", name, theirs, ours.Findings, tt.want)
		}
	}
}
