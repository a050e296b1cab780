package audit_test

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// The auditor's fold is its own: it imports nothing of ours but the forms of signatures and
// its own way to hash, and those import nothing of ours at all.
func TestImportsNothingOfOurs(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	signatures, err := filepath.Glob("../witness/*.go")
	must(t, err)
	hashing, err := filepath.Glob("lanes/*.go")
	must(t, err)
	if len(signatures) == 0 || len(hashing) == 0 {
		t.Fatal("no package of signatures, or of hashing")
	}
	below := []string{`"github.com/qunxiang/qunxiang/policy/witness"`, `"github.com/qunxiang/qunxiang/policy/audit/lanes"`}
	for _, name := range slices.Concat(files, signatures, hashing) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		must(t, err)
		for _, i := range f.Imports {
			ours := strings.Contains(i.Path.Value, "qunxiang")
			if ours && (!slices.Contains(below, i.Path.Value) || filepath.Dir(name) != ".") {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}

// genuine is a log the ledger wrote: requests answered, replayed, abandoned and
// refused, and files of the answers.
func genuine(t testing.TB, requests int) (dir string, releases fstest.MapFS) {
	t.Helper()
	dir, releases = t.TempDir(), fstest.MapFS{}
	now, ctx := time.Unix(start, 0), context.Background()
	l, err := ledger.Open(ledger.Options{Dir: dir, Create: true, Population: population, Signer: private,
		Now: func() time.Time { return now }, Fatal: func(err error) { t.Error(err) }})
	must(t, err)
	defer func() { must(t, l.Close()) }()
	limit := dp.Cost{Rho: 1 << 40, Delta: 1 << 40}
	_, err = l.Grant(ctx, ledger.Grant{Population: population, Policy: "p", Mode: "evaluation", Year: limit, Life: limit,
		Grants: []ledger.Granted{{ID: "g", Principal: "insurer-a", Templates: []string{"claims"}, Purposes: []string{"pricing"}, Until: "2030-01-01", QuotaRho: 1 << 40},
			{ID: "g-b", Principal: "pharma-b", Templates: []string{"claims"}, Purposes: []string{"research"}, Until: "2030-01-01"}}})
	must(t, err)
	_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "s", By: "steward-s"})
	must(t, err)
	for i := range requests {
		id := fmt.Sprint("r-", i)
		index, err := l.Charge(ctx, ledger.Charge{ID: id, Principal: "insurer-a", Organisation: "甲", Grant: "g", Purpose: "pricing",
			Template: "claims@1.0.0", TemplateDigest: "d", Key: "k", Snapshot: "s", Scopes: []string{population + "/2017", population + "/life"},
			Cost: dp.Cost{Rho: 7, Delta: 1}, Epoch: now.Add(8*time.Hour).Unix() / 86400, Sigmas: map[string]float64{"people": 3.25e9, "sum:paid": 1e9}, Due: now.Add(2 * time.Second), Request: "q", Idempotency: id})
		must(t, err)
		now = now.Add(2 * time.Second)
		if i%3 == 2 {
			_, err = l.Abandon(ctx, index)
			must(t, err)
			if l.Suspended("claims@1.0.0") {
				_, err = l.Resume(ctx, "claims@1.0.0", "steward-s")
				must(t, err)
			}
			continue
		}
		answer := answerTo(t, charged(id, "template", "claims@1.0.0", "catalogue", "", "snapshot", "s", "epoch", int(now.Add(8*time.Hour).Unix()/86400), "rho", "7", "due", int(now.Unix())))
		digest := digestOf(answer)
		releases[digest+".json"] = &fstest.MapFile{Data: answer}
		release, err := l.Release(ctx, ledger.Release{Charge: index, ID: id, Digest: digest})
		must(t, err)
		_, err = l.Replay(ctx, ledger.Replay{ID: "again-" + id, Release: release, Grant: "g-b", Principal: "pharma-b", Organisation: "乙", Purpose: "research", Request: "q"})
		must(t, err)
		_, err = l.Deny(ctx, ledger.Deny{Principal: "pharma-b", Template: "claims", Rule: "no-grant"})
		must(t, err)
	}
	return dir, releases
}

// What the ledger writes the auditor accepts, from the wal and from tiles, and
// both add up to the same.
func TestLedgerAndAuditorAgree(t *testing.T) {
	dir, releases := genuine(t, 100)
	s, err := ledger.Read(dir, verifierKey(t))
	must(t, err)
	for _, entries := range []bool{false, true} {
		r := verify(t, audit.Options{Log: os.DirFS(dir), Releases: releases, Entries: entries})
		if !r.OK() || r.Leaves != s.Size() || r.Signed != s.Size() || r.Charges != int64(len(s.Requests())) || r.Releases != 67 || r.Abandoned != 33 {
			t.Fatalf("entries %v: %+v", entries, r)
		}
		for i, name := range s.Scopes() {
			spent, limit := s.Spent(name), r.Scopes[i]
			if limit.Name != name || limit.Spent != (audit.Cost{Rho: spent.Rho, Delta: spent.Delta}) {
				t.Fatalf("%s: ledger %+v, auditor %+v", name, spent, limit)
			}
		}
	}
}

