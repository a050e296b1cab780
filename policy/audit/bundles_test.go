package audit_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
)

var update = flag.Bool("update", false, "write the bundles of testdata anew")

// The log's keys in testdata: the first, the one a KEY leaf puts in force, and SM2.
var (
	nextPrivate = ed25519.NewKeyFromSeed([]byte("Ed25519 seed for testing, second"))
	sm2Seed     = []byte("an SM2 scalar for testing only..")
)

func nextKey(t testing.TB) string {
	key, err := note.NewEd25519VerifierKey(population, nextPrivate.Public().(ed25519.PublicKey))
	must(t, err)
	return key
}

type nextSigner struct{ note.Verifier }

func (nextSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(nextPrivate, msg), nil }

func sm2Signer(t testing.TB) *witness.SM2Signer {
	s, err := witness.NewSM2Signer(population, sm2Seed)
	must(t, err)
	return s
}

// fixedSM2 is SM2 with a nonce of the message, so that the bundles are the same each time:
// r = e + x(kG), s = (k - r d)/(1 + d), GB/T 32918.2 section 6.
type fixedSM2 struct {
	*witness.SM2Signer
	head []byte
}

func (s fixedSM2) Sign(text []byte) ([]byte, error) {
	key, err := sm2.NewPrivateKey(sm2Seed)
	if err != nil {
		return nil, err
	}
	digest, err := sm2.CalculateSM2Hash(&key.PublicKey, append(bytes.Clone(text), s.head...), nil)
	if err != nil {
		return nil, err
	}
	n := sm2.P256().Params().N
	nonce := sha256.Sum256(digest)
	k := new(big.Int).Mod(new(big.Int).SetBytes(nonce[:]), n)
	point, err := sm2.NewPrivateKey(k.FillBytes(make([]byte, 32)))
	if err != nil {
		return nil, err
	}
	r := new(big.Int).Add(point.X, new(big.Int).SetBytes(digest))
	r.Mod(r, n)
	v := new(big.Int).Sub(k, new(big.Int).Mul(r, key.D))
	v.Mul(v, new(big.Int).ModInverse(new(big.Int).Add(key.D, big.NewInt(1)), n)).Mod(v, n)
	blob := append(bytes.Clone(s.head), make([]byte, 64)...)
	r.FillBytes(blob[32:64])
	v.FillBytes(blob[64:])
	return blob, nil
}

// packed is a bundle's content.
type packed struct {
	wal, checkpoint, since []byte
	most                   time.Duration     // how old it may be
	releases               map[string]string // nil: without them
	handover               []byte            // nil: without
}

// pack signs a forged log as the policy in testdata asks for.
func (f *forge) pack() packed {
	head, err := hex.DecodeString(f.link())
	must(f.t, err)
	if f.sm2 == nil {
		f.sm2 = fixedSM2{sm2Signer(f.t), head}
	}
	return packed{wal: f.wal(), checkpoint: f.checkpoint(), releases: f.files}
}

// sent is the RELEASE of the answer that a charge is for, which the bundle has then.
func (f *forge) sent(charge members, at int, pairs ...any) members {
	body := answerTo(f.t, charge, "evaluation", charge["template_digest"] != templateDigest) // asked, in a supervised domain
	if f.files == nil {
		f.files = map[string]string{}
	}
	f.files[digestOf(body)+".json"] = string(body)
	return released(charge["id"].(string), at, append([]any{"digest", digestOf(body)}, pairs...)...)
}

func (p packed) tar(t testing.TB) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, b []byte) {
		must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(b)), Mode: 0o644}))
		_, err := w.Write(b)
		must(t, err)
	}
	if p.checkpoint != nil {
		put("checkpoint", p.checkpoint)
	}
	if p.handover != nil {
		put("handover-1", p.handover)
	}
	put("wal", p.wal)
	if p.releases != nil {
		must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "releases/", Mode: 0o755}))
	}
	for _, name := range sorted(p.releases) {
		put("releases/"+name, []byte(p.releases[name]))
	}
	must(t, w.Close())
	return out.Bytes()
}

