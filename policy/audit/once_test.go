package audit_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// folded is what the ledger's own fold says of a forged log.
func (f *forge) folded() error {
	return readBack(f.t, f.wal(), f.checkpoint())
}

// readBack is what the ledger says of a log on the disk.
func readBack(t testing.TB, wal, checkpoint []byte) error {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "wal"), wal, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "checkpoint"), checkpoint, 0o600))
	_, err = ledger.Read(dir, verifierKey(t))
	return err
}

// inPlace is a first policy with all approved that a charge needs, its snapshot at 5.
func inPlace(t *testing.T, policy members) *forge {
	f := &forge{t: t, cosign: []string{"w.example"}}
	f.chained("GRANT", policy)
	f.approved("grant", contentOf(t, "GRANT", policy), "ada", "bo")
	f.approved("snapshot", contentOf(t, "SNAPSHOT", loaded), "ada", "bo")
	f.chained("SNAPSHOT", loaded)
	return f.approved("template", templateDigest, "bo", "cy")
}

// trained is a domain in which a job has set aside, and a charge of its first attempt.
func trained(t testing.TB, pairs ...any) *forge {
	f := watched(t).approved("job", jobOne, "bo", "cy")
	f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest))
	return f.chained("CHARGE", attempting(jobOne, append([]any{"time", start + 10, "due", start + 40*day}, pairs...)...))
}

// trainedUntil is trained, of a job with another last day.
func trainedUntil(t testing.TB, last string, pairs ...any) *forge {
	f := watched(t).approvedAs(onTerms("0.000000000040", last, "steward-s"), "job", jobOne, "bo", "cy")
	f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "last_day", last))
	return f.chained("CHARGE", attempting(jobOne, append([]any{"due", start + 40*day}, pairs...)...))
}

// asker is a domain in which an approver asks by g-1, and who else gains nothing signed it.
func asker(t testing.TB, who string) *forge {
	people := slices.Clone(overseen(t)["persons"].([]members))
	people[0] = person(who, "insurer-a")
	m := overseen(t, "persons", people, "by", "steward-s")
	f := &forge{t: t, cosign: []string{"w.example"}}
	f.chained("GRANT", m)
	f.approved("grant", contentOf(t, "GRANT", m), "ada", "cy")
	f.approved("snapshot", contentOf(t, "SNAPSHOT", loaded), "ada", "bo")
	f.chained("SNAPSHOT", loaded)
	return f.approved("template", templateDigest, "bo", "cy")
}

// jobOne and jobTwo are digests of job cards.
var jobOne, jobTwo = digestOf([]byte("job-1")), digestOf([]byte("job-2"))

