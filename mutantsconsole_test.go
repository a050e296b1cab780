//go:build mutants

package qunxiang_test

// consoleMutants break what the pages for people promise.
var consoleMutants = []mutant{
	{"console: forms without their token", "api/console/page.go", "if r.Method == http.MethodPost && !v.formHolds() {", "if r.Method == http.MethodPost && !v.formHolds() && false {", "./api/console", "TestFormsNeedTheirToken"},
	{"console: another session's form token", "api/host.go", "m.Write([]byte(bound))", "m.Write(nil)", "./api/console", "TestFormsNeedTheirToken"},
	{"console: a session goes along with links from elsewhere", "api/host.go", "h.s.sessions.begin(name, still), http.SameSiteStrictMode)", "h.s.sessions.begin(name, still), http.SameSiteLaxMode)", "./api/console", "TestSessionCookie"},
	{"console: answers before they are due", "api/console/request.go", "\tcase queries.Running:\n", "\tcase queries.Running:\n\t\t_, _ = c.Service.Answer(v.Who.Principal, id)\n", "./api/console", "TestEveryPageInBothLanguages"},
	{"console: what is another's can be told from nothing", "api/console/problem.go", "v.Path, v.lost = \"/console/\", true", "v.lost = true", "./api/console", "TestOthersThingsDoNotExist"},
	{"console: the log for everybody", "api/console/log.go", "return v.c.Published != nil && v.may(policy.ReadLog)", "return v.c.Published != nil && (v.may(policy.ReadLog) || true)", "./api/console", "TestOthersThingsDoNotExist"},
	{"console: stewards' pages for everybody", "api/console/steward.go", "if !v.is(policy.Steward) {", "if false {", "./api/console", "TestOthersThingsDoNotExist"},
	{"console: questions of another role", "api/console/template.go", "if err != nil || !v.offered(t) {", "if err != nil {", "./api/console", "TestOthersThingsDoNotExist"},
	{"console: inline scripts", "api/console/console.go", "script-src 'self';", "script-src 'self' 'unsafe-inline';", "./api/console", "TestEveryPageInBothLanguages"},
	{"console: pictures take text as it is", "api/console/svg.go", "anchor, class, html.EscapeString(words))", "anchor, class, words)", "./api/console", "TestPicturesEscape"},
	{"console: a second click pays twice", "api/console/form.go", "sum := sha256.Sum256([]byte(key + \"\\n\" + rest.Encode()))", "sum := sha256.Sum256([]byte(newKey() + rest.Encode()))", "./api/console", "TestAskedTwiceIsChargedOnce"},
	{"console: a form without a price is asked all the same", "api/console/template.go", "if err == nil && r.MaxRho == 0 {", "if false {", "./api/console", "TestFormIsHeldToItsPrice"},
	{"console: a changed form keeps its price", "api/console/assets/console.js", "if (agreed) agreed.value = \"\";", "", "./api/console", "TestBrowserJourney"},
	{"console: what nobody approved looks approved", "api/console/logstory.go", "Evaluation: l.Index < v.c.SupervisedSince()}", "Evaluation: false}", "./api/console", "TestLogTellsWhoApproved"},
	{"console: every reader runs the verifier", "api/console/logcheck.go", "c.checks.flight.DoChan(\"\",", "c.checks.flight.DoChan(newKey(),", "./api/console", "TestLogIsCheckedOnce"},
	{"console: a report stands for ever", "api/console/logcheck.go", "c.Now().Sub(r.At) < freshCheck", "true", "./api/console", "TestLogIsCheckedOnce"},
	{"console: filters get lost", "api/console/logcheck.go", "filterOf(v.r.PostForm).address()", "logFilter{}.address()", "./api/console", "TestLogReport"},
	{"audit: a witness that is not pinned looks pinned", "policy/audit/cosigned.go", ", append(r.Unpinned, s.Witness)", ", r.Unpinned", "./policy/audit", "TestWitnesses"},
	{"console: a quota is not counted", "api/console/template.go", "if q := e.Quota; q != nil {", "if q := e.Quota; false {", "./api/console", "TestPriceCountsTheQuota"},
	{"an estimate fits beside its quota", "queries/runner.go", "\t\te.Fits = false\n\t\te.FitsAt = max(e.FitsAt, fitsAt(p.reference(), cost.RhoFloat(), left.RhoFloat()))", "", "./queries", "TestEstimateCountsTheQuota"},
	{"console: a page that is left keeps its stream", "api/console/assets/console.js", "    if (events) events.close();\n", "", "./api/console", "TestBrowserJourney"},
	{"console: giving up is for nothing", "api/console/request.go", "if t.Charged || !t.Cancelled {", "if true {", "./api/console", "TestGivingUpIsExplained"},
	{"a follower who gave up is handed the answer", "queries/ask.go", "wanted := !t.Cancelled", "wanted := true", "./queries", "TestGivingUp"},
	{"console: approvals for everybody", "api/console/approvals.go", "return v.c.Approvals != nil && v.may(policy.SeeProposals)", "return v.c.Approvals != nil && (v.may(policy.SeeProposals) || true)", "./api/console", "TestOthersThingsDoNotExist"},
	{"api: fen without a word", "api/xlsxcover.go", "return c.Unit == \"fen\" }", "return c.Unit == \"no\" }", "./api", "TestXLSXNumbers"},
	{"console: looking hands over", "api/console/request.go", "case v.c.Handed(rec.ID, v.Who.Principal):", "case true:", "./api/console", "TestLookingWritesNothing"},
	{"console: verifying hands over", "api/console/verify.go", "err != nil && !c.Handed(id, v.Who.Principal) {", "err != nil && false {", "./api/console", "TestLookingWritesNothing"},
	{"console: signing in leads elsewhere", "api/console/signin.go", "strings.HasPrefix(to, \"/console/\") && ", "", "./api/console", "TestStrangersAreSentToSignIn"},
	{"console: suppressed groups are drawn", "api/console/chart.go", "one.Points = append(one.Points, point{At: label, Hidden: true})", "one.Points = append(one.Points, point{At: label})", "./api/console", "TestSuppressedIsSaid"},
}
