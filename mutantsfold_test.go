//go:build mutants

package qunxiang_test

// foldMutants break what both folds hold answers, statements and trainings to, what a domain
// writes before those outside were met, and how long an event stream lasts.
var foldMutants = []mutant{
	{"fold: one answer for two charges", "policy/ledger/fold.go", "case s.digests[b.Digest]:", "case false:", "./policy/ledger", "TestOneAnswerForOneCharge"},
	{"fold, audit: one answer for two charges", "policy/audit/closing.go", "if c.state == open && !b.digests.first(l.names.digest) {", "if false {", "./policy/audit", "TestBundles$"},
	{"fold: a fast clock keeps an approval", "policy/ledger/voice.go", "case a.Revoked && (a.Made.After(v.approved) || !at.After(a.Made.Add(aheadOfLog))):", "case false:", "./policy/ledger", "TestRevokedByAnotherClock"},
	{"fold: a slow clock keeps an approval", "policy/ledger/voice.go", " || !at.After(a.Made.Add(aheadOfLog))", "", "./policy/ledger", "TestRevokedByAnotherClock"},
	{"fold: late revocations are lost", "policy/ledger/voice.go", "a.Made.After(v.approved) || ", "", "./policy/ledger", "TestRevocationOfLongBefore"},
	{"fold: a revocation is played again", "policy/ledger/voice.go", "case a.Revoked && v.revoked[a.Made.Unix()]:", "case false:", "./policy/ledger", "TestRevokedByAnotherClock"},
	{"fold: approvals by any clock", "policy/ledger/voice.go", "case a.Revoked && (a.Made", "case (a.Made", "./policy/ledger", "TestRevokedByAnotherClock"},
	{"fold: any revocation from before", "policy/ledger/voice.go", "case a.Revoked && (a.Made.After(v.approved) || !at.After(a.Made.Add(aheadOfLog))):", "case a.Revoked:", "./policy/ledger", "TestRevocationOfLongBefore"},
	{"fold, audit: a fast clock keeps an approval", "policy/audit/supervision.go", "s.made > before.newest || s.revoked && (s.made > before.given || s.made >= now-ahead)", "s.made > before.newest", "./policy/audit", "TestRevokingByAnyClock"},
	{"fold, audit: a slow clock keeps an approval", "policy/audit/supervision.go", " || s.made >= now-ahead)", ")", "./policy/audit", "TestRevokingByAnyClock"},
	{"fold, audit: a revocation is played again", "policy/audit/supervision.go", "case before != nil && s.revoked && before.taken[s.made]:", "case false:", "./policy/audit", "TestRevokingByAnyClock"},
	{"fold, audit: approvals by any clock", "policy/audit/supervision.go", "s.revoked && (s.made > before.given", "(s.made > before.given", "./policy/audit", "TestRevokingByAnyClock"},
	{"fold: a question is called a training's", "policy/ledger/training.go", "\tcase r == nil:\n\t\treturn fmt.Errorf(\"%w: it is called", "\tcase r == nil:\n\t\treturn nil\n\tcase r == nil:\n\t\treturn fmt.Errorf(\"%w: it is called", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold: a training of no attempt", "policy/ledger/training.go", "case !c.anAttempt():", "case false:", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold: a training of no transcript", "policy/ledger/training.go", "case checkDigest(\"idempotency\", c.Idempotency) != nil:", "case false:", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold: a training forgets opt-outs", "policy/ledger/training.go", "case c.Epoch < dayOf(r.Time)-1:", "case false:", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold: a training costs nothing", "policy/ledger/training.go", "return c.dear(finestStep * finestStep)", "return nil", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold: after its last day a job trains on anything", "policy/ledger/reserve.go", "case past && l.Previous == \"\":", "case past:", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold, audit: a question is called a training's", "policy/audit/handing.go", "\t\tr.find(TrainingUnfounded, at, \"its job has set nothing aside\")\n", "", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold, audit: a training of no attempt", "policy/audit/handing.go", "!ok || err != nil || n < 1 || n > math.MaxInt32 || strconv.Itoa(n) != string(number)", "!ok && n > math.MaxInt32 && err != nil", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold, audit: a training of no transcript", "policy/audit/handing.go", "\t\tr.find(TrainingUnfounded, at, \"it names no transcript\")\n", "", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold, audit: a training forgets opt-outs", "policy/audit/handing.go", "return dayOf(v.made) - 1\n", "return dayOf(v.made) - 1e6\n", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold, audit: a training costs nothing", "policy/audit/handing.go", "least *= finestStep * finestStep", "least = 0", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold, audit: after its last day a job trains on anything", "policy/audit/reserves.go", "case !v.open(l.time) && b.old(l):", "case !v.open(l.time):", "./policy/audit", "TestBothFoldsRefuse"},
	{"fold: an old disk takes leaves", "policy/ledger/met.go", "\treturn l.unmet\n}\n\n// Unmet", "\treturn nil\n}\n\n// Unmet", "./policy/ledger", "TestStartsReadOnly|TestOldDiskTakesNothing"},
	{"fold: who cannot be asked counts as met", "policy/ledger/met.go", "if err != nil && !l.vouched {", "if err != nil && l.vouched {", "./policy/ledger", "TestStartsReadOnly"},
	{"fold: met by nobody's word", "policy/ledger/met.go", "\t\tif err := l.remembered(); err != nil {\n\t\t\treturn l.stop", "\t\tif err := error(nil); err != nil {\n\t\t\treturn l.stop", "./policy/ledger", "TestOldDiskTakesNothing"},
	{"fold: never met", "policy/ledger/witness.go", "l.outside.by, l.outside.met, l.unmet = by, l.now(), nil", "l.outside.by, l.outside.met = by, l.now()", "./policy/ledger", "TestWitnessAway"},
	{"cmd: a copy alone tells of the disk", "cmd/qunxiang/outside.go", "return kept, errors.Join(err, o.short)", "return kept, err", "./cmd/qunxiang", "TestOutsideTells"},
	{"cmd: the disk of the copy need not be there", "cmd/qunxiang/outside.go", "_, err = os.Stat(filepath.Dir(o.copy))", "_, err = os.Stat(filepath.Dir(o.file))", "./cmd/qunxiang", "TestOutsideTells"},
	{"cmd: another leaf is replaced than is shown", "cmd/qunxiang/approveshow.go", "g.Replaces != old.Since.Leaf", "g.Replaces < -1", "./cmd/qunxiang", "TestWhatIsReplaced"},
	{"events: a stream outlives its credential", "api/events.go", "\t\t\tif !holds() {\n\t\t\t\treturn\n\t\t\t}\n", "", "./api", "TestStreamEndsWith"},
	{"events: the last state is told to anybody", "api/events.go", "if ok && holds() {", "if ok {", "./api", "TestStreamEndsWithItsCredential"},
	{"events: a stream outlives its principal", "api/auth.go", "return err == nil && name == principal && s.Policy.Organisation(principal) != \"\"", "return err == nil && name == principal", "./api", "TestStreamEndsWithItsCredential"},
	{"events: a stream keeps its session", "api/auth.go", "s.identifyBy(r, s.sessions.look)", "s.identifyBy(r, s.sessions.principal)", "./api", "TestStreamEndsWithItsSession"},
}
