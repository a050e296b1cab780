package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qunxiang/qunxiang/policy/audit"
)

func TestGoodLog(t *testing.T) {
	f := begun(t).
		add("DENY", members{"principal": "pharma-b", "rule": "no-grant", "template": "", "time": start}).
		add("CHARGE", charged("r-1", "idempotency", "once")). // 3
		add("CHARGE", charged("r-2", "scopes", []string{population + "/life"}, "rho", "7")).
		add("CHARGE", charged("r-3", "principal", "insurer-a", "grant", "g-small", "rho", "20")).
		add("RELEASE", released("r-1", 3)). // 6
		add("ABANDON", abandoned(4)).
		add("REPLAY", replayed("r-4", 6, "idempotency", "once", "principal", "p", "organisation", "o", "purpose", "x")).
		add("GRANT", terms("time", start+9, "caps", members{"year": members{"rho": "90", "delta": "40"}, "life": members{"rho": "90", "delta": "40"}}))
	r := f.verify()
	if !r.OK() || r.ExitCode() != 0 {
		t.Fatalf("findings: %+v", r.Findings)
	}
	got := fmt.Sprintln(r.Leaves, r.Signed, r.Charges, r.Releases, r.Abandoned, r.Open, r.Replays, r.Denied, r.Mode, r.Population)
	if got != "10 10 3 1 1 1 1 1 evaluation testville\n" {
		t.Fatalf("report %s", got)
	}
	uses := []audit.Use{{Organisation: "Insurer A", Purpose: "pricing", Charges: 3, Cost: audit.Cost{Rho: 37, Delta: 3}}, {Organisation: "o", Purpose: "x", Replays: 1}}
	if fmt.Sprint(r.Uses) != fmt.Sprint(uses) {
		t.Fatalf("uses %+v, want %+v", r.Uses, uses)
	}
	if b, err := json.Marshal(audit.Cost{Rho: 25e10, Delta: 1}); err != nil || string(b) != `{"rho":0.25,"delta":1e-21,"rho_units":250000000000,"delta_units":1}` {
		t.Fatalf("%s %v", b, err)
	}
	limit := audit.Cost{Rho: 90, Delta: 40}
	want := []audit.Scope{{Name: "testville/2017", Spent: audit.Cost{Rho: 30, Delta: 2}, Cap: limit},
		{Name: "testville/life", Spent: audit.Cost{Rho: 37, Delta: 3}, Cap: limit}}
	if fmt.Sprint(r.Scopes) != fmt.Sprint(want) {
		t.Fatalf("scopes %+v, want %+v", r.Scopes, want)
	}
}

// Abandoned attempts of a training suspend no template.
func TestTrainingSuspendsNothing(t *testing.T) {
	f := begun(t)
	for i := range 4 {
		id := fmt.Sprint("job-", i)
		f.add("CHARGE", charged(id, "rho", "1", "catalogue", "federated"))
		f.add("ABANDON", abandoned(len(f.leaves)-1, "time", start))
	}
	f.add("CHARGE", charged("r-1", "rho", "1"))
	if r := f.verify(); !r.OK() {
		t.Fatalf("findings: %+v", r.Findings)
	}
}

