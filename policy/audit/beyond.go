package audit

// beyond are the leaves that come after those of the checkpoint. Nobody has signed them:
// whoever hands a log over can have added them.
type beyond struct{ charges, releases int64 }

// beyondAt counts a leaf that is under no checkpoint.
func (v *verifier) beyondAt(at int64, l *leaf) {
	if v.signed == nil || v.under(at) {
		return
	}
	switch l.kind {
	case "CHARGE":
		v.beyond.charges++
	case "RELEASE":
		v.beyond.releases++
	}
}

// uncovered tells of them. A log that is being written has such leaves for a moment, so
// that nothing is wrong with it; they count in all that the report adds up.
func (v *verifier) uncovered() {
	if u := v.beyond; v.signed != nil && v.report.Leaves > v.signed.size {
		v.report.note(LeavesUncovered, "the newest %d leaves, %d charges and %d releases among them, are under no checkpoint: "+
			"the log's key has not signed them, and whoever handed them over may have written them", v.report.Leaves-v.signed.size, u.charges, u.releases)
	}
}
