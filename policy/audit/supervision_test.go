package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/emmansun/gmsm/sm3"
	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// chained adds a leaf of format 2.
func (f *forge) chained(kind string, m members) *forge {
	if m["previous"] == nil {
		m = with(m, "previous", f.link())
	}
	return f.add(kind, m)
}

func (f *forge) link() string {
	if len(f.leaves) == 0 {
		return strings.Repeat("0", 64)
	}
	var m members
	must(f.t, json.Unmarshal(f.leaves[len(f.leaves)-1], &m))
	m["pad"] = ""
	sum := sm3.Sum(marshal(f.t, m))
	return hex.EncodeToString(sum[:])
}

// contentOf is what approves a leaf.
func contentOf(t testing.TB, kind string, m members) string {
	if kind == "GRANT" {
		m = with(members{"readers": []members{}, "replaces": -1}, flat(m)...)
	}
	sum := sha256.Sum256(marshal(t, with(m, "type", kind, "index", 0, "time", 0, "pad", "", "previous", strings.Repeat("0", 64))))
	return hex.EncodeToString(sum[:])
}

func flat(m members) (pairs []any) {
	for name, value := range m {
		pairs = append(pairs, name, value)
	}
	return pairs
}

func keyOf(person string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("only for testing: " + person))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(person string) string {
	return base64.StdEncoding.EncodeToString(keyOf(person).Public().(ed25519.PublicKey))
}

// onTerms is what people approve a job as that is reserved to a day, at a rho, for somebody.
func onTerms(rho, last, by string) string {
	return "a training on claim-severity@1.0.0 for pricing at rho " + rho + " and delta 0.000000000000000000004 of each of 2017, life, until " + last + ", by grant g-1, asked for by " + by
}

// says is a person's statement.
func says(person, subject, digest string, pairs ...any) members {
	m := with(members{"approver": person, "digest": digest, "subject": subject, "name": map[string]string{"template": "claim-severity@1.0.0", "job": onTerms("0.000000000040", "2026-11-20", "steward-s")}[subject], "revoked": false,
		"made": start, "expires": start + 100*24*3600, "time": start}, pairs...)
	if m["name"] == "" {
		m["name"] = "what it is"
	}
	if m["signature"] == nil {
		verdict := map[any]string{true: "revoked", false: "approved"}[m["revoked"]]
		m["signature"] = base64.StdEncoding.EncodeToString(ed25519.Sign(keyOf(person), fmt.Appendf(nil,
			"qunxiang approval v1\npopulation: %s\nsubject: %s\ndigest: %s\nname: %s\nverdict: %s\napprover: %s\nmade: %s\nexpires: %s\n",
			population, subject, digest, m["name"], verdict, person, stamp(m["made"].(int)), stamp(m["expires"].(int)))))
	}
	return m
}

func stamp(at int) string { return time.Unix(int64(at), 0).UTC().Format(time.RFC3339) }

func person(person, principal string) members {
	return members{"person": person, "principal": principal}
}

// overseen are the terms of a supervised domain.
func overseen(t testing.TB, pairs ...any) members {
	approver := func(p string) members { return members{"key": publicOf(p), "person": p} }
	return with(terms("mode", "supervised", "by", "steward-c", "k", "20", "retention_days", 183,
		"approvers", []members{approver("ada"), approver("bo"), approver("cy")},
		"persons", []members{person("ina", "insurer-a"), person("bo", "regulator-b"), person("ada", "steward-a"),
			person("ada", "steward-a2"), person("cy", "steward-c"), person("stan", "steward-s")},
		"cosigners", members{"keys": []string{cosigner(t, "w.example").VerifierKey()}, "quorum": 1},
		"grants", []members{granted("g-1", "organisation", "Insurer A")},
		"readers", []members{{"organisation": "authority", "principal": "regulator-b"}}), pairs...)
}

var (
	templateDigest = strings.Repeat("7e", 32)
	loaded         = members{"by": "steward-s", "snapshot": "s-1", "time": start}
)

func asked(id string, pairs ...any) members {
	return charged(id, append([]any{"template_digest", templateDigest}, pairs...)...)
}

