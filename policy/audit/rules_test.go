package audit_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// before is a supervised log of a program that knew no rules of trainings: an attempt as a
// node wrote it, one of a job that set nothing aside, with the opt-outs of 300 days before
// and next to no noise, one after its job's last day in other scopes, and two questions.
const before = "../ledger/testdata/rules0"

// A log of an older program was lawful then and is so still, in both folds; the report says
// how much of it is held to less.
func TestLogOfFewerRules(t *testing.T) {
	s, err := ledger.Read(before, verifierKey(t))
	must(t, err)
	r := verify(t, audit.Options{Log: os.DirFS(before)})
	if life := r.Scope("life").Spent; !r.OK() || r.Charges != 5 || life.Rho != 159 || s.Spent(population+"/life").Rho != 159 {
		t.Fatalf("%+v, %+v", r.Findings, r.Scopes)
	}
	if noted(r) != "releases-absent reserve-unclosed " || codes(&audit.Report{Findings: r.Notes}) == noted(r) || !strings.HasPrefix(r.Notes[1].Text, "6 charges and reservations, 3 charges of trainings among them, the newest at leaf 17,") {
		t.Errorf("%+v", r.Notes)
	}
}

// One of the rules 1 too, whose job was approved under any name and asked for by nobody.
func TestLogOfTheRulesOne(t *testing.T) {
	const before = "../ledger/testdata/rules1"
	s, err := ledger.Read(before, verifierKey(t))
	must(t, err)
	r := verify(t, audit.Options{Log: os.DirFS(before)})
	if life := r.Scope("life").Spent; !r.OK() || r.Charges != 2 || r.Reserves != 1 || life.Rho != 6 || s.Spent(population+"/life").Rho != 6 {
		t.Fatalf("%+v, %+v", r.Findings, r.Scopes)
	}
	if i := slices.IndexFunc(r.Notes, func(f audit.Finding) bool { return f.Code == audit.RulesBefore }); i < 0 || !strings.HasPrefix(r.Notes[i].Text, "3 charges and reservations, 1 charges of trainings among them,") {
		t.Errorf("%+v", r.Notes)
	}
}

// Fewer rules are a log's past. After a leaf that bears rules there is none without, of
// whatever kind, and rules that nobody knows are no way around it either.
func TestRulesGrow(t *testing.T) {
	for name, tt := range map[string]struct {
		log  func() *forge
		want string
	}{
		"trained before the rules": {func() *forge {
			f := watched(t).chained("RESERVE", reserved("job-1", "template_digest", templateDigest, "rules", unbound))
			return f.chained("CHARGE", attempting("job-2", "epoch", 20000, "sigmas", members{"all": "1e-05"}, "id", "r-1", "rules", unbound)).chained("CHARGE", asked("r-2"))
		}, ""},
		"a charge goes back": {func() *forge {
			return watched(t).chained("CHARGE", asked("r-1")).chained("CHARGE", asked("r-2", "rules", unbound))
		}, "rules-lost "},
		"a training goes back": {func() *forge {
			return watched(t).chained("CHARGE", asked("r-1")).chained("CHARGE", attempting("job-2", "epoch", 20000, "id", "r-1x", "rules", unbound))
		}, "rules-lost "},
		"a reservation goes back": {func() *forge {
			return watched(t).chained("CHARGE", asked("r-1")).chained("RESERVE", reserved("job-1", "template_digest", templateDigest, "rules", unbound))
		}, "rules-lost "},
		"rules to come": {func() *forge { return watched(t).chained("CHARGE", asked("r-1", "rules", 3)) }, "leaf-malformed "},
		"rules of zero": {func() *forge { return watched(t).chained("CHARGE", asked("r-1", "rules", 0)) }, "leaf-malformed "},
		"rules in format 1": {func() *forge {
			return begun(t).add("CHARGE", charged("r-1", "rules", 1))
		}, "leaf-malformed "},
	} {
		f := tt.log()
		theirs, ours := f.folded(), f.verify()
		if codes(ours) != tt.want || (theirs == nil) != ours.OK() {
			t.Errorf("%s: ledger %v, auditor %v, want %s", name, theirs, ours.Findings, tt.want)
		}
	}
}
