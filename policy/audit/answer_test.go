package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qunxiang/qunxiang/policy/audit"
)

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// answerTo is the released file that a charge is for, of a domain that is evaluated.
func answerTo(t testing.TB, charge members, pairs ...any) []byte {
	t.Helper()
	units := func(name string, unit float64) float64 {
		n, err := strconv.ParseInt(charge[name].(string), 10, 64)
		must(t, err)
		return float64(n) / unit
	}
	m := members{"id": charge["id"], "template": charge["template"], "catalogue": charge["catalogue"], "template_digest": charge["template_digest"],
		"snapshot": charge["snapshot"], "purpose": charge["purpose"], "opt_out_epoch": charge["epoch"],
		"released": time.Unix(int64(charge["due"].(int)), 0).UTC(), "evaluation": true, "bounding": "by-request", "groups": []int{},
		"privacy": members{"rho": units("rho", 1e12), "delta": units("delta", 1e21), "k": 20, "scopes": charge["scopes"], "charged": true}}
	return append(marshal(t, with(m, pairs...)), '\n')
}

// A released file is held, member by member, against the charge that paid for it and the
// policy that was in force.
func TestReleasedFileIsTheAnswerToItsCharge(t *testing.T) {
	charge := asked("r-1")
	right := members{"rho": 1e-11, "delta": 1e-21, "k": 20, "scopes": charge["scopes"], "charged": true}
	plain := answerTo(t, charge, "evaluation", false)
	paid := func(pairs ...any) []byte {
		return answerTo(t, charge, "evaluation", false, "privacy", with(right, pairs...))
	}
	other := func(pairs ...any) []byte { return answerTo(t, charge, append([]any{"evaluation", false}, pairs...)...) }
	replaced := func(old, by string) []byte { return bytes.Replace(plain, []byte(old), []byte(by), 1) }
	for name, tt := range map[string]struct {
		file []byte
		says string
	}{
		"as it should be":     {plain, ""},
		"scopes in any order": {paid("scopes", []string{population + "/life", population + "/2017"}), ""},
		"id":                  {other("id", "r-2"), "another id"},
		"template":            {other("template", "claim-severity@1.0.1"), "another template"},
		"catalogue":           {other("catalogue", "I4"), "another catalogue"},
		"digest":              {other("template_digest", strings.Repeat("5b", 32)), "another template_digest"},
		"snapshot":            {other("snapshot", "s-2"), "another snapshot"},
		"epoch":               {other("opt_out_epoch", 0), "another opt_out_epoch"},
		"purpose":             {other("purpose", "marketing"), "another purpose"},
		"time":                {other("released", time.Unix(start+3, 0).UTC()), "another released"},
		"mode":                {other("evaluation", true), "another evaluation"},
		"bounding":            {other("bounding", "by-hand"), "another bounding"},
		"no bounding":         {other("bounding", nil), "another bounding"},
		"rho":                 {paid("rho", 1e-12), "another rho"},
		"delta":               {paid("delta", 0), "another delta"},
		"k":                   {paid("k", 1), "another k"},
		"scopes":              {paid("scopes", []string{population + "/life"}), "another scopes"},
		"not charged":         {paid("charged", false), "not charged"},
		"a member missing":    {other("purpose", nil), `"purpose" is missing`},
		"null":                {replaced(`"id":"r-1"`, `"id":null`), `"id" is of another kind`},
		"twice":               {replaced(`"id":"r-1"`, `"id":"r-2","id":"r-1"`), `"id" is there twice`},
		"twice, otherwise":    {replaced(`"id":"r-1"`, `"id":"r-1","ID":"r-2"`), `"id" is there twice`},
		"spelled otherwise":   {replaced(`"bounding"`, `"Bounding"`), `"bounding" is there twice`},
		"by a long s":         {replaced(`"snapshot":`, `"ſnapshot":"s-2","snapshot":`), `"snapshot" is there twice`},
		"k twice":             {replaced(`"k":20`, `"k":20,"K":1`), `"k" is there twice`},
		"more behind":         {append(bytes.Clone(plain), "{}"...), "no released answer"},
		"a list":              {[]byte("[]"), "no released answer"},
		"nothing":             {nil, "no released answer"},
	} {
		t.Run(name, func(t *testing.T) {
			f := watched(t).chained("CHARGE", charge).chained("RELEASE", released("r-1", 8, "digest", digestOf(tt.file)))
			r := verify(t, audit.Options{Log: f.log(), Releases: fstest.MapFS{digestOf(tt.file) + ".json": {Data: tt.file}}})
			if tt.says == "" && !r.OK() || tt.says != "" && (codes(r) != "release-mismatch " || !strings.Contains(r.Findings[0].Text, tt.says)) {
				t.Fatalf("findings %+v, want %q", r.Findings, tt.says)
			}
		})
	}
}

