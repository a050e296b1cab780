package audit_test

import "testing"

// Once a log has the newer rules, what is handed out again rests on the approvals of its
// template, of two others than who is handed it, in both folds.
func TestRepeatsRestOnTheTemplate(t *testing.T) {
	for name, tt := range map[string]struct {
		log  func() *forge
		want string
	}{
		"a repeat of a question that two approve": {func() *forge {
			return watched(t).chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8)).chained("REPLAY", replayed("r-2", 9))
		}, ""},
		"a repeat of a question that one approves still": {func() *forge {
			f := watched(t).chained("CHARGE", asked("r-1")).chained("RELEASE", released("r-1", 8))
			f.chained("APPROVE", says("cy", "template", templateDigest, "revoked", true, "made", start+1, "time", start+2))
			return f.chained("REPLAY", replayed("r-2", 9))
		}, "not-approved "},
		"the same in a log of older rules": {func() *forge {
			f := watched(t).chained("CHARGE", asked("r-1", "rules", 1)).chained("RELEASE", released("r-1", 8))
			f.chained("APPROVE", says("cy", "template", templateDigest, "revoked", true, "made", start+1, "time", start+2))
			return f.chained("REPLAY", replayed("r-2", 9))
		}, ""},
		"a repeat for one who approved the question": {func() *forge {
			f := asker(t, "bo").approvedLater("template", templateDigest, "ada").chained("CHARGE", asked("r-1", "time", start+1)).chained("RELEASE", released("r-1", 9))
			f.chained("APPROVE", says("ada", "template", templateDigest, "revoked", true, "made", start+2, "time", start+2))
			return f.chained("REPLAY", replayed("r-2", 10))
		}, "not-approved "},
	} {
		f := tt.log()
		theirs, ours := f.folded(), f.verify()
		if codes(ours) != tt.want || (theirs == nil) != ours.OK() {
			t.Errorf("%s: ledger %v, auditor %v, want %s", name, theirs, ours.Findings, tt.want)
		}
	}
}