// watched is a supervised domain's log: the policy at 0, approved at 1 and 2, a snapshot
// at 5 and a template, approved by 7.
func watched(t testing.TB) *forge {
	f := &forge{t: t, cosign: []string{"w.example"}}
	f.chained("GRANT", overseen(t))
	f.approved("grant", contentOf(t, "GRANT", overseen(t)), "ada", "bo")
	f.approved("snapshot", contentOf(t, "SNAPSHOT", loaded), "ada", "bo")
	f.chained("SNAPSHOT", loaded)
	return f.approved("template", templateDigest, "bo", "cy")
}

func (f *forge) approved(subject, digest string, people ...string) *forge {
	for _, p := range people {
		f.chained("APPROVE", says(p, subject, digest))
	}
	return f
}

// approvedAs is approved under a name.
func (f *forge) approvedAs(name, subject, digest string, people ...string) *forge {
	for _, p := range people {
		f.chained("APPROVE", says(p, subject, digest, "name", name))
	}
	return f
}

func (f *forge) approvedLeaf(subject, kind string, m members, people ...string) *forge {
	if _, said := m["replaces"]; kind == "GRANT" && !said {
		m = with(m, "replaces", f.inForce())
	}
	return f.approved(subject, contentOf(f.t, kind, m), people...)
}

func TestWatchedLog(t *testing.T) {
	f := watched(t)
	f.chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8)).chained("DENY", members{"principal": "p", "rule": "no-grant", "template": "", "grant": "", "organisation": "", "time": start + 2}).
		chained("REPLAY", replayed("r-2", 9))
	if r := f.verify(); !r.OK() || r.Mode != "supervised" {
		t.Fatalf("%s: %+v", r.Mode, r.Findings)
	}
}