// Where the threshold is on the noisy count the policy says so in words; logs of before
// say nothing of it.
func TestReleasedThreshold(t *testing.T) {
	file := answerTo(t, charged("r-1"), "bounding", nil)
	for k, want := range map[string]string{"": "", "20": "", "noisy, 20 where keys are private": "", "21": "release-mismatch ", "noisy, 2 where keys are private": "release-mismatch "} {
		m := with(overseen(t, "k", k, "mode", "evaluation", "approvers", []members{}))
		f := (&forge{t: t}).chained("GRANT", with(m, "grants", []members{granted("g-1", "organisation", "Insurer A")})).chained("SNAPSHOT", loaded)
		f.chained("CHARGE", charged("r-1")).chained("RELEASE", released("r-1", 2, "digest", digestOf(file)))
		if r := verify(t, audit.Options{Log: f.log(), Releases: fstest.MapFS{digestOf(file) + ".json": {Data: file}}}); codes(r) != want {
			t.Errorf("k %q: %+v", k, r.Findings)
		}
	}
}

// A training releases a sum of 64-bit numbers and no answer; an answer has no other name.
func TestReleasedSum(t *testing.T) {
	for name, tt := range map[string]struct {
		file []byte
		want string
	}{
		"sum":             {bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 200}, 9), ""},
		"cut":             {bytes.Repeat([]byte{1, 2, 3}, 3), "release-mismatch "},
		"nothing":         {[]byte{}, "release-mismatch "},
		"a padded answer": {[]byte("{\"id\":\"r-1\",\"n\":     1}\n"), "release-mismatch "},
	} {
		f := begun(t).add("CHARGE", charged("r-1", "catalogue", "federated")).add("RELEASE", released("r-1", 2, "digest", digestOf(tt.file)))
		if r := verify(t, audit.Options{Log: f.log(), Releases: fstest.MapFS{digestOf(tt.file) + ".json": {Data: tt.file}}}); codes(r) != tt.want {
			t.Errorf("%s, %d bytes: %+v", name, len(tt.file), r.Findings)
		}
	}
}

// One file is the answer to one charge: a second would be a draw that nobody made.
func TestOneFileForTwoCharges(t *testing.T) {
	f := begun(t).add("CHARGE", charged("r-1")).add("CHARGE", charged("r-2")).add("RELEASE", released("r-1", 2)).
		add("RELEASE", released("r-2", 3, "digest", digestOf([]byte("r-1"))))
	if r := f.verify(); codes(r) != "release-again " {
		t.Fatal(r.Findings)
	}
}

// A charge that was never released excuses one file, as a crash leaves it. Of more an
// operator could have chosen.
func TestOneDrawForACharge(t *testing.T) {
	f := begun(t).add("CHARGE", charged("r-1")).add("ABANDON", abandoned(2)).add("CHARGE", charged("r-2", "catalogue", "federated", "time", start+2, "due", start+3))
	name := func(c string) string { return strings.Repeat(c, 64) + ".json" }
	const sum = "8 bytes."
	for what, tt := range map[string]struct {
		files           map[string]string
		notes, findings string
	}{
		"one of each":        {map[string]string{name("a"): `{"id":"r-1"}`, name("b"): sum}, "release-orphan release-orphan ", ""},
		"two answers":        {map[string]string{name("a"): `{"id":"r-1"}`, name("b"): `{"id":"r-1","n":1}`}, "release-orphan ", "second-draw "},
		"an answer set by":   {map[string]string{name("a"): `{"id":"r-1"}`, ".new-1": `{"id":"r-1","n":1}`}, "release-orphan ", "second-draw "},
		"two sums":           {map[string]string{name("a"): sum, name("b"): sum + sum}, "release-orphan ", "release-unlogged "},
		"an answer to a job": {map[string]string{name("a"): `{"id":"r-2"}`}, "", "release-unlogged "},
		"torn":               {map[string]string{".new-1": `{"id`, ".new-2": ""}, "release-orphan release-orphan ", ""},
		"too many torn":      {map[string]string{".new-1": `{"id`, ".new-2": "", ".new-3": `{"id":`}, "release-orphan release-orphan ", "second-draw "},
		"torn beside whole":  {map[string]string{name("a"): `{"id":"r-1"}`, name("b"): sum, ".new-3": `{"id":`}, "release-orphan release-orphan ", "second-draw "},
	} {
		files := fstest.MapFS{}
		for n, text := range tt.files {
			files[n] = &fstest.MapFile{Data: []byte(text)}
		}
		r := verify(t, audit.Options{Log: f.log(), Releases: files})
		if notes := noted(r); codes(r) != tt.findings || notes != tt.notes {
			t.Errorf("%s: findings %v, notes %v", what, r.Findings, r.Notes)
		}
	}
}
