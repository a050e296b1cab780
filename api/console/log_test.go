package console

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// overseenSite is a site of such a domain.
func overseenSite(t *testing.T) (*httptest.Server, *domain) {
	t.Helper()
	s, d := site(t, func(o *Options) {
		made := o.Service.(*domain)
		made.add("insurer-a", severity())
		supervisedLog(made)(o)
	})
	return s, d
}

// supervisedLog is the log of a domain that was an evaluation for two leaves: a charge and
// its release. A policy with approvers would come third; the leaves after it are approvals, an
// abandoned charge of a training and one more charge.
func supervisedLog(d *domain) func(*Options) {
	digest := strings.Repeat("3", 64)
	charge := func(id, catalogue string) *ledger.Charge {
		return &ledger.Charge{
			ID: id, Principal: "insurer-a", Organisation: "insurer-a", Grant: "g", Purpose: "commercial-health-insurance", Template: "claim-severity@1.1.0",
			Catalogue: catalogue, TemplateDigest: digest, Key: "k", Snapshot: digest, Request: "r", Scopes: []string{"city/life"}, Due: noon,
			Sigmas: map[string]float64{"people": 1}, Cost: d.requests()[0].Cost,
		}
	}
	approve := func(person string, revoked bool) *ledger.Approve {
		return &ledger.Approve{Subject: "template", Digest: digest, Name: "claim-severity@1.1.0", Approver: person, Revoked: revoked, Made: noon, Expires: noon.AddDate(0, 6, 0), Signature: "s"}
	}
	first := d.requests()[0]
	leaves := []ledger.Body{
		charge(first.ID, "I3"), &ledger.Release{Charge: 0, ID: first.ID, Digest: digest},
		&ledger.Snapshot{Snapshot: digest, By: "steward-s"}, // where the policy would be
		approve("ada", false), approve("bo", false), approve("bo", true),
		charge("q-round", ledger.Training), &ledger.Abandon{Charge: 6}, charge("q-later", "I3"),
	}
	return func(o *Options) {
		o.Published = published{leaves}
		o.SupervisedSince = func() int64 { return 2 }
		o.Abandoned = func() int64 { return 1 }
		o.Charged = func(leaf int64) (ledger.Request, bool) {
			for i, b := range leaves {
				c, ok := b.(*ledger.Charge)
				r := ledger.Request{Index: int64(i), Release: -1}
				if i == 0 {
					r.Release = 1
				}
				if ok && (leaf == r.Index || leaf == r.Release) {
					r.Charge = *c
					return r, true
				}
			}
			return ledger.Request{}, false
		}
		o.Basis = func(charge int64) (ledger.Basis, error) {
			var b ledger.Basis
			if charge == 6 {
				b.Approvals = []ledger.Approval{{Approve: ledger.Approve{Subject: "job", Approver: "bo"}}}
			} else if charge > 2 {
				for _, person := range []string{"ada", "bo"} {
					b.Approvals = append(b.Approvals, ledger.Approval{Approve: ledger.Approve{Subject: "template", Approver: person}})
				}
			}
			return b, nil
		}
		rules := *o.Policy()
		rules.Principals = slices.Clone(rules.Principals)
		for i, p := range rules.Principals {
			switch p.ID {
			case "steward-s":
				rules.Principals[i].Person = "ada"
			case "regulator-r":
				rules.Principals[i].Person, rules.Principals[i].Organisation = "bo", "bureau"
			}
		}
		o.Policy = func() *policy.Policy { return &rules }
		o.CheckLog = func(context.Context) (*LogReport, error) {
			return &LogReport{
				OK: true, Leaves: int64(len(leaves)), Abandoned: 1, Witnesses: []Vouched{{"w.example", false}, {"x.example", true}},
				Supervision: &Supervision{Since: 2, Before: 1, Approved: true, Approvers: []Vouched{{"ada", true}, {"bo", false}}},
				Approvals:   []Approval{{"template", "claim-severity@1.1.0", "ada", 3}},
			}, nil
		}
	}
}

