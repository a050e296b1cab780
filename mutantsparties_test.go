//go:build mutants

package qunxiang_test

// partyMutants break what the pages about trainings and data keep from whom.
var partyMutants = []mutant{
	{"console: another organisation's job", "api/console/training.go", `return v.is(policy.Node) && j.Organisation != "" && j.Organisation == v.Who.Organisation`, "return v.is(policy.Node)", "./api/console", "TestOthersJobsDoNotExist"},
	{"console: jobs of no party for operators of nodes", "api/console/training.go", `j.Organisation != "" && `, `(j.Organisation == "" || true) && `, "./api/console", "TestUnchargedJobIsForStewards"},
	{"console: any job of a role that sees trainings", "api/console/training.go", "return !v.seesJob(j) })", "return false })", "./api/console", "TestOthersJobsDoNotExist"},
	{"console: jobs of others for regulators", "api/console/training.go", "(j.Set != nil || j.TrainingJob != nil && j.Approved)", "true", "./api/console", "TestOthersJobsDoNotExist"},
	{"console: regulators approve what they cannot read", "api/console/training.go", "(j.Set != nil || j.TrainingJob != nil && j.Approved)", "j.Set != nil", "./api/console", "TestCardsThatWaitAreSaid"},
	{"console: the model for regulators", "api/console/training.go", "if !v.receives(j) {", "if false {", "./api/console", "TestOthersJobsDoNotExist"},
	{"console: the list of trainings for everybody", "api/console/training.go", "func (c *console) training(v *view) error {\n\tif !v.seesTraining() {", "func (c *console) training(v *view) error {\n\tif false {", "./api/console", "TestOthersJobsDoNotExist"},
	{"console: files of jobs that are not the visitor's", "api/console/trainingmodel.go", "if j.TrainingJob == nil && (", "if j.TrainingJob == nil {\n\t\tfull, _ := c.Training.Job(v.r.Context(), j.Digest)\n\t\tj.TrainingJob = full\n\t}\n\tif j.TrainingJob == nil && (", "./api/console", "TestOthersJobsDoNotExist"},
	{"console: a job's page shows what does not verify", "cmd/qunxiang/consoleproofs.go", "p.broken, err = found.Code, nil", "err = nil", "./cmd/qunxiang", "TestPagesOfATraining"},
	{"console: whoever goes ends the asking for all", "cmd/qunxiang/consoleword.go", "go w.hear(context.WithoutCancel(ctx), w.asking)", "go w.hear(ctx, w.asking)", "./cmd/qunxiang", "TestHangingCoordinatorHoldsUpNobody"},
	{"console: a coordinator that hangs is waited for", "cmd/qunxiang/consoleword.go", "w.asking, w.patience-time.Since(w.begun)", "w.asking, time.Hour", "./cmd/qunxiang", "TestHangingCoordinatorHoldsUpNobody"},
	{"console: cards are kept for ever", "cmd/qunxiang/consoleword.go", "cards := map[string]*federated.Card{}\n\tfor", "cards := known\n\tfor", "./cmd/qunxiang", "TestHangingCoordinatorHoldsUpNobody"},
	{"console: a slow job holds up the others", "cmd/qunxiang/consoleproofs.go", "k.flight.DoChan(job, func", "k.flight.DoChan(\"\", func", "./cmd/qunxiang", "TestSlowJobHoldsUpNoOther"},
	{"a new load forgets who opted out before", "cmd/qunxiang/snapshotuse.go", "if err := d.resolveOptOutsIn(ctx, s.Snapshot); err != nil {", "if err := error(nil); err != nil {", "./cmd/qunxiang", "TestNewLoadKnowsWhoOptedOutBefore"},
	{"console: progress for everybody", "api/console/running.go", "if !v.seesData() {", "if false {", "./api/console", "TestProgressStaysInside"},
	{"an import whose process has gone works on", "cmd/qunxiang/importstatus.go", "out.Broken = true\n", "", "./cmd/qunxiang", "TestImportSaysHowFarItIs"},
	{"an import that has ended goes on", "cmd/qunxiang/importstatus.go", "errors.Join(removeIfThere(r.d.path(\"tmp\", importFile)), r.held.Close())", "r.held.Close()", "./cmd/qunxiang", "TestImportSaysHowFarItIs"},
	{"console: files of another template than is approved", "api/console/proposal.go", "if err != nil || t.Digest() != digest {", "if err != nil {", "./api/console", "TestTemplateProposalShowsItsFiles"},
	{"console: a diff against what one person approved", "policy/ledger/lookup.go", "!a.Revoked && people >= approvers", "!a.Revoked && people >= 1", "./policy/ledger", "TestTemplateBefore"},
	{"console: one broken load hides all", "cmd/qunxiang/consoledata.go", "for _, s := range slices.Backward(registered) {\n", "for _, s := range slices.Backward(registered) {\n\t\tif _, err := dataset.LoadQuality(f.d.dir, s.Snapshot); err != nil {\n\t\t\treturn nil, err\n\t\t}\n", "./cmd/qunxiang", "TestEveryLoadIsListed"},
	{"console: data facts on the clients' listener", "api/console/data.go", "v.is(policy.Steward) && v.c.host.Inside(v.r)", "v.is(policy.Steward)", "./api/console", "TestDataFactsStayInside"},
	{"console: data facts for whoever is inside", "api/console/data.go", "v.is(policy.Steward) && v.c.host.Inside(v.r)", "(v.is(policy.Steward) || true) && v.c.host.Inside(v.r)", "./api/console", "TestDataFactsStayInside"},
	{"federation: when a node was heard from, to the second", "api/federation/seen.go", "at.UTC().Truncate(time.Minute)", "at.UTC()", "./api/federation", "TestStatusSaysWhoWasHeardFrom"},
	{"api: every request is inside", "api/host.go", "is, _ := r.Context().Value(insideKey{}).(bool)\n\treturn is", "_, _ = r.Context().Value(insideKey{}).(bool)\n\treturn true", "./api/console", "TestDataFactsStayInside"},
	{"api: a header says that a request is inside", "api/host.go", "is, _ := r.Context().Value(insideKey{}).(bool)\n\treturn is", "is, _ := r.Context().Value(insideKey{}).(bool)\n\treturn is || r.Header.Get(\"X-Internal\") != \"\"", "./api/console", "TestDataFactsStayInside"},
}
