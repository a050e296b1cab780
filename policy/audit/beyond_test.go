package audit_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qunxiang/qunxiang/policy/audit"
)

// Whoever hands a log over can add leaves behind the checkpoint, without any key. A log that
// is being written has such leaves too: they are told, and nothing is wrong.
func TestLeavesBeyondTheCheckpoint(t *testing.T) {
	f := watched(t)
	f.chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8))
	under := f.checkpoint()
	if r := f.verify(); !r.OK() || strings.Contains(codes(&audit.Report{Findings: r.Notes}), "leaves-uncovered") {
		t.Fatalf("a whole log: %+v, notes %+v", r.Findings, r.Notes)
	}
	at := len(f.leaves)
	f.chained("CHARGE", asked("r-2", "time", start+2, "due", start+4)).chained("RELEASE", released("r-2", at, "time", start+4))
	f.chained("CHARGE", asked("r-3", "time", start+4, "due", start+6))
	r := verify(t, audit.Options{Log: fstest.MapFS{"wal": {Data: f.wal()}, "checkpoint": {Data: under}}})
	i := slices.IndexFunc(r.Notes, func(n audit.Finding) bool { return n.Code == audit.LeavesUncovered })
	if !r.OK() || i < 0 || !strings.Contains(r.Notes[i].Text, "the newest 3 leaves, 2 charges and 1 releases among them") {
		t.Errorf("findings %+v, notes %+v", r.Findings, r.Notes)
	}
}

// A DELETE that nobody has signed excuses no released file that is missing.
func TestDeleteBeyondTheCheckpoint(t *testing.T) {
	f := begun(t)
	f.add("CHARGE", charged("r-1")).add("RELEASE", released("r-1", 2))
	under := f.checkpoint()
	f.chained("DELETE", members{"by": "steward-s", "leaf": 3, "time": start + 200*day})
	for want, checkpoint := range map[string][]byte{"release-missing ": under, "": f.checkpoint()} {
		log := fstest.MapFS{"wal": {Data: f.wal()}, "checkpoint": {Data: checkpoint}}
		if r := verify(t, audit.Options{Log: log, Releases: fstest.MapFS{}}); codes(r) != want {
			t.Errorf("findings %+v, want %q", r.Findings, want)
		}
	}
}