// line is the page's line of a leaf.
func line(t *testing.T, page, leaf string) string {
	t.Helper()
	for _, item := range strings.Split(page, "<li class=")[1:] {
		if strings.Contains(item, "leaf "+leaf+"<") {
			return item
		}
	}
	t.Fatalf("the page has no leaf %s", leaf)
	return ""
}

// TestLogTellsWhoApproved: a charge says whose approvals it rested on, with their
// organisations; what is older than supervision is told from what was approved; a release
// can be reached from every line about it, and from no other.
func TestLogTellsWhoApproved(t *testing.T) {
	s, d := overseenSite(t)
	b := signedIn(t, s, "token-r", "en")
	page := b.get("/console/log").body
	link := `href="/console/requests/` + d.requests()[0].ID + `"`
	for leaf, has := range map[string][]string{
		"0": {"was charged", ">evaluation<", link}, "1": {"was released", link, ">evaluation<"}, "3": {"ada (authority) approved: template: claim-severity@1.1.0"},
		"5": {"bo (bureau) took an approval back"}, "6": {"Approved — training job: bo (bureau)"}, "7": {"insurer-a will have no answer", "leaf 6 (ρ 0.01)"}, "8": {"Approved — template: ada (authority), bo (bureau)"},
	} {
		for _, want := range has {
			if !strings.Contains(line(t, page, leaf), want) {
				t.Errorf("leaf %s has no %q:\n%s", leaf, want, line(t, page, leaf))
			}
		}
	}
	for _, leaf := range []string{"3", "7", "8"} {
		if l := line(t, page, leaf); strings.Contains(l, ">evaluation<") || strings.Contains(l, "/console/requests/") {
			t.Errorf("leaf %s is of a supervised domain and has no release:\n%s", leaf, l)
		}
	}
	if strings.Contains(line(t, page, "0"), "Approved —") {
		t.Error("an evaluation's charge rested on approvals")
	}
	if !strings.Contains(page, `<p class="big">1</p>`) || !strings.Contains(b.get("/console/log?kind=ABANDON").body, "will have no answer") {
		t.Error("abandoned charges are not counted and listed")
	}
	if p := b.get("/console/log?organisation=bureau&template=claim-severity").body; strings.Contains(p, "leaf 3<") || !strings.Contains(p, "leaf 4<") {
		t.Error("approvals are not found by their organisation")
	}
}

// TestLogReport: the verifier's word on supervision and witnesses, of whom those that are
// not pinned are marked.
func TestLogReport(t *testing.T) {
	s, _ := overseenSite(t)
	for lang, marked := range map[string][2]string{"en": {"w.example <small>not pinned", "bo (bureau) <small>not pinned"}, "zh": {"w.example <small>未固定", "bo（bureau） <small>未固定"}} {
		b := signedIn(t, s, "token-r", lang)
		p := b.post("/console/log/verify", url.Values{"kind": {"APPROVE"}, "scope": {"2017"}, "template": {"a&b=c"}})
		if p.path != "/console/log?kind=APPROVE&scope=2017&template=a%26b%3Dc" {
			t.Errorf("the filters are lost: %s", p.path)
		}
		for _, want := range append(marked[:], "<li>x.example</li>", "<li>ada", "claim-severity@1.1.0</th><td>ada", `value="a&amp;b=c"`) {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s: the report has no %q", lang, want)
			}
		}
		p.check(t, "report")
		back := b.post("/console/language", url.Values{"language": {map[string]string{"en": "zh", "zh": "en"}[lang]}, "back": {p.path}})
		if back.path != p.path || !strings.Contains(back.body, "x.example") {
			t.Errorf("%s: the other language is another page: %s", lang, back.path)
		}
	}
}