// Any bit flipped and any byte cut off a signed log is found.
func TestEveryBitAndEveryTruncation(t *testing.T) {
	dir, _ := genuine(t, 2)
	checkpoint, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(t, err)
	whole, err := os.ReadFile(filepath.Join(dir, "wal"))
	must(t, err)
	found := func(wal, checkpoint []byte) bool {
		r, err := audit.Verify(context.Background(), audit.Options{Key: verifierKey(t), WithoutReleases: true,
			Log: fstest.MapFS{"wal": {Data: wal}, "checkpoint": {Data: checkpoint}}})
		return err != nil || !r.OK()
	}
	if found(whole, checkpoint) {
		t.Fatal("the log is not whole to begin with")
	}
	// Every bit of one record's head and members, and of about every tenth byte
	// elsewhere one; cut at every edge of a record and about every tenth byte.
	random := rand.New(rand.NewPCG(1, 2))
	for at := range whole {
		bits := []int{random.IntN(8)}
		if at >= 1032*2 && at < 1032*2+700 {
			bits = []int{0, 1, 2, 3, 4, 5, 6, 7}
		} else if random.IntN(10) > 0 && at%1032 != 0 {
			continue
		}
		for _, bit := range bits {
			whole[at] ^= 1 << bit
			if !found(whole, checkpoint) {
				t.Errorf("bit %d of byte %d flipped, not found", bit, at)
			}
			whole[at] ^= 1 << bit
		}
		if !found(whole[:at], checkpoint) {
			t.Errorf("cut at byte %d, not found", at)
		}
	}
	for at := range checkpoint {
		for bit := range 8 {
			checkpoint[at] ^= 1 << bit
			if !found(whole, checkpoint) {
				t.Errorf("checkpoint: bit %d of byte %d flipped, not found", bit, at)
			}
			checkpoint[at] ^= 1 << bit
		}
	}
}

// Damaged tiles are found when tiles are what is read.
func TestTilesDamaged(t *testing.T) {
	dir, _ := genuine(t, 100)
	name := filepath.Join(dir, "tile/entries/000")
	whole, err := os.ReadFile(name)
	must(t, err)
	for what, b := range map[string][]byte{"flipped": flip(whole, 5000), "length": flip(whole, 0), "cut": whole[:len(whole)-1],
		"more": append(whole[:len(whole):len(whole)], 0, 0), "empty": nil} {
		must(t, os.WriteFile(name, b, 0o600))
		r, err := audit.Verify(context.Background(), audit.Options{Key: verifierKey(t), Log: os.DirFS(dir), Entries: true})
		if err == nil && r.OK() {
			t.Errorf("%s: not found", what)
		}
	}
}

// The two readers of a leaf were written apart; they take the same for a leaf.
func FuzzSameLeaves(f *testing.F) {
	g := begun(f).add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2)).add("ABANDON", abandoned(2)).
		add("REPLAY", replayed("r-2", 3)).add("DENY", members{"principal": "p", "rule": "r", "template": "", "time": 1}).
		add("RESUME", members{"by": []string{"a", "b"}, "template": "t@1", "time": 1}).
		add("RESERVE", reserved("job-1")).add("CLOSE", members{"reserve": 1, "time": 1})
	h := trained(f)
	h.chained("DENY", denied("g", "t")).chained("CHARGE", asked("r-9", "time", start+20, "due", start+22)).chained("RELEASE", released("r-9", len(h.leaves)-1, "time", start+22)).
		chained("REPLAY", replayed("r-10", len(h.leaves)-1, "time", start+22)).chained("CLOSE", members{"reserve": 10, "time": start + 22}).
		chained("RESUME", members{"by": []string{"a", "b"}, "since": 3, "template": "t@1", "time": start}).
		chained("KEY", members{"algorithm": "sm2", "by": "steward-c", "lost": false, "public": "x", "signs": "log", "time": start}).
		chained("DELETE", members{"by": "steward-c", "leaf": 9, "time": start}).
		chained("AUDIT", members{"by": "steward-c", "leaves": 9, "passed": true, "root": templateDigest, "time": start}).
		chained("APPROVE", says("ada", "job", jobOne, "revoked", true)).chained("CHARGE", asked("r-11", "rules", unbound))
	g.leaves = append(g.leaves, h.leaves...)
	for _, leaf := range g.leaves {
		if _, err := ledger.Decode(leaf); err != nil {
			f.Fatalf("a seed is no leaf: %v\n%q", err, leaf)
		}
		f.Add(leaf, 0, byte(0))
		f.Add(leaf, 40, byte('0'))
	}
	f.Fuzz(func(t *testing.T, leaf []byte, at int, to byte) {
		if at >= 0 && at < len(leaf) {
			leaf[at] = to
		}
		_, err := ledger.Decode(leaf)
		if ours := audit.Parses(leaf); ours != (err == nil) {
			t.Fatalf("auditor %v, ledger %v:\n%q", ours, err, leaf)
		}
	})
}