// Every rule of a supervised domain has a log that breaks it and nothing else.
func TestSupervisionFindings(t *testing.T) {
	const later = start + 1000
	lower := func(pairs ...any) members {
		limit := members{"rho": "99", "delta": "50"}
		return overseen(t, append([]any{"caps", members{"year": limit, "life": limit}, "time", later}, pairs...)...)
	}
	revoke := func(f *forge, person, subject, digest string) *forge {
		return f.chained("APPROVE", says(person, subject, digest, "revoked", true, "made", start+1, "time", max(start+1, f.last())))
	}
	year := 184 * 24 * 3600
	deletion := members{"by": "steward-c", "leaf": 9, "time": start + year}
	key := members{"algorithm": "sm2", "by": "steward-c", "lost": false, "public": population + "+p", "signs": "log", "time": start}
	for name, tt := range map[string]struct {
		build func(f *forge)
		want  string
	}{
		"clean":                 {func(f *forge) { f.chained("CHARGE", asked("r-1")) }, ""},
		"template not approved": {func(f *forge) { f.chained("CHARGE", asked("r-1", "template_digest", strings.Repeat("00", 32))) }, "not-approved "},
		"template by one": {func(f *forge) {
			revoke(f, "cy", "template", templateDigest).chained("CHARGE", asked("r-1", "time", start+1))
		}, "not-approved "},
		"a third makes up for it": {func(f *forge) {
			revoke(f, "cy", "template", templateDigest).approvedLater("template", templateDigest, "ada").chained("CHARGE", asked("r-1", "time", start+1))
		}, ""},
		"policy revoked": {func(f *forge) {
			revoke(f, "ada", "grant", contentOf(f.t, "GRANT", overseen(t))).chained("CHARGE", asked("r-1", "time", start+1))
		}, "not-approved "},
		"snapshot revoked": {func(f *forge) {
			revoke(f, "ada", "snapshot", contentOf(f.t, "SNAPSHOT", loaded)).chained("CHARGE", asked("r-1", "time", start+1))
		}, "not-approved "},
		"expired": {func(f *forge) { f.chained("CHARGE", asked("r-1", "time", start+100*24*3600, "due", start+101*24*3600)) }, "not-approved not-approved not-approved "},
		"set aside unapproved": {func(f *forge) {
			f.approved("job", jobOne, "ada", "bo").chained("RESERVE", reserved(jobOne, "template_digest", strings.Repeat("00", 32)))
		}, "not-approved "},
		"replay under a revoked policy": {func(f *forge) {
			f.chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8))
			revoke(f, "ada", "grant", contentOf(f.t, "GRANT", overseen(t))).chained("REPLAY", replayed("r-2", 9))
		}, "not-approved "},
		"read by role under it": {func(f *forge) {
			f.chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8))
			revoke(f, "ada", "grant", contentOf(f.t, "GRANT", overseen(t))).chained("REPLAY", readByRole("r-2", 9))
		}, ""},
		"another organisation": {func(f *forge) { f.chained("CHARGE", asked("r-1", "organisation", "Insurer B")) }, "grant-mismatch "},
		"new policy": {func(f *forge) {
			f.approvedLeaf("grant", "GRANT", lower(), "ada", "bo").chained("GRANT", lower()).chained("CHARGE", asked("r-1", "time", later, "due", later+1))
		}, ""},
		"new policy by one":     {func(f *forge) { f.approvedLeaf("grant", "GRANT", lower(), "ada").chained("GRANT", lower()) }, "not-approved "},
		"by who put it forward": {func(f *forge) { f.approvedLeaf("grant", "GRANT", lower(), "ada", "cy").chained("GRANT", lower()) }, "not-approved "},
		"altered after the approvals": {func(f *forge) {
			f.approvedLeaf("grant", "GRANT", lower(), "ada", "bo").chained("GRANT", lower("k", "21"))
		}, "not-approved "},
		"back to evaluation": {func(f *forge) {
			m := lower("mode", "evaluation", "approvers", []members{})
			f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
		}, "supervision-lost "},
		"two approvers": {func(f *forge) {
			m := lower("approvers", []members{{"key": publicOf("ada"), "person": "ada"}, {"key": publicOf("bo"), "person": "bo"}})
			f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
		}, "supervision-lost "},
		"no witnesses": {func(f *forge) {
			m := lower("cosigners", members{"keys": []string{}, "quorum": 0})
			f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
		}, "supervision-lost "},
		"half of the witnesses": {func(f *forge) {
			m := lower("cosigners", members{"keys": []string{cosigner(t, "w.example").VerifierKey(), cosigner(t, "x.example").VerifierKey()}, "quorum": 1})
			f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
		}, "supervision-lost "},
		"kept too short": {func(f *forge) {
			m := lower("retention_days", 182)
			f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
		}, "supervision-lost "},
		"forged": {func(f *forge) {
			f.chained("APPROVE", says("ada", "template", strings.Repeat("11", 32), "signature", says("bo", "template", strings.Repeat("11", 32))["signature"]))
		}, "approval-invalid "},
		"no approver":  {func(f *forge) { f.chained("APPROVE", says("dee", "template", strings.Repeat("11", 32))) }, "approval-invalid "},
		"played again": {func(f *forge) { f.chained("APPROVE", says("bo", "template", templateDigest)) }, "approval-invalid "},
		"from the future": {func(f *forge) {
			f.chained("APPROVE", says("ada", "template", strings.Repeat("11", 32), "made", start+301))
		}, "approval-invalid "},
		"late": {func(f *forge) {
			f.chained("APPROVE", says("ada", "template", strings.Repeat("11", 32), "made", start-9, "expires", start))
		}, "approval-invalid "},
		"for too long": {func(f *forge) {
			f.chained("APPROVE", says("ada", "template", strings.Repeat("11", 32), "expires", start+367*24*3600))
		}, "leaf-malformed "},
		"chain":             {func(f *forge) { f.chained("CHARGE", asked("r-1", "previous", strings.Repeat("ab", 32))) }, "chain-broken "},
		"chain broken off":  {func(f *forge) { f.add("CHARGE", asked("r-1")) }, "chain-broken "},
		"chain upper case":  {func(f *forge) { f.chained("CHARGE", asked("r-1", "previous", strings.ToUpper(f.link()))) }, "leaf-malformed "},
		"unapproved import": {func(f *forge) { f.chained("SNAPSHOT", with(loaded, "snapshot", "s-2")) }, "not-approved "},
		"import by an approver": {func(f *forge) {
			m := with(loaded, "snapshot", "s-2", "by", "steward-a2")
			f.approvedLeaf("snapshot", "SNAPSHOT", m, "ada", "bo").chained("SNAPSHOT", m)
		}, "not-approved "},
		"import by nobody known": {func(f *forge) {
			m := with(loaded, "snapshot", "s-2", "by", "steward-x")
			f.approvedLeaf("snapshot", "SNAPSHOT", m, "ada", "bo").chained("SNAPSHOT", m)
		}, "not-approved "},
		"key":       {func(f *forge) { f.approvedLeaf("key", "KEY", key, "ada", "bo").chained("KEY", key) }, ""},
		"key alone": {func(f *forge) { f.approvedLeaf("key", "KEY", key, "ada", "cy").chained("KEY", key) }, "not-approved "},
		"noise looked at": {func(f *forge) {
			f.approved("audit", f.looked()["root"].(string), "ada", "bo").chained("AUDIT", f.looked())
		}, ""},
		"another root": {func(f *forge) {
			look := with(f.looked(), "root", strings.Repeat("ab", 32))
			f.approved("audit", strings.Repeat("ab", 32), "ada", "bo").chained("AUDIT", look)
		}, "audit-invalid "},
		"looked at alone": {func(f *forge) { f.approved("audit", f.looked()["root"].(string), "ada").chained("AUDIT", f.looked()) }, "not-approved "},
		"looked at twice": {func(f *forge) {
			look := f.looked()
			f.approved("audit", look["root"].(string), "ada", "bo").chained("AUDIT", look).chained("AUDIT", look)
		}, "audit-invalid "},
		"noise trimmed": {func(f *forge) {
			look := f.looked()
			f.approved("audit", look["root"].(string), "ada", "bo").chained("AUDIT", with(look, "passed", false))
		}, "noise-audit-failed "},
		"deleted": {func(f *forge) {
			kept(f).approvedAt(start+year, "delete", contentOf(f.t, "DELETE", deletion), "ada", "bo").chained("DELETE", deletion)
		}, ""},
		"deleted by one": {func(f *forge) {
			kept(f).approvedAt(start+year, "delete", contentOf(f.t, "DELETE", deletion), "ada").chained("DELETE", deletion)
		}, "not-approved "},
		"deleted early": {func(f *forge) {
			m := with(deletion, "time", start+1000)
			kept(f).approvedAt(start+1000, "delete", contentOf(f.t, "DELETE", m), "ada", "bo").chained("DELETE", m)
		}, "delete-invalid "},
		"deleted twice": {func(f *forge) {
			kept(f).approvedAt(start+year, "delete", contentOf(f.t, "DELETE", deletion), "ada", "bo").chained("DELETE", deletion).chained("DELETE", deletion)
		}, "delete-invalid "},
		"snapshot deleted and asked": {func(f *forge) {
			m := with(deletion, "leaf", 5, "time", start)
			f.approvedLeaf("delete", "DELETE", m, "ada", "bo").chained("DELETE", m).chained("CHARGE", asked("r-1"))
		}, "snapshot-unknown "},
	} {
		t.Run(name, func(t *testing.T) {
			f := watched(t)
			tt.build(f)
			if r := f.verify(); codes(r) != tt.want {
				t.Fatalf("findings %+v, want %s", r.Findings, tt.want)
			}
		})
	}
}

