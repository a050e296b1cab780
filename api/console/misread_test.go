package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// longLog is a published log whose bundles are served by their number.
type longLog struct{ published }

func (p longLog) Tile(who string, t tlog.Tile) ([]byte, error) {
	return published{p.leaves[t.N*256:]}.Tile(who, tlog.Tile{H: 8, L: -1, W: t.W})
}

// What a page did not look through is not said to be nothing.
func TestNothingIsSaidOfWhatWasRead(t *testing.T) {
	leaves := []ledger.Body{&ledger.Deny{Principal: "pharma-b", Organisation: "pharma-b", Template: "claim-severity@1.1.0", Rule: "audience"}}
	for len(leaves) < 12_000 {
		leaves = append(leaves, &ledger.Snapshot{Snapshot: strings.Repeat("5", 64), By: "steward-s"})
	}
	s, _ := site(t, func(o *Options) { o.Published = longLog{published{leaves}} })
	b := signedIn(t, s, "token-s", "en")
	for _, path := range []string{"/console/log?kind=DENY", "/console/steward"} {
		p := b.get(path)
		if !strings.Contains(p.body, "Nothing found so far: the leaves before 1,792 were not looked through.") {
			t.Errorf("%s does not say how far it looked", path)
		}
	}
}

// A term of a job's card is no formula to a spreadsheet.
func TestModelFileHasNoFormula(t *testing.T) {
	text, err := termsCSV(&glm.Fit{Terms: []glm.Term{{Name: "=cmd|' /C calc'!A0"}}})
	if err != nil || !strings.Contains(string(text), "\n'=cmd") {
		t.Errorf("%v: %s", err, text)
	}
}

// Where a folder proves two rounds of four, a coordinator that says it is over is not believed.
func TestCoordinatorIsNotBelievedOverTheFolder(t *testing.T) {
	c := card(t, "lies")
	for _, said := range []federation.JobStatus{{Done: true, Round: 4, Attempt: 4}, {Ended: "burnt", Round: 4, Attempt: 4}} {
		j := &jobView{TrainingJob: &TrainingJob{Card: c, Node: "north", Approved: true, State: &said, Proof: proves(c, 2)}}
		if n, of := j.closed(); j.over() || n != 2 || of != 4 {
			t.Errorf("%+v: the page says %q, %d of %d", said, j.Stage(), n, of)
		}
	}
}

// What the pages of the internal listener lead to is there.
func TestInsidePagesLeadSomewhere(t *testing.T) {
	_, internal, d := listeners(t)
	mine := d.add("insurer-a", severity())
	b := signedIn(t, internal, "token-a", "en")
	p := b.get("/console/requests/" + mine.ID)
	links := regexp.MustCompile(`(?:href|data-events|action)="(/[^"#]*)"`).FindAllStringSubmatch(p.body, -1)
	if len(links) < 5 {
		t.Fatalf("%d links", len(links))
	}
	for _, m := range links {
		path := strings.ReplaceAll(m[1], "&amp;", "&")
		if strings.HasPrefix(path, "/v1/") || path == "/register" {
			if q := b.get(path); q.status == http.StatusNotFound && !strings.Contains(path, "receipt") {
				t.Errorf("a dead link inside: %s", path)
			}
		}
	}
}

// An interval that ends where a value can be no lower is not drawn as an error to both sides.
func TestSkewedIntervalsAreTold(t *testing.T) {
	v := &view{words: words{"en"}}
	draw := func(n queries.ReleasedNumber) string {
		return string(v.bars(chart{ID: "x", Title: "x"}, "fen", series{Points: []point{{At: "60+", ReleasedNumber: n}}}).Picture)
	}
	if p := draw(queries.ReleasedNumber{Value: 0, Low: 0, High: 324_200}); strings.Contains(p, "±") || !strings.Contains(p, "to 3,242") {
		t.Errorf("0 within 0 to 3,242 yuan: %s", p)
	}
	if p := draw(queries.ReleasedNumber{Value: 100_000, Low: 91_000, High: 110_000}); !strings.Contains(p, "± 100") {
		t.Errorf("the wider side is not told: %s", p)
	}
}

// Whoever opens a form is not warned before anything is filled in; whoever asks is.
func TestFormOpensWithoutARefusal(t *testing.T) {
	s, d := site(t)
	d.err = queries.ErrMostlyEmpty
	b := signedIn(t, s, "token-a", "en")
	opening := question()
	opening.Set("opening", "yes")
	if p := b.post("/console/templates/I3/price", opening); p.status != http.StatusOK || strings.Contains(p.body, `role="alert"`) {
		t.Errorf("opening the form: %d", p.status)
	}
	if p := b.post("/console/templates/I3/price", question()); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `role="alert"`) {
		t.Errorf("asking for the price: %d", p.status)
	}
	if p := b.post("/console/templates/I3", url.Values(opening)); p.status != http.StatusUnprocessableEntity {
		t.Errorf("asking: %d", p.status)
	}
}

// No year has room for more questions than life has.
func TestBudgetsLeaveNoMoreThanLife(t *testing.T) {
	s, d := site(t)
	d.add("insurer-a", severity())
	p := signedIn(t, s, "token-a", "en").get("/console/budgets")
	found := regexp.MustCompile(`about ([\d,]+) more`).FindAllStringSubmatch(p.body, -1)
	if len(found) < 2 {
		t.Fatalf("%d budgets say how many more", len(found))
	}
	for _, m := range found {
		if m[1] != found[len(found)-1][1] {
			t.Errorf("%s more in a year, %s for life", m[1], found[len(found)-1][1])
		}
	}
}