// TestLogIsCheckedOnce: readers at the same time share a run, and one checkpoint a report;
// a reader who leaves ends it for nobody.
func TestLogIsCheckedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, open := 0, make(chan struct{})
		c := &console{Options: Options{Now: time.Now, Published: published{make([]ledger.Body, 2)}, CheckLog: func(ctx context.Context) (*LogReport, error) {
			runs++
			<-open
			return &LogReport{OK: true}, ctx.Err()
		}}}
		leaves, leave := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		readers.Go(func() {
			if err := c.check(leaves); !errors.Is(err, context.Canceled) {
				t.Errorf("who has left is told %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			readers.Go(func() {
				if err := c.check(t.Context()); err != nil || !c.checks.last().OK {
					t.Errorf("a reader is told %v", err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		if runs != 1 {
			t.Errorf("%d runs at the same time", runs)
		}
		close(open)
		readers.Wait()
		for _, step := range []struct {
			after time.Duration
			size  int
			want  int
		}{{freshCheck - 1, 2, 1}, {0, 3, 2}, {0, 3, 2}, {freshCheck, 3, 3}} {
			time.Sleep(step.after)
			c.Published = published{make([]ledger.Body, step.size)}
			if err := c.check(t.Context()); err != nil || runs != step.want {
				t.Errorf("%d leaves, %s later: %d runs, want %d (%v)", step.size, step.after, runs, step.want, err)
			}
		}
	})
}

// TestLogFilters: a question is found by its id, its number and its title in either language,
// a budget is chosen among those there are, and every kind of leaf can be.
func TestLogFilters(t *testing.T) {
	digest := strings.Repeat("3", 64)
	s, _ := site(t, func(o *Options) {
		made := o.Service.(*domain)
		made.add("insurer-a", severity())
		reserve := ledger.Reserve{Job: digest, Principal: "node-n", Organisation: "domain", Grant: "g", Template: "claim-cost@0.9.0", TemplateDigest: digest, Until: "2026-03-01", Purpose: "health-management", Scopes: []string{"city/life"}, Cost: dp.Cost{Rho: 1e11}}
		o.Reservations = func() []ledger.Reservation { return []ledger.Reservation{{Reserve: reserve, Index: 2}} }
		o.Published = published{[]ledger.Body{
			&ledger.Deny{Principal: "pharma-b", Organisation: "pharma-b", Template: "claim-severity@0.0.9", Rule: "audience"}, // of a version before
			&ledger.Deny{Principal: "pharma-b", Organisation: "pharma-b", Template: "persistence@1.1.0", Rule: "audience"},
			&reserve, &ledger.Close{Reserve: 2}, &ledger.Resume{Template: "persistence@1.1.0", By: []string{"steward-s"}}, &ledger.Delete{Leaf: 1, By: "steward-s"},
		}}
	})
	b := signedIn(t, s, "token-r", "en")
	for query, want := range map[string]string{
		"template=claim-severity": "0,5", "template=I3": "0,5", "template=i3": "0,5", "template=severity": "0,5", "template=%E6%AC%A1%E5%9D%87": "0,5", "template=P5": "1,4", "template=Persistence+on": "1,4",
		"template=claim-severity%400.0.9": "0", "template=nothing": "",
		"kind=RESERVE": "2", "kind=CLOSE": "3", "kind=RESUME": "4", "kind=DELETE": "5", "kind=CLOSE&organisation=domain&scope=life": "3", "scope=life": "2,3,5", "scope=2025": "5", "scope=2031": "",
	} {
		p := b.get("/console/log?" + query)
		p.check(t, query)
		var got []string
		for leaf := range 6 {
			if strings.Contains(p.body, fmt.Sprintf(">leaf %d<", leaf)) {
				got = append(got, fmt.Sprint(leaf))
			}
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s finds leaves %v, not %s", query, got, want)
		}
	}
	for lang, want := range map[string][]string{"en": {`<option value="2025">Records of 2025`, `<option value="life">For life`, `<option value="RESERVE">set aside`, `<option value="DELETE">deleted`}, "zh": {`<option value="2025">2025 年度记录`, `<option value="RESERVE">预留`, `<option value="CLOSE">结清`, `<option value="RESUME">恢复`, `<option value="DELETE">删除`}} {
		p := signedIn(t, s, "token-r", lang).get("/console/log?scope=2031")
		for _, w := range append(want, `<option value="2031" selected>`) {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: the filters have no %s", lang, w)
			}
		}
	}
}