// looked is a look at the noise of what the first four leaves released.
func (f *forge) looked() members {
	r := root(f.leaves[:4])
	return members{"by": "steward-c", "leaves": 4, "passed": true, "root": hex.EncodeToString(r[:]), "time": start}
}

// readByRole is a release handed to the regulator, who reads all.
func readByRole(id string, release int, pairs ...any) members {
	return with(replayed(id, release, "principal", "regulator-b", "organisation", "authority", "purpose", "read-releases", "grant", ""), pairs...)
}

func kept(f *forge) *forge {
	return f.chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8))
}

func (f *forge) approvedAt(at int, subject, digest string, people ...string) *forge {
	return f.approvedThen(at, nil, subject, digest, people...)
}

// approvedThen is approvedAt in other words.
func (f *forge) approvedThen(at int, pairs []any, subject, digest string, people ...string) *forge {
	for _, p := range people {
		f.chained("APPROVE", says(p, subject, digest, append([]any{"made", at, "expires", at + 100, "time", at}, pairs...)...))
	}
	return f
}

// last is the newest leaf's time.
func (f *forge) last() int {
	var m struct{ Time int }
	must(f.t, json.Unmarshal(f.leaves[len(f.leaves)-1], &m))
	return m.Time
}

func (f *forge) approvedLater(subject, digest string, people ...string) *forge {
	return f.approvedAt(start+1, subject, digest, people...)
}

