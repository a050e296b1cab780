//go:build duckdb_arrow

package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// An approver signs a list of opt-outs only if it is the one that they have themselves.
func TestOptOutLists(t *testing.T) {
	dir := t.TempDir()
	key, err := dataset.LoadOrCreateKey(filepath.Join(dir, "person.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := dataset.OptOutKeys(key, []string{"c1", "C2", "c1 "})
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	same, fewer, more := write("same", "C2\n\n c1\nC1\n"), write("fewer", "C1\n"), write("more", "C1\nC2\nC3\n")
	text := optOutText("town", "steward-s", "2026-11-22", "5a17", []string{"c1", "C2"}, keys)
	good := api.Proposal{Subject: ledger.SubjectOptOuts, Name: optOutWords(text), By: []string{"steward-s"}, Leaf: []byte(text), Digest: digestOf([]byte(text))}
	for name, tt := range map[string]struct {
		population, file string
		edit             func(p *api.Proposal)
		ok               bool
	}{
		"as asked for":     {"town", same, nil, true},
		"one left out":     {"town", more, nil, false},
		"one slipped in":   {"town", fewer, nil, false},
		"no list":          {"town", "", nil, false},
		"of another town":  {"village", same, nil, false},
		"another digest":   {"town", same, func(p *api.Proposal) { p.Digest = strings.Repeat("00", 32) }, false},
		"another name":     {"town", same, func(p *api.Proposal) { p.Name = "opt-outs of 3 people, asked for on 2026-11-22" }, false},
		"asked by another": {"town", same, func(p *api.Proposal) { p.By = []string{"steward-a"} }, false},
		"another salt shown": {"town", same, func(p *api.Proposal) {
			p.Leaf = []byte(strings.Replace(text, "salt: 5a17", "salt: 5a18", 1))
			p.Digest = digestOf(p.Leaf)
		}, false},
	} {
		p := good
		if tt.edit != nil {
			tt.edit(&p)
		}
		err := checkProposal(p)
		if err == nil {
			err = checkOptOuts(tt.population, tt.file, false, p)
		}
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(text, "C1") || strings.Contains(text, hex.EncodeToString(keys[0][:])) {
		t.Error("the text that is approved names somebody")
	}
}

// An approver signs a look at noise only if its root is that of the published log.
func TestLookIsHeldAgainstTheLog(t *testing.T) {
	dir, key := t.TempDir(), ed25519.NewKeyFromSeed([]byte("an Ed25519 seed only for testing"))
	l, err := ledger.Open(ledger.Options{Dir: dir, Create: true, Population: "town", Signer: key, Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cap := dp.Cost{Rho: 1, Delta: 1}
	if _, err := l.Grant(t.Context(), ledger.Grant{Population: "town", Policy: "p", Mode: "evaluation", Year: cap, Life: cap}); err != nil {
		t.Fatal(err)
	}
	for range 9 {
		if _, err := l.Deny(t.Context(), ledger.Deny{Principal: "p", Rule: "r"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	pinned := filepath.Join(t.TempDir(), "policy")
	pin := func(key ed25519.PrivateKey) {
		text := "log " + ledger.VerifierKey("town", key.Public().(ed25519.PublicKey)) + "\nquorum none\n"
		if err := os.WriteFile(pinned, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pin(key)
	look := func(root, leaves int64) api.Proposal {
		r, err := l.Root(root)
		if err != nil {
			t.Fatal(err)
		}
		k := keptProposal{Audit: &ledger.Audit{Leaves: leaves, Root: hex.EncodeToString(r[:]), By: "steward-s"}}
		p := api.Proposal{Subject: ledger.SubjectAudit}
		if p.Digest, p.Leaf, err = k.digest(); err != nil {
			t.Fatal(err)
		}
		p.Name, p.By = k.words()
		return p
	}
	check := func(p api.Proposal, log string) error {
		if err := checkProposal(p); err != nil {
			return err
		}
		return (&signing{policy: pinned}).checkLook(os.DirFS(log), "town", p)
	}
	if err := check(look(7, 7), dir); err != nil {
		t.Error(err)
	}
	other := look(7, 7)
	other.Name = look(8, 8).Name
	renamed := look(7, 7)
	renamed.Subject = ledger.SubjectDelete
	unlike := look(7, 7)
	unlike.Digest = look(8, 8).Digest
	for name, p := range map[string]api.Proposal{"of other leaves": look(7, 6), "under another name": other, "as another subject": renamed, "of another root": unlike} {
		if err := check(p, dir); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	if err := (&signing{}).checkLook(os.DirFS(dir), "village", look(7, 7)); err == nil {
		t.Error("of another population: signed")
	}
	if err := (&signing{}).checkLook(fstest.MapFS{}, "town", look(7, 7)); err == nil {
		t.Error("of no log: signed")
	}
	pin(ed25519.NewKeyFromSeed([]byte("another Ed25519 seed for testing")))
	if err := check(look(7, 7), dir); err == nil {
		t.Error("a checkpoint by a stranger: signed")
	}
}

// The log keeps its key while a training job is under way: its charges are proven by one.
func TestKeyKeptWhileTraining(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte("an Ed25519 seed only for testing"))
	l, err := ledger.Open(ledger.Options{Dir: t.TempDir(), Create: true, Population: "town", Signer: key, Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	limit, until := dp.Cost{Rho: 10, Delta: 10}, time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	if _, err := l.Grant(t.Context(), ledger.Grant{Population: "town", Policy: "p", Mode: "evaluation", Year: limit, Life: limit, Grants: []ledger.Granted{
		{ID: "g", Principal: "node-n", Templates: []string{"f"}, Purposes: []string{"p"}, Until: until}}}); err != nil {
		t.Fatal(err)
	}
	d := &domain{ledger: l, state: l.State}
	want := func(use string, held bool) {
		t.Helper()
		if err := d.mayRekey(use, l.Now()); (err != nil) != held || held && !errors.Is(err, ledger.ErrApproval) {
			t.Errorf("%s: %v", use, err)
		}
	}
	want("log", false)
	at, err := l.Reserve(t.Context(), ledger.Reserve{Job: "j", Principal: "node-n", Organisation: "o", Grant: "g", Purpose: "p", Template: "f@1", TemplateDigest: "d",
		Scopes: []string{"town/life"}, Cost: dp.Cost{Rho: 1, Delta: 1}, Until: until, By: "steward-s"})
	if err != nil {
		t.Fatal(err)
	}
	want("log", true)
	want("receipt", false)
	if _, err := l.CloseReserve(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	want("log", false)
}
