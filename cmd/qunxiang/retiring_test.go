package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// retiring is a supervised log whose witness is w1.example, and w2.example by a policy that
// was put in force while nobody was in reach.
type retiring struct {
	*testing.T
	*ledger.Ledger
	o        *outsideLog
	dir, key string
	one, two string // keys of the witnesses
	at       map[string]string
}

func newRetiring(t *testing.T) *retiring {
	t.Helper()
	dir := t.TempDir()
	r := &retiring{T: t, dir: filepath.Join(dir, "ledger"), at: map[string]string{}}
	r.key = ledger.VerifierKey("hangzhou", scriptLogKey.Public().(ed25519.PublicKey))
	var url string
	r.one, url = served(t, "w1.example")
	r.at[r.one] = url
	r.two, url = served(t, "w2.example")
	r.at[r.two] = url
	r.o = &outsideLog{file: filepath.Join(dir, witnessesFile), signed: filepath.Join(r.dir, "checkpoint"), origin: "hangzhou",
		keys: func() ([]string, []string, error) { return []string{r.key}, nil, nil }, say: func(string, error) {}}
	r.reach(r.one, r.two)
	var err error
	r.Ledger, err = ledger.Open(ledger.Options{Dir: r.dir, Create: true, Population: "hangzhou", Signer: scriptLogKey, Witness: r.o, Fatal: func(error) {}})
	r.must(err)
	t.Cleanup(func() { _ = r.Close() })
	approver := func(person string) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", "only for testing: "+person)))
	}
	g := ledger.Grant{Population: "hangzhou", Policy: "first", Mode: "supervised", By: "steward-c", K: "20", Retention: ledger.MinRetention,
		Year: dp.Cost{Rho: 10, Delta: 10}, Life: dp.Cost{Rho: 10, Delta: 10}, Witnesses: ledger.Witnesses{Keys: []string{r.one}, Quorum: 1}}
	for _, p := range []string{"a", "b", "c"} {
		public := approver(p).Public().(ed25519.PublicKey)
		g.Approvers = append(g.Approvers, ledger.Approver{Person: p, Key: base64.StdEncoding.EncodeToString(public)})
		g.Persons = append(g.Persons, ledger.Person{Person: p, Principal: "steward-" + p})
	}
	_, err = r.Grant(t.Context(), g)
	r.must(err)
	g.Policy, g.Witnesses = "second", ledger.Witnesses{Keys: []string{r.two}, Quorum: 1}
	next := r.Succession(g)
	digest, err := ledger.ContentDigest(&next)
	r.must(err)
	for _, p := range []string{"a", "b"} {
		at := r.Now()
		a := ledger.Approve{Subject: ledger.SubjectGrant, Digest: digest, Name: "second", Approver: p, Made: at, Expires: at.AddDate(0, 1, 0)}
		a.Sign("hangzhou", approver(p))
		_, err := r.Approve(t.Context(), a)
		r.must(err)
	}
	r.reach()
	_, err = r.Grant(t.Context(), g)
	r.must(err)
	return r
}

// reach writes a witnesses.yaml in which these are reached and the others are not.
func (r *retiring) reach(keys ...string) {
	r.Helper()
	text := "witnesses:\n"
	for _, key := range []string{r.one, r.two} {
		url := "http://127.0.0.1:1/"
		if contains(keys, key) {
			url = r.at[key]
		}
		text += fmt.Sprintf("  - {key: %q, url: %q}\n", key, url)
	}
	r.must(os.WriteFile(r.o.file, []byte(text), 0o600))
}

// grow adds a leaf: who was asked in vain is asked about that at once.
func (r *retiring) grow() {
	r.Helper()
	_, err := r.Deny(r.Context(), ledger.Deny{Principal: "insurer-a", Rule: "grant"})
	r.must(err)
}

func (r *retiring) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// A backup from between a policy with other witnesses and their first cosignature is held
// against those of the policy that is signed, who know of it, and against the others, who
// need not know of anything yet.
func TestRestoreBetweenWitnesses(t *testing.T) {
	r := newRetiring(t)
	backup, err := ledger.ReadCopy(r.dir, r.key)
	r.must(err)
	for what, away := range map[string][]string{"those before": {r.two}, "those after": {r.one}} {
		r.reach(away...)
		if _, err := knownToAny(t.Context(), r.o, backup); !errors.Is(err, ledger.ErrQuorum) {
			t.Errorf("%s are away: %v", what, err)
		}
	}
	r.reach(r.one, r.two)
	if ok, err := knownToAny(t.Context(), r.o, backup); err != nil || !ok {
		t.Errorf("a good backup: %v, %v", ok, err)
	}
	r.grow()
	r.reach(r.one) // to be retired, by nobody who is there
	if err := r.Meet(t.Context()); !errors.Is(err, ledger.ErrQuorum) {
		t.Fatal(err)
	}
	r.reach(r.one, r.two)
	if _, err := knownToAny(t.Context(), r.o, backup); !errors.Is(err, ledger.ErrRolledBack) {
		t.Errorf("a backup of which those before know more: %v", err)
	}
}

// Whoever is in witnesses.yaml tells of a longer log, also where the policy on the disk does
// not name them.
func TestOthersTell(t *testing.T) {
	r := newRetiring(t)
	r.reach(r.one, r.two)
	r.grow()
	r.must(r.Meet(t.Context()))
	begins := fmt.Appendf(nil, "hangzhou\n%d\n", r.Size())
	for what, by := range map[string]ledger.Witnesses{
		"an evaluation's disk": {}, "a disk from before": {Keys: []string{r.one}, Quorum: 1}, "this disk": {Keys: []string{r.two}, Quorum: 1},
	} {
		known, err := r.o.Newest(t.Context(), by)
		r.must(err)
		if len(known) != 2 || !bytes.HasPrefix(known[0], begins) || !bytes.HasPrefix(known[1], begins) {
			t.Errorf("%s: %q", what, known)
		}
	}
	r.reach(r.two)
	known, err := r.o.Newest(t.Context(), ledger.Witnesses{Keys: []string{r.two}, Quorum: 1})
	if err != nil || len(known) != 1 {
		t.Errorf("others are away: %q, %v", known, err)
	}
}

// What is amiss where the witnesses are not in reach whom a policy retires is said, and
// nothing is charged meanwhile.
func TestRetiringIsNotConfigured(t *testing.T) {
	r := newRetiring(t)
	r.must(os.WriteFile(r.o.file, fmt.Appendf(nil, "witnesses: [{key: %q, url: %q}]\n", r.two, r.at[r.two]), 0o600))
	r.grow()
	err := r.Meet(t.Context())
	for _, part := range []string{"of the policy before", "names 0 of the 1 witnesses"} {
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(part)) {
			t.Errorf("it does not say %q: %v", part, err)
		}
	}
	if !errors.Is(r.Away(), ledger.ErrQuorum) {
		t.Error(r.Away())
	}
}