func sorted(m map[string]string) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// pinnedPolicy is what the auditor of the bundles in testdata pins.
func pinnedPolicy(t testing.TB) []byte {
	return fmt.Appendf(nil, "# The keys of the log that the bundles beside this file claim to be.\nlog %s\nlog %s\nlog %s\napprover ada %s\napprover bo %s\napprover cy %s\nquorum none\n",
		verifierKey(t), nextKey(t), sm2Signer(t).VerifierKey(), publicOf("ada"), publicOf("bo"), publicOf("cy"))
}

// bundles are the bundles in testdata: one that is clean, and for each code one in which
// it is all that is found.
func bundles(t testing.TB) map[string]packed {
	out := map[string]packed{}
	simple := func(code audit.Code, build func(f *forge)) {
		f := begun(t)
		build(f)
		out[string(code)] = f.pack()
	}
	over := func(code audit.Code, build func(f *forge)) {
		f := watched(t)
		build(f)
		out[string(code)] = f.pack()
	}
	simpleBundles(simple)
	moreBundles(t, simple, over)
	damagedBundles(t, out)
	rotatedBundles(t, out)
	old := out[string(audit.Stale)]
	old.most = time.Second
	out[string(audit.Stale)] = old
	f := watched(t)
	f.at = start + 361
	since := f.pack().checkpoint
	f.sm2 = nil
	backdated := f.chained("CHARGE", asked("r-1")).pack()
	backdated.since = since
	out[string(audit.LeafBackdated)] = backdated
	return out
}