// Every rule has a log that breaks it and nothing else.
func TestFindings(t *testing.T) {
	three := func(f *forge) *forge {
		for i := range 3 {
			id := fmt.Sprint("a-", i)
			f.add("CHARGE", charged(id, "rho", "1"))
			f.add("ABANDON", abandoned(len(f.leaves)-1, "time", start))
		}
		return f
	}
	resume := members{"by": []string{"steward-s"}, "template": "claim-severity@1.0.0", "time": start}
	for name, tt := range map[string]struct {
		build func(f *forge)
		code  audit.Code
		leaf  int64
	}{
		"other place":         {func(f *forge) { f.add("CHARGE", charged("r-1", "index", 7)) }, audit.LeafIndex, 2},
		"earlier than before": {func(f *forge) { f.add("CHARGE", charged("r-1", "time", start-1)) }, audit.TimeBackwards, 2},
		"released too early": {func(f *forge) {
			f.add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2)).add("CHARGE", charged("r-2"))
		}, audit.TimeBackwards, 4},
		"id twice": {func(f *forge) { f.add("CHARGE", charged("r-1")).add("CHARGE", charged("r-1")) }, audit.DuplicateID, 3},
		"id replayed twice": {func(f *forge) {
			f.add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2)).add("REPLAY", replayed("r-1", 3))
		}, audit.DuplicateID, 4},
		"idempotency twice": {func(f *forge) {
			f.add("CHARGE", charged("r-1", "idempotency", "x")).add("CHARGE", charged("r-2", "idempotency", "x"))
		}, audit.DuplicateKey, 3},
		"cap raised": {func(f *forge) {
			f.add("GRANT", terms("caps", members{"year": members{"rho": "100", "delta": "50"}, "life": members{"rho": "99", "delta": "51"}}))
		}, audit.CapRaised, 2},
		"cap passed": {func(f *forge) {
			f.add("CHARGE", charged("r-1", "rho", "60")).add("CHARGE", charged("r-2", "rho", "41", "scopes", []string{population + "/life"}))
		}, audit.CapPassed, 3},
		"delta cap passed": {func(f *forge) {
			f.add("CHARGE", charged("r-1", "delta", "51", "scopes", []string{population + "/life"}))
		}, audit.CapPassed, 2},
		"sum overflows": {func(f *forge) {
			f.add("CHARGE", charged("r-1", "rho", "9223372036854775807", "scopes", []string{population + "/life"}))
		}, audit.CapPassed, 2},
		"without life": {func(f *forge) { f.add("CHARGE", charged("r-1", "scopes", []string{population + "/2017"})) }, audit.ScopeInvalid, 2},
		"strange scope": {func(f *forge) {
			f.add("CHARGE", charged("r-1", "scopes", []string{population + "/life", population + "/week"}))
		}, audit.ScopeInvalid, 2},
		"other population": {func(f *forge) {
			f.add("CHARGE", charged("r-1", "scopes", []string{"elsewhere/2017", population + "/life"}))
		}, audit.ScopeInvalid, 2},
		"unknown grant":         {func(f *forge) { f.add("CHARGE", charged("r-1", "grant", "g-9")) }, audit.GrantUnknown, 2},
		"expired grant":         {func(f *forge) { f.add("CHARGE", charged("r-1", "grant", "g-old")) }, audit.GrantExpired, 2},
		"other principal":       {func(f *forge) { f.add("CHARGE", charged("r-1", "principal", "pharma-b")) }, audit.GrantMismatch, 2},
		"other template":        {func(f *forge) { f.add("CHARGE", charged("r-1", "template", "fund@1.0.0")) }, audit.GrantMismatch, 2},
		"other purpose":         {func(f *forge) { f.add("CHARGE", charged("r-1", "purpose", "marketing")) }, audit.GrantMismatch, 2},
		"quota passed":          {func(f *forge) { f.add("CHARGE", charged("r-1", "grant", "g-small", "rho", "21")) }, audit.QuotaPassed, 2},
		"unknown snapshot":      {func(f *forge) { f.add("CHARGE", charged("r-1", "snapshot", "s-2")) }, audit.SnapshotUnknown, 2},
		"snapshot twice":        {func(f *forge) { f.add("SNAPSHOT", members{"by": "x", "snapshot": "s-1", "time": start}) }, audit.SnapshotTwice, 2},
		"grant for another":     {func(f *forge) { f.add("GRANT", terms("population", "elsewhere")) }, audit.WrongPopulation, 2},
		"suspended":             {func(f *forge) { three(f).add("CHARGE", charged("r-1")) }, audit.Suspended, 8},
		"resumed for no reason": {func(f *forge) { f.add("RESUME", resume) }, audit.ResumeInvalid, 2},
		"due at once":           {func(f *forge) { f.add("CHARGE", charged("r-1", "due", start)) }, audit.DueInvalid, 2},
		"release of nothing":    {func(f *forge) { f.add("RELEASE", released("r-1", 1)) }, audit.ChargeUnknown, 2},
		"release of itself":     {func(f *forge) { f.add("RELEASE", released("r-1", 2)) }, audit.ChargeUnknown, 2},
		"release before": {func(f *forge) {
			f.add("RELEASE", released("r-1", 3)).add("CHARGE", charged("r-1", "time", start+2, "due", start+4))
		}, audit.ChargeUnknown, 2},
		"abandon of nothing": {func(f *forge) { f.add("ABANDON", abandoned(0)) }, audit.ChargeUnknown, 2},
		"another's id":       {func(f *forge) { f.add("CHARGE", charged("r-1")).add("RELEASE", released("r-2", 2)) }, audit.IDMismatch, 3},
		"released twice": {func(f *forge) {
			f.add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2)).add("RELEASE", released("r-1", 2))
		}, audit.SecondRelease, 4},
		"release abandoned": {func(f *forge) {
			f.add("CHARGE", charged("r-1")).add("ABANDON", abandoned(2)).add("RELEASE", released("r-1", 2))
		}, audit.AfterAbandon, 4},
		"abandoned twice": {func(f *forge) {
			f.add("CHARGE", charged("r-1")).add("ABANDON", abandoned(2)).add("ABANDON", abandoned(2))
		}, audit.AfterAbandon, 4},
		"abandon released": {func(f *forge) {
			f.add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2)).add("ABANDON", abandoned(2))
		}, audit.AfterRelease, 4},
		"released off slot": {func(f *forge) { f.add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2, "time", start+3)) }, audit.ReleaseTime, 3},
		"released after slot": {func(f *forge) {
			f.add("CHARGE", charged("r-1")).add("CHARGE", charged("r-2", "time", start+8, "due", start+10)).add("RELEASE", released("r-1", 2))
		}, audit.ReleaseTime, 4},
		"replay of nothing": {func(f *forge) { f.add("REPLAY", replayed("r-1", 1)) }, audit.ReplayUnknown, 2},
		"unknown member":    {func(f *forge) { f.add("CHARGE", charged("r-1", "sex", "f")) }, audit.LeafMalformed, 2},
		"missing member":    {func(f *forge) { f.add("CHARGE", charged("r-1", "epoch", nil)) }, audit.LeafMalformed, 2},
		"number for string": {func(f *forge) { f.add("CHARGE", charged("r-1", "rho", 10)) }, audit.LeafMalformed, 2},
		"string for number": {func(f *forge) { f.add("CHARGE", charged("r-1", "due", "10")) }, audit.LeafMalformed, 2},
		"negative":          {func(f *forge) { f.add("CHARGE", charged("r-1", "rho", "-10")) }, audit.LeafMalformed, 2},
		"leading zero":      {func(f *forge) { f.add("CHARGE", charged("r-1", "rho", "010")) }, audit.LeafMalformed, 2},
		"20 digits":         {func(f *forge) { f.add("CHARGE", charged("r-1", "rho", "18446744073709551617")) }, audit.LeafMalformed, 2},
		"over 2^53":         {func(f *forge) { f.add("CHARGE", charged("r-1", "epoch", 1<<53)) }, audit.LeafMalformed, 2},
		"free":              {func(f *forge) { f.add("CHARGE", charged("r-1", "rho", "0")) }, audit.LeafMalformed, 2},
		"escape":            {func(f *forge) { f.add("CHARGE", charged("r-1", "key", "a\"b")) }, audit.LeafMalformed, 2},
		"control": {func(f *forge) {
			f.raw(bytes.Replace(begun(t).add("CHARGE", charged("r-1")).leaves[2], []byte(`"k"`), []byte("\"\x1f\""), 1))
		}, audit.LeafMalformed, 2},
		"control behind the padding": {func(f *forge) {
			f.raw(bytes.Replace(begun(t).add("CHARGE", charged("r-1")).leaves[2], []byte(`"request":"q"`), []byte("\"request\":\"\x1f\""), 1))
		}, audit.LeafMalformed, 2},
		"bad UTF-8": {func(f *forge) {
			f.raw(bytes.Replace(begun(t).add("CHARGE", charged("r-1")).leaves[2], []byte(`"k"`), []byte("\"\xff\""), 1))
		}, audit.LeafMalformed, 2},
		"unknown type":   {func(f *forge) { f.add("CHARGE", charged("r-1", "type", "GIFT")) }, audit.LeafMalformed, 2},
		"no sigma":       {func(f *forge) { f.add("CHARGE", charged("r-1", "sigmas", members{})) }, audit.LeafMalformed, 2},
		"sigma infinite": {func(f *forge) { f.add("CHARGE", charged("r-1", "sigmas", members{"people": "+Inf"})) }, audit.LeafMalformed, 2},
		"sigma zero":     {func(f *forge) { f.add("CHARGE", charged("r-1", "sigmas", members{"people": "0"})) }, audit.LeafMalformed, 2},
		"scopes unordered": {func(f *forge) {
			f.add("CHARGE", charged("r-1", "scopes", []string{population + "/life", population + "/2017"}))
		}, audit.LeafMalformed, 2},
		"no version":     {func(f *forge) { f.add("CHARGE", charged("r-1", "template", "claim-severity")) }, audit.LeafMalformed, 2},
		"grant id twice": {func(f *forge) { f.add("GRANT", terms("grants", []members{granted("g-1"), granted("g-1")})) }, audit.LeafMalformed, 2},
		"no last day":    {func(f *forge) { f.add("GRANT", terms("grants", []members{granted("g-1", "until", "2027-02-30")})) }, audit.LeafMalformed, 2},
		"leaf behind a leaf": {func(f *forge) {
			leaf, second := begun(t).add("CHARGE", charged("r-1")).leaves[2], []byte(`{"type":"CHARGE"}`)
			f.raw(append(bytes.Replace(leaf, bytes.Repeat([]byte("0"), len(second)), nil, 1), second...))
		}, audit.LeafMalformed, 2},
		"padded too far": {func(f *forge) {
			leaf := begun(t).add("CHARGE", charged("r-1")).leaves[2]
			f.raw(bytes.Replace(leaf, []byte(`"pad":"`), append([]byte(`"pad":"`), bytes.Repeat([]byte("0"), 3072)...), 1))
		}, audit.LeafMalformed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := begun(t)
			tt.build(f)
			r := f.verify()
			if len(r.Findings) != 1 || r.Findings[0].Code != tt.code || r.Findings[0].Leaf != tt.leaf || r.ExitCode() != 1 {
				t.Fatalf("findings %+v, want %s at leaf %d", r.Findings, tt.code, tt.leaf)
			}
		})
	}
	f := &forge{t: t}
	f.add("SNAPSHOT", members{"by": "x", "snapshot": "s-1", "time": start}).add("CHARGE", charged("r-1"))
	if r := f.verify(); len(r.Findings) != 1 || r.Findings[0].Code != audit.NoCaps {
		t.Fatalf("no caps: %+v", r.Findings)
	}
}