// A released file that a DELETE names may be missing; any other may not.
func TestDeletedFile(t *testing.T) {
	m := members{"by": "steward-c", "leaf": 9, "time": start + 184*24*3600}
	f := kept(watched(t))
	if r := verify(t, audit.Options{Log: f.log(), Releases: fstest.MapFS{}}); codes(r) != "release-missing " {
		t.Fatalf("findings %+v", r.Findings)
	}
	f.approvedAt(start+184*24*3600, "delete", contentOf(t, "DELETE", m), "ada", "bo").chained("DELETE", m)
	if r := verify(t, audit.Options{Log: f.log(), Releases: fstest.MapFS{}}); !r.OK() {
		t.Fatalf("findings %+v", r.Findings)
	}
}

// Logs of format 1 go on with a chain.
func TestChainBegins(t *testing.T) {
	f := begun(t).add("CHARGE", charged("r-1"))
	f.chained("RELEASE", released("r-1", 2)).chained("CHARGE", charged("r-2", "time", start+2, "due", start+4))
	if r := f.verify(); !r.OK() {
		t.Fatalf("findings %+v", r.Findings)
	}
	f.leaves[2] = bytes.Replace(f.leaves[2], []byte(`"rho":"10"`), []byte(`"rho":"11"`), 1)
	if r := f.verify(); codes(r) != "chain-broken " { // the checkpoint is signed anew, the chain is not
		t.Fatalf("findings %+v", r.Findings)
	}
}

// The checkpoint bears the cosignatures that the policy in force asks for, and those that
// the auditor does: neither stands in for the other.
func TestWitnesses(t *testing.T) {
	key := func(name string) string { return cosigner(t, name).VerifierKey() }
	for name, tt := range map[string]struct {
		cosign, needs []string
		quorum        int
		want          string
	}{
		"as the policy says":  {[]string{"w.example"}, nil, 0, ""},
		"nobody":              {nil, nil, 0, "not-witnessed "},
		"somebody else":       {[]string{"x.example"}, nil, 0, "not-witnessed "},
		"the auditor's alone": {[]string{"x.example", "y.example"}, []string{key("x.example"), key("y.example")}, 2, "not-witnessed "},
		"both":                {[]string{"w.example", "x.example", "y.example"}, []string{key("x.example"), key("y.example")}, 2, ""},
		"one of two":          {[]string{"w.example", "x.example"}, []string{key("x.example"), key("y.example")}, 2, "not-witnessed "},
		"only the policy's":   {[]string{"w.example"}, []string{key("x.example")}, 1, "not-witnessed "},
		"two of three":        {[]string{"w.example", "y.example", "z.example"}, []string{key("x.example"), key("y.example"), key("z.example")}, 2, ""},
	} {
		f := watched(t)
		f.cosign = tt.cosign
		if r := verify(t, audit.Options{Log: f.log(), Witnesses: tt.needs, Quorum: tt.quorum}); codes(r) != tt.want {
			t.Errorf("%s: %+v", name, r.Findings)
		} else if own := slices.Contains(tt.cosign, "w.example"); slices.Equal(r.Unpinned, []string{"w.example"}) != own && codes(r) == "" {
			t.Errorf("%s: of %v not pinned are %v", name, r.Witnesses, r.Unpinned)
		}
	}
}

// The SM2 signature is over the chain of this log.
func TestSM2(t *testing.T) {
	private, err := witness.GenerateSM2Key()
	must(t, err)
	s, err := witness.NewSM2Signer(population, private)
	must(t, err)
	f := watched(t)
	var head [32]byte
	_, err = hex.Decode(head[:], []byte(f.link()))
	must(t, err)
	for want, signer := range map[string]note.Signer{"": s.WithHead(head), "sm2-invalid ": s.WithHead([32]byte{1}), "sm2-invalid": nil} {
		f.sm2 = signer
		if r := verify(t, audit.Options{Log: f.log(), SM2: s.VerifierKey()}); strings.TrimSpace(codes(r)) != strings.TrimSpace(want) {
			t.Errorf("want %q: %+v", want, r.Findings)
		}
	}
}