// Both folds refuse the same logs, which give one approval, policy, grant or name for
// another.
func TestBothFoldsRefuse(t *testing.T) {
	theirs := overseen(t)["persons"].([]members)
	nobody := []members{person("bo", "regulator-b"), person("ada", "steward-a"), person("cy", "steward-c"), person("stan", "steward-s")}
	small := func(last byte) string {
		b := make([]byte, 32)
		b[0], b[31] = 1, last
		return base64.StdEncoding.EncodeToString(b)
	}
	signature := base64.StdEncoding.EncodeToString(append(append([]byte{1}, make([]byte, 31)...), make([]byte, 32)...))
	answering := released
	released := func(f *forge) *forge { return f.chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8)) }
	for name, tt := range map[string]struct {
		log  func() *forge
		want string
	}{
		"an old policy again": {func() *forge {
			f := watched(t)
			second := overseen(t, "k", "100", "grants", []members{}, "policy", "stricter")
			f.approvedLeaf("grant", "GRANT", second, "ada", "bo").chained("GRANT", second)
			return f.chained("GRANT", overseen(t))
		}, "not-approved "},
		"in place of another policy": {func() *forge {
			f, m := watched(t), overseen(t, "replaces", 3)
			return f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
		}, "policy-order "},
		"decided under the policy before": {func() *forge {
			f, m := watched(t), overseen(t, "k", "500")
			f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
			return f.chained("CHARGE", asked("r-1", "policy", 0))
		}, "policy-mismatch "},
		"handed to anybody": {func() *forge {
			return released(watched(t)).chained("REPLAY", replayed("r-2", 9, "grant", "", "principal", "mallory", "organisation", "Data Broker Ltd", "purpose", "marketing"))
		}, "grant-mismatch grant-unknown "},
		"read by a role it has not": {func() *forge {
			return released(watched(t)).chained("REPLAY", readByRole("r-2", 9, "principal", "insurer-a", "organisation", "Insurer A"))
		}, "grant-mismatch "},
		"handed out for another purpose": {func() *forge {
			return released(watched(t)).chained("REPLAY", replayed("r-2", 9, "purpose", "marketing"))
		}, "grant-mismatch "},
		"a digest approved as another template": {func() *forge {
			other := strings.Repeat("5b", 32)
			f := watched(t)
			for _, p := range []string{"ada", "bo"} {
				f.chained("APPROVE", says(p, "template", other, "name", "fund-audit@3.0.0"))
			}
			return f.chained("CHARGE", asked("r-1", "template_digest", other))
		}, "not-approved "},
		"a suspended template under a new version": {func() *forge {
			f := watched(t)
			for i := range 3 {
				f.chained("CHARGE", asked(strings.Repeat("a", i+1), "rho", "1")).chained("ABANDON", abandoned(8+2*i, "time", start))
			}
			return f.chained("CHARGE", asked("r-1", "template", "claim-severity@1.0.0-bis"))
		}, "not-approved "},
		"the same answer in other letters": {func() *forge {
			f := watched(t).chained("CHARGE", asked("r-1")).chained("CHARGE", asked("r-2"))
			f.chained("RELEASE", answering("r-1", 8, "digest", strings.Repeat("ab", 32)))
			return f.chained("RELEASE", answering("r-2", 9, "digest", strings.Repeat("aB", 32)))
		}, "leaf-malformed "},
		"an answer of a few digits": {func() *forge {
			return watched(t).chained("CHARGE", asked("r-1")).chained("RELEASE", answering("r-1", 8, "digest", "abcd"))
		}, "leaf-malformed "},
		"k 1":         {func() *forge { return inPlace(t, overseen(t, "k", "1")) }, "supervision-lost "},
		"k 19":        {func() *forge { return inPlace(t, overseen(t, "k", "19")) }, "supervision-lost "},
		"k -5":        {func() *forge { return inPlace(t, overseen(t, "k", "-5")) }, "supervision-lost "},
		"no k at all": {func() *forge { return inPlace(t, overseen(t, "k", "none at all")) }, "supervision-lost "},
		"next to nothing for next to no noise": {func() *forge {
			return watched(t).chained("CHARGE", asked("r-1", "rho", "1", "sigmas", members{"people": "1e-300"}))
		}, "cost-too-low "},
		"a little too little": {func() *forge {
			return watched(t).chained("CHARGE", asked("r-1", "rho", "44", "sigmas", members{"a": "200000", "people": "125000"}))
		}, "cost-too-low "}, // of 44.5
		"opt-outs of long ago":  {func() *forge { return watched(t).chained("CHARGE", asked("r-1", "epoch", 20773)) }, "epoch-invalid "},
		"opt-outs of yesterday": {func() *forge { return watched(t).chained("CHARGE", asked("r-1", "epoch", 20774)) }, ""},
		"opt-outs to come":      {func() *forge { return watched(t).chained("CHARGE", asked("r-1", "epoch", 20776)) }, "epoch-invalid "},
		"a job's of long ago": {func() *forge {
			return trained(t, "epoch", 20000)
		}, "epoch-invalid "},
		"a job's of the day before it set aside": {func() *forge {
			return trained(t, "epoch", firstDay-1, "time", start+day)
		}, ""},
		"a job's opt-outs to come": {func() *forge {
			return trained(t, "epoch", 99999999)
		}, "epoch-invalid "},
		"a job that nobody approved": {func() *forge {
			f := watched(t).chained("RESERVE", reserved(jobOne, "template_digest", templateDigest))
			return f.chained("CHARGE", attempting(jobOne))
		}, "not-approved not-approved "},
		"a job that one approved, and whoever is behind its principal": {func() *forge {
			m := overseen(t, "persons", slices.Concat([]members{person("ada", "insurer-a")}, theirs[1:5], []members{person("dee", "steward-d")}, theirs[5:]),
				"approvers", append(overseen(t)["approvers"].([]members), members{"key": publicOf("dee"), "person": "dee"}))
			f := inPlace(t, m).approved("grant", contentOf(t, "GRANT", m), "dee").approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest))
		}, "not-approved "},
		"a dearer job than was approved": {func() *forge {
			f := watched(t).approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "rho", "41"))
		}, "not-approved "},
		"a job with more delta than was approved": {func() *forge {
			f := watched(t).approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "delta", "5"))
		}, "not-approved "},
		"a longer job than was approved": {func() *forge {
			f := watched(t).approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "last_day", "2026-11-21"))
		}, "not-approved "},
		"a job elsewhere than was approved": {func() *forge {
			f := watched(t).approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "scopes", []string{population + "/2018", population + "/life"}))
		}, "not-approved "},
		"a job approved under the older rules' name": {func() *forge {
			f := watched(t).approvedAs("training job one", "job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest))
		}, "not-approved "},
		"a job of the older rules": {func() *forge {
			f := watched(t).approvedAs("training job one", "job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "rules", 1)).chained("CHARGE", attempting(jobOne, "rules", 1))
		}, ""},
		"a job of the older rules goes on without its terms": {func() *forge {
			f := watched(t).approvedAs("training job one", "job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "rules", 1)).chained("CHARGE", attempting(jobOne))
		}, "not-approved "},
		"a job of the older rules goes on on its terms": {func() *forge {
			f := watched(t).approvedAs(onTerms("0.000000000040", "2026-11-20", "-"), "job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "rules", 1)).chained("CHARGE", attempting(jobOne))
		}, ""},
		"a job for another purpose than was approved": {func() *forge {
			m := overseen(t, "grants", []members{granted("g-1", "organisation", "Insurer A", "purposes", []string{"pricing", "research"})})
			f := inPlace(t, m).approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "purpose", "research"))
		}, "not-approved "},
		"a job on another template than was approved": {func() *forge {
			m := overseen(t, "grants", []members{granted("g-1", "organisation", "Insurer A", "templates", []string{"claim-severity", "other"})})
			f := inPlace(t, m).approved("job", jobOne, "ada", "bo").approvedAs("other@1.0.0", "template", jobTwo, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", jobTwo, "template", "other@1.0.0"))
		}, "not-approved "},
		"older rules than before": {func() *forge {
			f := watched(t).approvedAs("training job one", "job", jobOne, "ada", "bo").chained("CHARGE", asked("r-1"))
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "rules", 1))
		}, "rules-lost "},
		"files kept for longer than a date can say": {func() *forge {
			m := overseen(t, "retention_days", 36501)
			return (&forge{t: t, cosign: []string{"w.example"}}).chained("GRANT", m)
		}, "leaf-malformed "},
		"a look at nothing": {func() *forge {
			m := members{"by": "steward-c", "leaves": 0, "passed": true, "root": digestOf(nil), "time": start}
			return watched(t).approved("audit", digestOf(nil), "ada", "bo").chained("AUDIT", m)
		}, "leaf-malformed "},
		"a job of one who approves it": {func() *forge {
			f := watched(t).approvedAs(onTerms("0.000000000040", "2026-11-20", "steward-a"), "job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "by", "steward-a"))
		}, "not-approved "},
		"a job of one who approves its template": {func() *forge {
			f := watched(t).approvedAs(onTerms("0.000000000040", "2026-11-20", "steward-c"), "job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "by", "steward-c"))
		}, "not-approved "},
		"a job of nobody known": {func() *forge {
			f := watched(t).approvedAs(onTerms("0.000000000040", "2026-11-20", "nobody"), "job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "by", "nobody"))
		}, "not-approved not-approved "},
		"a job of no one": {func() *forge {
			f := watched(t).approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "by", ""))
		}, "leaf-malformed "},
		"somebody asks under older rules": {func() *forge {
			f := watched(t).approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest, "by", "steward-s", "rules", 1))
		}, "leaf-malformed "},
		"a question of one who approved its template": {func() *forge {
			return asker(t, "bo").chained("CHARGE", asked("r-1"))
		}, "not-approved "},
		"a question of one of three who approved its template": {func() *forge {
			return asker(t, "bo").approved("template", templateDigest, "ada").chained("CHARGE", asked("r-1"))
		}, ""},
		"the same under older rules": {func() *forge {
			return asker(t, "bo").chained("CHARGE", asked("r-1", "rules", 1))
		}, ""},
		"another job than was approved": {func() *forge {
			f := watched(t).approved("job", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobTwo, "template_digest", templateDigest))
		}, "not-approved "},
		"a job approved as a template": {func() *forge {
			f := watched(t).approved("template", jobOne, "ada", "bo")
			return f.chained("RESERVE", reserved(jobOne, "template_digest", templateDigest))
		}, "not-approved "},
		"a job that lost its approval": {func() *forge {
			f := watched(t).approved("job", jobOne, "ada", "bo").chained("RESERVE", reserved(jobOne, "template_digest", templateDigest))
			f.chained("APPROVE", says("ada", "job", jobOne, "revoked", true, "made", start+1, "time", start+1))
			return f.chained("CHARGE", attempting(jobOne, "time", start+1))
		}, "not-approved "},
		"a round of a week": {func() *forge {
			return trainedUntil(t, "2026-12-31", "epoch", firstDay+13, "time", start+20*day)
		}, ""},
		"a round of more than a week": {func() *forge {
			return trainedUntil(t, "2026-12-31", "epoch", firstDay+12, "time", start+20*day)
		}, "epoch-invalid "},
		"a job's of the day before, after its last day": {func() *forge {
			return trained(t, "epoch", firstDay+19, "time", start+20*day)
		}, ""},
		"a job's of two days before, after its last day": {func() *forge {
			return trained(t, "epoch", firstDay+18, "time", start+20*day)
		}, "epoch-invalid "},
		"a question called a training's": {func() *forge {
			return watched(t).chained("CHARGE", asked("r-1", "catalogue", "federated", "epoch", 20000, "rho", "1", "sigmas", members{"people": "1e-300"}))
		}, "training-unfounded cost-too-low "},
		"a question called a training's of a job":   {func() *forge { return trained(t, "id", "r-1") }, "training-unfounded "},
		"an attempt of another job":                 {func() *forge { return trained(t, "id", jobTwo+"-1") }, "training-unfounded "},
		"an attempt of no number":                   {func() *forge { return trained(t, "id", jobOne+"-01") }, "training-unfounded "},
		"an attempt without a transcript":           {func() *forge { return trained(t, "idempotency", "x") }, "training-unfounded "},
		"a job's next to nothing":                   {func() *forge { return trained(t, "rho", "1", "sigmas", members{"all": "1e-05"}) }, "cost-too-low "},
		"a job's little for little noise":           {func() *forge { return trained(t, "rho", "1", "sigmas", members{"all": "0.001"}) }, ""},
		"another template than a job has set aside": {func() *forge { return trained(t, "template_digest", strings.Repeat("5b", 32)) }, "not-approved reserve-mismatch "},
		"another after its last day": {func() *forge {
			return trained(t, "scopes", []string{population + "/life"}, "time", start+3*day, "due", start+3*day+2)
		}, "reserve-mismatch "},
		"a charge by nobody": {func() *forge {
			return inPlace(t, overseen(t, "persons", nobody)).chained("CHARGE", asked("r-1"))
		}, "grant-mismatch "},
		"an approver who is no principal": {func() *forge {
			return inPlace(t, overseen(t, "persons", []members{person("ina", "insurer-a"), person("cy", "steward-c"), person("stan", "steward-s")}))
		}, "supervision-lost supervision-lost "},
		"an author invented for it": {func() *forge {
			f, m := watched(t), overseen(t, "by", "a-ghost", "persons", append([]members{person("ghost", "a-ghost")}, nobody...))
			return f.approvedLeaf("grant", "GRANT", m, "ada", "bo").chained("GRANT", m)
		}, "not-approved "},
		"looks at made-up roots": {func() *forge {
			f := released(watched(t))
			for _, made := range []string{strings.Repeat("00", 32), strings.Repeat("11", 32)} {
				f.chained("APPROVE", says("ada", "audit", made, "time", start+2)).chained("APPROVE", says("bo", "audit", made, "time", start+2))
				f.chained("AUDIT", members{"by": "steward-s", "leaves": 10, "passed": true, "root": made, "time": start + 2})
			}
			return f
		}, "audit-invalid audit-invalid "},
		"keys of small order": {func() *forge {
			g := overseen(t, "approvers", []members{{"key": small(0), "person": "ada"}, {"key": small(0x80), "person": "bo"}, {"key": publicOf("cy"), "person": "cy"}})
			f := &forge{t: t, cosign: []string{"w.example"}}
			f.chained("GRANT", g)
			for _, p := range []string{"ada", "bo"} {
				f.chained("APPROVE", says(p, "grant", contentOf(t, "GRANT", g), "signature", signature))
			}
			return f
		}, "leaf-malformed chain-broken approval-invalid approval-invalid "},
		"a principal of nobody in an evaluation": {func() *forge {
			return (&forge{t: t}).chained("GRANT", overseen(t, "mode", "evaluation", "approvers", []members{}, "persons", []members{person("", "insurer-a")}))
		}, "leaf-malformed "},
		"a grant in the year 10000": {func() *forge {
			f := (&forge{t: t}).add("GRANT", terms("grants", []members{granted("g-1", "until", "9999-12-31")})).add("SNAPSHOT", loaded)
			return f.add("CHARGE", charged("r-1", "time", 253402300800, "due", 253402300802))
		}, "grant-expired "},
		"a snapshot of format 1, approved later": {func() *forge {
			f := &forge{t: t, cosign: []string{"w.example"}}
			f.add("GRANT", terms()).add("SNAPSHOT", loaded)
			m := overseen(t)
			f.chained("GRANT", m)
			f.approved("grant", contentOf(t, "GRANT", with(m, "replaces", 0)), "ada", "bo")
			f.approved("snapshot", contentOf(t, "SNAPSHOT", loaded), "ada", "bo")
			f.approved("template", templateDigest, "bo", "cy")
			return f.chained("CHARGE", asked("r-1"))
		}, ""},
	} {
		f := tt.log()
		theirs, ours := f.folded(), f.verify()
		if codes(ours) != tt.want || (theirs == nil) != ours.OK() {
			t.Errorf("%s: ledger %v, auditor %v, want %s", name, theirs, ours.Findings, tt.want)
		}
	}
}