// noted are the notes of a report, but that a forged log of format 1 is of an older program.
func noted(r *audit.Report) string {
	return strings.ReplaceAll(codes(&audit.Report{Findings: r.Notes}), string(audit.RulesBefore)+" ", "")
}

func codes(r *audit.Report) string {
	s := ""
	for _, f := range r.Findings {
		s += string(f.Code) + " "
	}
	return s
}

func TestTreeAndCheckpoint(t *testing.T) {
	f := begun(t)
	for i := range 9 {
		f.add("CHARGE", charged(fmt.Sprint("r-", i), "rho", "1"))
	}
	wal, record := f.wal(), 1032
	part := func(n int) *forge { return &forge{t: t, leaves: f.leaves[:n]} }
	log := func(wal, checkpoint []byte) fstest.MapFS {
		return fstest.MapFS{"wal": {Data: wal}, "checkpoint": {Data: checkpoint}}
	}
	other := begun(t).add("CHARGE", charged("r-0", "rho", "2"))
	for name, tt := range map[string]struct {
		log   fstest.MapFS
		since []byte
		want  string
	}{
		"whole":             {f.log(), nil, ""},
		"older checkpoint":  {f.log(), part(4).checkpoint(), ""},
		"oldest checkpoint": {f.log(), part(0).checkpoint(), ""},
		"same checkpoint":   {f.log(), f.checkpoint(), ""},
		"leaves beyond":     {log(wal, part(5).checkpoint()), nil, ""},
		"rewritten":         {f.log(), other.checkpoint(), "since-mismatch "},
		"rolled back":       {part(4).log(), f.checkpoint(), "since-mismatch since-mismatch "},
		"since of nobody":   {f.log(), []byte("x"), "since-invalid "},
		"another log":       {log(wal, other.checkpoint()), nil, "root-mismatch "},
		"checkpoint forged": {log(wal, bytes.Replace(f.checkpoint(), []byte("\n11\n"), []byte("\n10\n"), 1)), nil, "checkpoint-invalid "},
		"checkpoint empty":  {log(wal, nil), nil, "checkpoint-invalid "},
		"short by a record": {log(wal[:len(wal)-record], f.checkpoint()), nil, "log-short "},
		"short by a byte":   {log(wal[:len(wal)-1], f.checkpoint()), nil, "record-damaged "},
		"empty":             {log(nil, f.checkpoint()), nil, "log-short "},
		"torn tail":         {log(append(bytes.Clone(wal), 0, 0, 4), f.checkpoint()), nil, "torn-tail "},
		"zeros behind":      {log(append(bytes.Clone(wal), make([]byte, 5000)...), f.checkpoint()), nil, "torn-tail "},
		"damage behind":     {log(flip(wal, record*7+50), part(5).checkpoint()), nil, "torn-tail "},
		"damage":            {log(flip(wal, record*3+50), part(5).checkpoint()), nil, "record-damaged "},
		"damaged length":    {log(flip(wal, record*3+2), part(5).checkpoint()), nil, "record-damaged "},
	} {
		r := verify(t, audit.Options{Log: tt.log, Since: tt.since})
		if codes(r) != tt.want {
			t.Errorf("%s: %v, want %s", name, r.Findings, tt.want)
		}
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 4
	return b
}

func TestReleasedFiles(t *testing.T) {
	answer := answerTo(t, charged("r-1"))
	digest := digestOf(answer)
	f := begun(t).add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2, "digest", digest))
	for want, files := range map[string]fstest.MapFS{
		"":                 {digest + ".json": {Data: answer}},
		"release-missing ": {},
		"release-altered ": {digest + ".json": {Data: append(answer, ' ')}},
	} {
		if r := verify(t, audit.Options{Log: f.log(), Releases: files}); codes(r) != want {
			t.Errorf("%v, want %q", r.Findings, want)
		}
	}
	// Files that no leaf names: a crash leaves one of a charge that was never
	// released; any other is from another log than this.
	f = begun(t).add("CHARGE", charged("r-1")).add("CHARGE", charged("r-2")).add("CHARGE", charged("r-3")).
		add("RELEASE", released("r-1", 2, "digest", digest)).add("ABANDON", abandoned(4))
	for _, tt := range []struct{ id, notes, findings string }{
		{"r-1", "", "release-unlogged "}, {"r-2", "release-orphan ", ""}, {"r-3", "release-orphan ", ""}, {"r-4", "", "release-unlogged "}, {"", "", "release-unlogged "},
	} {
		other := []byte(`{"id":"` + tt.id + `"}`)
		files := fstest.MapFS{digest + ".json": {Data: answer}, strings.Repeat("ab", 32) + ".json": {Data: other}}
		r := verify(t, audit.Options{Log: f.log(), Releases: files})
		if notes := noted(r); codes(r) != tt.findings || notes != tt.notes {
			t.Errorf("a file of %q: findings %q, notes %q", tt.id, codes(r), notes)
		}
	}
	f = begun(t).add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2, "digest", "../secret"))
	if r := verify(t, audit.Options{Log: f.log(), Releases: fstest.MapFS{}}); r.OK() {
		t.Error("a digest that leads out of the folder was followed")
	}
}

