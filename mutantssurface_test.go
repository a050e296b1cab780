//go:build mutants

package qunxiang_test

// surfaceMutants break what the audit of the noise and the public register promise.
var surfaceMutants = []mutant{
	{"noise audit: tails are not looked at", "dp/noisewagers.go", "won := -math.Log1p(-2 * normal.Upper(c))", "won := 0 * c", "./dp", "TestEveryKindOfWagerIsNeeded"},
	{"noise audit: no wager on the scale", "dp/noisewagers.go", "return -math.Log(s) - z*z/2*(1/(s*s)-1) })", "return 0 * s * z })", "./dp", "TestEveryKindOfWagerIsNeeded"},
	{"noise audit: reuse is not looked for", "dp/noisereuse.go", "if len(all) < 2 {", "if true {", "./dp", "TestCheatsAreFound"},
	{"noise audit: the threshold's choice is forgotten", "dp/noisereading.go", "if r.p.c.radix == nil { // what is shown is what reached the threshold", "if false {", "./dp", "TestTheChoiceIsPartOfTheLaw"},
	{"noise audit: shape is not looked at", "dp/noisealarm.go", "far = distanceBound(u) < s.alpha/2/float64(len(tests)) || far", "_ = u", "./dp", "TestEveryKindOfWagerIsNeeded"},
	{"noise audit: a refusal quotes the total", "dp/noisereading.go", "return unlike(\"%v was never drawn\", v)", "return unlike(\"%v was never drawn, but %d\", v, x)", "./dp", "TestNoiseAuditOfTamperedTables"},
	{"noise audit: it can be printed", "dp/redact.go", "func (closed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }", "", "./dp", "TestNoiseAuditIsSilent"},
	{"noise audit: a second verdict", "dp/noiseaudit.go", "	s.done = true\n", "", "./dp", "TestNoiseAuditIsSilent"},
	{"noise audit: another question than was charged", "queries/auditnoise.go", "if rel.ID != rec.ID || q.canonicalKey(r.Secret) != rec.Key {", "if rel.ID != rec.ID {", "./queries", "TestAuditOfWhatIsMissing"},
	{"noise audit: it needs nobody's approval", "cmd/qunxiang/auditnoise.go", "d.state.Approved(ledger.SubjectAudit, look.Root, time.Now(), as); err != nil {", "d.state.Approved(ledger.SubjectAudit, look.Root, time.Now(), as); false {", "./cmd/qunxiang", "TestScripts/supervise"},
	{"noise audit: the salt is another's", "queries/auditnoise.go", "saltOf(r.Secret, rec.ID)", "saltOf(r.Secret, rec.Key)", "./queries", "TestAuditAsksTheSameAgain"},
	{"policy: attempts are not logged", "cmd/qunxiang/enforce.go", "if err := d.ledger.Attempted(ctx, by, p.Digest()); err != nil && ", "if err := error(nil); err != nil && ", "./cmd/qunxiang", "TestScripts/supervise"},
	{"policy: an attempt at every look", "policy/ledger/refused.go", "\tif known {\n", "\tif false {\n", "./policy/ledger", "TestRefusedPolicyIsLogged"},
	{"deleted snapshots are asked", "policy/ledger/state.go", "if s.registered[id].deleted {", "if false {", "./policy/ledger", "TestSnapshotsNameNoDeletedOnes"},
	{"terminal: what others wrote is printed as it is", "cmd/qunxiang/safe.go", "unicode.IsGraphic(r) {", "true {", "./cmd/qunxiang", "TestForeignTextIsSafeForATerminal"},
	{"terminal: commands print around it", "cmd/qunxiang/root.go", "\t\tprintSafely(c)\n", "", "./cmd/qunxiang", "TestForeignCommandsPrintSafely"},
	{"terminal: a name goes on in the next line", "cmd/qunxiang/safe.go", "\t\t\tr = ' '\n", "", "./cmd/qunxiang", "TestForeignTextKeepsItsLine"},
	{"register: leaves that no checkpoint covers", "queries/register.go", "if !r.covered(rec.Index) {", "if false {", "./queries", "TestRegister"},
	{"register: repeats that no checkpoint covers", "queries/register.go", "if size := r.State.Size(); size == 0 || r.covered(size-1) {", "if true {", "./queries", "TestRegister"},
	{"register: the asking principal's name", "queries/register.go", "Day: rec.Time.In(china).Format(time.DateOnly), Organisation: rec.Organisation,", "Day: rec.Time.In(china).Format(time.DateOnly), Organisation: rec.Principal,", "./queries", "TestRegister"},
	{"register: a request's id", "queries/register.go", "Day: rec.Time.In(china).Format(time.DateOnly), ", "Day: rec.ID + rec.Time.In(china).Format(time.DateOnly), ", "./queries", "TestRegister"},
	{"register: any style", "api/registerpage.go", "style-src 'sha256-\" + styleHash() + \"'", "style-src 'unsafe-inline'", "./api", "TestRegisterPageIsInert"},
	{"register: strangers without a rate", "api/register.go", "	c := humaecho.Unwrap(ctx)\n	if !s.strangers.allow(peer(c.Request())) {", "	c := humaecho.Unwrap(ctx)\n	if false {", "./api", "TestRegisterForStrangers"},
	{"every account of an organisation has its own slots", "queries/crowd.go", "organisation != \"\" && rules.Organisation(t.principal) == organisation", "organisation == \"-\"", "./queries", "TestInFlightByOrganisation"},
	{"repeats and refusals fill the log", "queries/crowd.go", "return l.AllowN(r.Now(), 1)", "return l.AllowN(r.Now(), 0)", "./queries", "TestFreeLeavesAreLimited"},
	{"charged before it is known that the answer can be kept", "queries/ask.go", "if err := r.Store.Ready(); err != nil {", "if err := error(nil); err != nil {", "./queries", "TestAnswersThatCannotBeKept"},
	{"charged before the snapshot is known to be in reach", "queries/child/answerer.go", "if a.try(ctx, o.Source.Snapshot) != nil {", "if a.prepare(ctx, o.Source.Snapshot) != nil {", "./queries/child", "TestSnapshotOutOfReachIsNotCharged"},
	{"a sign-in leads elsewhere", "api/signin.go", "err != nil || !plain ||", "err != nil || !plain && plain ||", "./api", "TestSignIn"},
}