// simpleBundles break the rules of charges and releases.
func simpleBundles(add func(audit.Code, func(f *forge))) {
	one := func(code audit.Code, pairs ...any) {
		add(code, func(f *forge) { f.add("CHARGE", charged("r-1", pairs...)) })
	}
	one(audit.LeafIndex, "index", 7)
	one(audit.TimeBackwards, "time", start-1)
	one(audit.CapPassed, "rho", "101")
	one(audit.ScopeInvalid, "scopes", []string{population + "/2017"})
	one(audit.GrantUnknown, "grant", "g-9")
	one(audit.GrantExpired, "grant", "g-old")
	one(audit.GrantMismatch, "purpose", "marketing")
	one(audit.QuotaPassed, "grant", "g-small", "rho", "21")
	one(audit.SnapshotUnknown, "snapshot", "s-2")
	one(audit.DueInvalid, "due", start)
	paid := func(code audit.Code, more func(f *forge)) {
		add(code, func(f *forge) { more(f.add("CHARGE", charged("r-1", "idempotency", "x"))) })
	}
	paid(audit.DuplicateID, func(f *forge) { f.add("CHARGE", charged("r-1")) })
	paid(audit.DuplicateKey, func(f *forge) { f.add("CHARGE", charged("r-2", "idempotency", "x")) })
	paid(audit.ChargeUnknown, func(f *forge) { f.add("ABANDON", abandoned(1)) })
	paid(audit.IDMismatch, func(f *forge) { f.add("RELEASE", f.sent(charged("r-1"), 2, "id", "r-2")) })
	paid(audit.ReleaseTime, func(f *forge) { f.add("RELEASE", f.sent(charged("r-1"), 2, "time", start+3)) })
	paid(audit.ReleaseAgain, func(f *forge) {
		f.add("CHARGE", charged("r-2")).add("RELEASE", f.sent(charged("r-1"), 2)).add("RELEASE", f.sent(charged("r-1"), 3, "id", "r-2"))
	})
	paid(audit.ReplayUnknown, func(f *forge) { f.add("REPLAY", replayed("r-2", 2)) })
	paid(audit.SecondRelease, func(f *forge) { f.add("RELEASE", f.sent(charged("r-1"), 2)).add("RELEASE", f.sent(charged("r-1"), 2)) })
	paid(audit.AfterAbandon, func(f *forge) { f.add("ABANDON", abandoned(2)).add("RELEASE", f.sent(charged("r-1"), 2)) })
	paid(audit.AfterRelease, func(f *forge) { f.add("RELEASE", f.sent(charged("r-1"), 2)).add("ABANDON", abandoned(2)) })
	paid(audit.LeafMalformed, func(f *forge) { f.add("CHARGE", charged("r-2", "sex", "f")).add("CHARGE", charged("r-3")) })
	paid(audit.CapRaised, func(f *forge) {
		f.add("GRANT", terms("caps", members{"year": members{"rho": "100", "delta": "50"}, "life": members{"rho": "100", "delta": "51"}}))
	})
	paid(audit.WrongPopulation, func(f *forge) { f.add("GRANT", terms("population", "elsewhere")) })
	paid(audit.SnapshotTwice, func(f *forge) { f.add("SNAPSHOT", members{"by": "x", "snapshot": "s-1", "time": start}) })
	paid(audit.ResumeInvalid, func(f *forge) {
		f.add("RESUME", members{"by": []string{"steward-s"}, "template": "claim-severity@1.0.0", "time": start})
	})
	add(audit.Suspended, func(f *forge) {
		for i := range 3 {
			f.add("CHARGE", charged(fmt.Sprint("a-", i), "rho", "1"))
			f.add("ABANDON", abandoned(len(f.leaves)-1, "time", start))
		}
		f.add("CHARGE", charged("r-1"))
	})
	aside := func(code audit.Code, more func(f *forge)) {
		add(code, func(f *forge) { more(f.add("RESERVE", reserved("job-1"))) })
	}
	aside(audit.ReserveTwice, func(f *forge) { f.add("RESERVE", reserved("job-1", "rho", "1", "delta", "0")) })
	aside(audit.ReserveLate, func(f *forge) { f.add("RESERVE", reserved("job-2", "last_day", "2026-11-17")) })
	aside(audit.ReservePassed, func(f *forge) { f.add("CHARGE", drawing("j-1", "job-1", "rho", "41")) })
	aside(audit.ReserveMismatch, func(f *forge) { f.add("CHARGE", drawing("j-1", "job-1", "template_digest", "e")) })
	closed := members{"reserve": 2, "time": start}
	aside(audit.ReserveClosed, func(f *forge) { f.add("CLOSE", closed).add("CHARGE", drawing("j-1", "job-1")) })
	aside(audit.CloseUnknown, func(f *forge) { f.add("CLOSE", with(closed, "reserve", 1)) })
	aside(audit.CloseTwice, func(f *forge) { f.add("CLOSE", closed).add("CLOSE", closed) })
}