// Who approves, since when, and what was charged before is in the report. A log says itself
// whose signatures count in it, so that an auditor who pins people finds any other.
func TestApproversArePinned(t *testing.T) {
	f := &forge{t: t, cosign: []string{"w.example"}}
	f.chained("GRANT", with(terms(), "approvers", []members{}, "by", "", "k", "", "persons", []members{}, "retention_days", 0,
		"cosigners", members{"keys": []string{}, "quorum": 0}, "grants", []members{granted("g-1", "organisation", "Insurer A")}))
	f.chained("SNAPSHOT", loaded)
	f.chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 2))
	m := overseen(t, "time", start+10)
	f.chained("GRANT", m)
	must(t, f.folded())
	for name, tt := range map[string]struct {
		lines  string
		pinned bool
		want   string
	}{
		"nobody pinned":  {"", false, ""},
		"all pinned":     {"approver ada " + publicOf("ada") + "\napprover bo " + publicOf("bo") + "\napprover cy " + publicOf("cy") + "\n", true, ""},
		"one is not":     {"approver ada " + publicOf("ada") + "\napprover bo " + publicOf("bo") + "\n", true, "approver-unpinned "},
		"by another key": {"approver ada " + publicOf("bo") + "\napprover bo " + publicOf("ada") + "\napprover cy " + publicOf("cy") + "\n", false, "approver-unpinned approver-unpinned "},
	} {
		trust, err := witness.ParseTrust([]byte("log " + verifierKey(t) + "\n" + tt.lines + "quorum none\n"))
		must(t, err)
		r, err := audit.Verify(t.Context(), audit.Options{Log: f.log(), Trust: trust, WithoutReleases: true})
		must(t, err)
		s := r.Supervision
		if s == nil || s.Since != 4 || s.Before != 1 || s.Approved || len(s.Approvers) != 3 || s.Approvers[0].Person != "ada" || s.Approvers[0].Key != publicOf("ada") {
			t.Fatalf("%s: %+v", name, s)
		}
		if codes(r) != tt.want || s.Approvers[0].Pinned != tt.pinned {
			t.Errorf("%s: %v, %+v", name, r.Findings, s)
		}
	}
	d := contentOf(t, "GRANT", with(m, "replaces", 0))
	for _, p := range []string{"ada", "bo"} {
		f.chained("APPROVE", says(p, "grant", d, "time", start+10))
	}
	if r := f.verify(); !r.OK() || !r.Supervision.Approved {
		t.Fatalf("%v %+v", r.Findings, r.Supervision)
	}
	for _, bad := range []string{"approver ada\n", "approver ada x\n", "approver ada " + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n",
		"approver ada " + publicOf("ada") + "\napprover ada " + publicOf("ada") + "\n"} {
		if _, err := witness.ParseTrust([]byte(bad + "quorum none\n")); err == nil {
			t.Errorf("taken: %s", bad)
		}
	}
}
