package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/audit"
)

// asOf is a clock of the auditor's that stands still.
func asOf(at int64) func() time.Time { return func() time.Time { return time.Unix(at, 0) } }

// A leaf is no later than the cosignatures of the checkpoint that covers it, give or take
// what clocks are apart; the oldest of them counts.
func TestLeavesAreNoLaterThanTheirCosignature(t *testing.T) {
	for at, want := range map[int64]string{start: "", start - 300: "", start - 301: "leaf-ahead ", start - 1e8: "leaf-ahead "} {
		f := watched(t)
		f.at = at
		r := f.verify()
		if codes(r) != want || r.OldestCosignature != at || r.NewestCosignature != at {
			t.Errorf("cosigned at %d: %+v, %d to %d", at, r.Findings, r.OldestCosignature, r.NewestCosignature)
		}
	}
	f := watched(t)
	log := f.log()
	f.cosign, f.at = []string{"x.example"}, start-301
	late := f.checkpoint()
	log["checkpoint"].Data = append(log["checkpoint"].Data, late[strings.Index(string(late), "\u2014 x.example"):]...)
	o := audit.Options{Log: log, Witnesses: []string{cosigner(t, "x.example").VerifierKey()}, Quorum: 1}
	if r := verify(t, o); codes(r) != "leaf-ahead " || r.OldestCosignature != start-301 || r.NewestCosignature != start {
		t.Errorf("of two: %+v", r)
	}
}

// What comes after the checkpoint that the auditor kept was made after that was cosigned,
// also where the approvals and the grant that it rests on had ended by then.
func TestLeavesAreNotBackdated(t *testing.T) {
	for at, want := range map[int64]string{start: "", start + 360: "", start + 361: "leaf-backdated ", start + 3*24*3600: "leaf-backdated "} {
		f := watched(t)
		f.at = at
		since := f.checkpoint()
		f.chained("CHARGE", asked("r-1")).chained("CHARGE", asked("r-2"))
		r := verify(t, audit.Options{Log: f.log(), Since: since})
		if codes(r) != want || want != "" && r.Findings[0].Leaf != 8 {
			t.Errorf("kept a checkpoint of %d: %+v", at, r.Findings)
		}
		if r := f.verify(); !r.OK() {
			t.Errorf("without it: %+v", r.Findings)
		}
	}
}

// A start after a crash closes open charges at the time of the newest leaf, whatever it is.
func TestAbandonedBeforeTheClockIsConfirmed(t *testing.T) {
	f := watched(t).chained("CHARGE", asked("r-1", "due", start+7200))
	f.at = start + 3600
	since := f.checkpoint()
	f.chained("ABANDON", abandoned(8, "time", start))
	f.chained("CHARGE", asked("r-2", "time", start+3660, "due", start+3662))
	if r := verify(t, audit.Options{Log: f.log(), Since: since}); !r.OK() {
		t.Errorf("%+v", r.Findings)
	}
}

// A bundle of long ago is whole, and says nothing of today: its age is told, and may be
// held to a limit.
func TestAge(t *testing.T) {
	f := watched(t)
	const day = 24 * 3600
	for _, c := range []struct {
		now  int64
		most time.Duration
		want string
	}{{start + 900*day, 0, ""}, {start + day, 24 * time.Hour, ""}, {start + day + 1, 24 * time.Hour, "stale "}, {start + 900*day, 24 * time.Hour, "stale "}} {
		r := verify(t, audit.Options{Log: f.log(), MaxAge: c.most, Now: asOf(c.now)})
		if codes(r) != c.want || r.OldestCosignature != start {
			t.Errorf("%+v: %+v", c, r.Findings)
		}
	}
	r := verify(t, audit.Options{Log: begun(t).log(), MaxAge: time.Hour})
	if !r.OK() || len(r.Notes) != 1 || r.Notes[0].Code != audit.AgeUnknown || r.OldestCosignature != 0 {
		t.Errorf("cosigned by nobody: %+v %+v", r.Findings, r.Notes)
	}
}

// The checkpoint of no leaves, which every witness cosigns when a log begins, shows nothing.
func TestNothingLogged(t *testing.T) {
	f := &forge{t: t, cosign: []string{"w.example"}}
	r := f.verify()
	if !r.OK() || len(r.Notes) != 1 || r.Notes[0].Code != audit.LogEmpty {
		t.Errorf("%+v %+v", r.Findings, r.Notes)
	}
}