// moreBundles break the rules of a supervised domain.
func moreBundles(t testing.TB, simple, over func(audit.Code, func(f *forge))) {
	simple(audit.NoCaps, func(f *forge) {
		f.leaves = nil
		f.add("SNAPSHOT", members{"by": "x", "snapshot": "s-1", "time": start}).add("CHARGE", charged("r-1"))
	})
	over("clean", func(f *forge) { f.chained("CHARGE", asked("r-1")).chained("RELEASE", f.sent(asked("r-1"), 8)) })
	over(audit.ReleasesAbsent, func(f *forge) { f.chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8)) })
	over(audit.ChainBroken, func(f *forge) { f.chained("CHARGE", asked("r-1", "previous", strings.Repeat("ab", 32))) })
	over(audit.NotApproved, func(f *forge) { f.chained("CHARGE", asked("r-1", "template_digest", strings.Repeat("00", 32))) })
	over(audit.ApprovalInvalid, func(f *forge) { f.chained("APPROVE", says("dee", "template", strings.Repeat("11", 32))) })
	over(audit.SupervisionLost, func(f *forge) {
		m := overseen(t, "retention_days", 182)
		f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
	})
	over(audit.DeleteInvalid, func(f *forge) {
		m := members{"by": "steward-c", "leaf": 9, "time": start + 1000}
		f.files = map[string]string{}
		kept(f).approvedAt(start+1000, "delete", contentOf(t, "DELETE", m), "ada", "bo").chained("DELETE", m)
	})
	over(audit.AuditInvalid, func(f *forge) {
		look := f.looked()
		f.approved("audit", look["root"].(string), "ada", "bo").chained("AUDIT", look).chained("AUDIT", look)
	})
	over(audit.NoiseAuditFailed, func(f *forge) {
		look := f.looked()
		f.approved("audit", look["root"].(string), "ada", "bo").chained("AUDIT", with(look, "passed", false))
	})
	over(audit.PolicyOrder, func(f *forge) {
		m := overseen(t, "replaces", 5)
		f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
	})
	pinned := overseen(t, "approvers", []members{{"key": publicOf("ada"), "person": "ada"}, {"key": publicOf("mallory"), "person": "bo"}, {"key": publicOf("cy"), "person": "cy"}})
	over(audit.ApproverUnpinned, func(f *forge) {
		f.approvedLeaf("grant", "GRANT", pinned, "ada", "bo").chained("GRANT", pinned)
	})
	over(audit.TrainingUnfounded, func(f *forge) { f.chained("CHARGE", attempting("job-1")) })
	over(audit.EpochInvalid, func(f *forge) { f.chained("CHARGE", asked("r-1", "epoch", 1)) })
	over(audit.RulesLost, func(f *forge) { f.chained("CHARGE", asked("r-1")).chained("CHARGE", asked("r-2", "rules", unbound)) })
	over(audit.CostTooLow, func(f *forge) { f.chained("CHARGE", asked("r-1", "sigmas", members{"people": "12.5"})) })
	over(audit.PolicyMismatch, func(f *forge) { f.chained("CHARGE", asked("r-1", "policy", 5)) })
	over(audit.NotWitnessed, func(f *forge) { f.cosign = nil })
	over(audit.LeafAhead, func(f *forge) { f.chained("CHARGE", asked("r-1")).at = start - 301 })
	over(audit.Stale, func(f *forge) { f.chained("CHARGE", asked("r-1")) })
}

// damagedBundles are of a sound log whose bytes, signatures or files were changed.
func damagedBundles(t testing.TB, out map[string]packed) {
	answer := string(answerTo(t, charged("r-1")))
	digest := fmt.Sprintf("%x.json", sha256.Sum256([]byte(answer)))
	f := begun(t).add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2, "digest", strings.TrimSuffix(digest, ".json")))
	whole := f.pack()
	whole.releases = map[string]string{digest: answer}
	edit := func(code audit.Code, change func(p *packed)) {
		p := whole
		change(&p)
		out[string(code)] = p
	}
	other := begun(t).add("CHARGE", charged("r-9")).add("RELEASE", released("r-9", 2)).pack()
	const record = 1032
	edit(audit.CheckpointInvalid, func(p *packed) { p.checkpoint = bytes.Replace(p.checkpoint, []byte("\n4\n"), []byte("\n3\n"), 1) })
	edit(audit.RootMismatch, func(p *packed) {
		forged := begun(t).add("CHARGE", charged("r-9")).add("RELEASE", released("r-9", 2))
		head, err := hex.DecodeString(f.link())
		must(t, err)
		forged.sm2 = fixedSM2{sm2Signer(t), head}
		p.checkpoint = forged.checkpoint()
	})
	edit(audit.LogShort, func(p *packed) { p.wal = p.wal[:len(p.wal)-record] })
	edit(audit.TornTail, func(p *packed) { p.wal = append(bytes.Clone(p.wal), 0, 0, 4) })
	edit(audit.RecordDamaged, func(p *packed) {
		p.wal = flip(p.wal, len(p.wal)-50)
	})
	edit(audit.LogUnusable, func(p *packed) { p.checkpoint = nil })
	edit(audit.SinceInvalid, func(p *packed) { p.since = []byte("testville\n") })
	edit(audit.SinceMismatch, func(p *packed) { p.since = other.checkpoint })
	edit(audit.SM2Invalid, func(p *packed) {
		forged := *f
		forged.sm2 = fixedSM2{sm2Signer(t), make([]byte, 32)}
		p.checkpoint = forged.checkpoint()
	})
	edit(audit.ReleaseMissing, func(p *packed) { p.releases = map[string]string{} })
	edit(audit.ReleaseAltered, func(p *packed) { p.releases = map[string]string{digest: answer + " "} })
	edit(audit.ReleaseMismatch, func(p *packed) {
		other := string(answerTo(t, charged("r-1", "purpose", "marketing")))
		f := begun(t).add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2, "digest", digestOf([]byte(other))))
		*p = f.pack()
		p.releases = map[string]string{digestOf([]byte(other)) + ".json": other}
	})
	edit(audit.SecondDraw, func(p *packed) {
		*p = begun(t).add("CHARGE", charged("r-1")).add("ABANDON", abandoned(2)).pack()
		p.releases = map[string]string{digest: answer, strings.Repeat("ab", 32) + ".json": `{"id":"r-1"}`}
	})
	edit(audit.ReleaseUnlogged, func(p *packed) {
		p.releases = map[string]string{digest: answer, strings.Repeat("ab", 32) + ".json": `{"id":"r-7"}`}
	})
}