func TestUnusable(t *testing.T) {
	f := begun(t)
	for name, o := range map[string]audit.Options{
		"no key":        {Log: f.log(), Key: "nonsense"},
		"no log":        {Key: verifierKey(t)},
		"no checkpoint": {Key: verifierKey(t), Log: fstest.MapFS{"wal": {Data: f.wal()}}},
		"no entries":    {Key: verifierKey(t), Log: f.log(), Entries: true},
	} {
		if _, err := audit.Verify(context.Background(), o); !errors.Is(err, audit.ErrUnusable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := audit.Verify(ctx, audit.Options{Key: verifierKey(t), Log: f.log()}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	empty := &forge{t: t}
	if r := verify(t, audit.Options{Log: fstest.MapFS{"checkpoint": {Data: empty.checkpoint()}}}); !r.OK() {
		t.Errorf("a domain just begun: %v", r.Findings)
	}
}

// A report does not grow without bound.
func TestManyFindings(t *testing.T) {
	f := begun(t)
	for i := range 1500 {
		f.add("REPLAY", replayed(fmt.Sprint("r-", i), 0))
	}
	if r := f.verify(); len(r.Findings) != 1000 || r.More != 500 || r.Unlisted[audit.ReplayUnknown] != 500 {
		t.Fatalf("%d findings and %d more, %v", len(r.Findings), r.More, r.Unlisted)
	}
}

// However many there are of one kind, of every other kind the first is told.
func TestManyHideNothing(t *testing.T) {
	f := begun(t)
	for i := range 1001 {
		f.add("REPLAY", replayed(fmt.Sprint("q-", i), 0))
	}
	f.add("CHARGE", charged("r-1", "time", start+2, "due", start+4))
	files := fstest.MapFS{}
	for i := range 1001 {
		files[fmt.Sprintf(".new-%d", i)] = &fstest.MapFile{Data: []byte("x")}
	}
	r := verify(t, audit.Options{Log: f.add("CHARGE", charged("r-2", "rho", "91", "time", start+2, "due", start+4)).log(), Releases: files, MaxAge: 1})
	want := []string{"replay-unknown", "cap-passed", "second-draw"}
	if !slices.Equal(r.Found(), want) || r.ExitCode() != 1 || r.Unlisted[audit.ReplayUnknown] != 1 || r.More != 1 {
		t.Errorf("codes %v, unlisted %v, more %d", r.Found(), r.Unlisted, r.More)
	}
}

// Notes that are cheap to make push none of the others out of a report.
func TestManyNotesHideNothing(t *testing.T) {
	limit := members{"rho": "1000000", "delta": "1000000"}
	f := &forge{t: t}
	f.add("GRANT", terms("caps", members{"year": limit, "life": limit})).add("SNAPSHOT", members{"by": "steward-s", "snapshot": "s-1", "time": start})
	files := fstest.MapFS{}
	for i := range 1001 {
		at := len(f.leaves)
		f.add("CHARGE", drawing(fmt.Sprint("j-", i), "job", "rho", "1", "delta", "0")).add("ABANDON", abandoned(at, "time", start))
		files[digestOf([]byte(fmt.Sprint(i)))+".json"] = &fstest.MapFile{Data: []byte("\x00\x01\x02\x03\x04\x05\x06\x07")}
	}
	r := verify(t, audit.Options{Log: f.log(), Releases: files, MaxAge: 1})
	told := map[audit.Code]int{}
	for _, n := range r.Notes {
		told[n.Code]++
	}
	if !r.OK() || told[audit.RulesBefore] != 1 || told[audit.AgeUnknown] != 1 || told[audit.ReleaseOrphan] != 1000 ||
		r.Unlisted[audit.ReleaseOrphan] != 1 || r.More != 0 {
		t.Errorf("notes %v, unlisted %v, more %d, findings %v", told, r.Unlisted, r.More, r.Found())
	}
}

// A list that fills the largest leaf costs its length and not the square of it, which would
// be most of a second for each leaf; what is there twice is still found.
func TestLongLists(t *testing.T) {
	var list []string
	for i := range 9200 {
		list = append(list, fmt.Sprintf("%04x", i))
	}
	f := &forge{t: t}
	for range 20 {
		f.add("GRANT", terms("grants", []members{granted("g-1", "templates", list)}))
	}
	log, began := f.log(), time.Now()
	r := verify(t, audit.Options{Log: log})
	if took := time.Since(began); !r.OK() || took > 5*time.Second {
		t.Errorf("%v, findings %+v", took, r.Findings)
	}
	list[9199] = list[0]
	f = (&forge{t: t}).add("GRANT", terms("grants", []members{granted("g-1", "templates", list)}))
	if r := f.verify(); codes(r) != "leaf-malformed " {
		t.Errorf("a template is there twice: %+v", r.Findings)
	}
}