// rotatedBundles have a KEY leaf in them, and a checkpoint by the key before.
func rotatedBundles(t testing.TB, out map[string]packed) {
	f := rotated(t)
	out[string(audit.KeyRetired)] = f.pack()
	f = rotated(t)
	f.by = nextSigners(t)
	out["clean-rotated"] = f.pack()
	f = changed(t, false)
	p := f.pack()
	p.handover = f.handover(11)
	out["clean-handed-over"] = p
	out[string(audit.KeyUnpinned)] = changed(t, true).pack()
}

// rotated is a log whose second key signs from leaf 11 on.
func rotated(t testing.TB) *forge {
	m := members{"algorithm": "ed25519", "by": "steward-c", "lost": false, "public": nextKey(t), "signs": "log", "time": start}
	return watched(t).approvedLeaf("key", "KEY", m, "ada", "bo").chained("KEY", m).chained("CHARGE", asked("r-1"))
}

// Each bundle in testdata is found to be what it is: by the one policy beside them, and
// nothing else is found in it. Every code has one.
func TestBundles(t *testing.T) {
	const dir = "testdata/bundles"
	all := bundles(t)
	if *update {
		must(t, os.RemoveAll(dir))
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "policy"), pinnedPolicy(t), 0o644))
		for name, p := range all {
			must(t, os.WriteFile(filepath.Join(dir, name+".tar"), p.tar(t), 0o644))
			if p.since != nil {
				must(t, os.WriteFile(filepath.Join(dir, name+".since"), p.since, 0o644))
			}
		}
	}
	for _, d := range audit.Codes() {
		if _, ok := all[string(d.Code)]; !ok {
			t.Errorf("no bundle shows %s", d.Code)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "policy"))
	must(t, err)
	trust, err := witness.ParseTrust(text)
	must(t, err)
	for name, p := range all {
		file := filepath.Join(dir, name+".tar")
		have, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(have, p.tar(t)) {
			t.Errorf("%s is not what its test makes: run with -update (%v)", file, err)
			continue
		}
		b, err := audit.OpenBundle(file)
		must(t, err)
		r, err := audit.Verify(context.Background(), audit.Options{Log: b.Log, Releases: b.Releases, Trust: trust, Since: p.since, MaxAge: p.most,
			Now: func() time.Time { return time.Unix(start, 0).AddDate(0, 0, 3) }})
		must(t, b.Close())
		if name == string(audit.LogUnusable) && errors.Is(err, audit.ErrUnusable) {
			continue
		}
		must(t, err)
		want := []string{name}
		if strings.HasPrefix(name, "clean") {
			want = []string{}
		}
		if !slices.Equal(r.Found(), want) {
			t.Errorf("%s: %v", name, r.Findings)
		}
	}
	files, err := filepath.Glob(dir + "/*.tar")
	must(t, err)
	if len(files) != len(all) {
		t.Errorf("%d bundles, %d are made", len(files), len(all))
	}
}
