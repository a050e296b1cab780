package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

// Bodies that must be refused, by the name and status of the problem. marker is
// in the rejected values: no answer may repeat it.
const marker = "zzMARKERzz"

var badBodies = []struct {
	why, body, name string
	status          int
}{
	{"nothing", "", "media-type", 415}, // no Content-Type either
	{"not JSON", `{"template":` + marker, "malformed", 400},
	{"trailing data", `{"template":"I3"}{"template":"` + marker + `"}`, "malformed", 400},
	{"an array", `["` + marker + `"]`, "malformed", 400},
	{"repeated member", `{"template":"I3","cost":0.1,"cost":0.2}`, "malformed", 400},
	{"repeated member, escaped", `{"template":"I3","cost":0.1,"\u0063ost":0.2}`, "malformed", 400},
	{"repeated parameter", `{"template":"I3","parameters":{"a":"1","a":"` + marker + `"}}`, "malformed", 400},
	{"bad UTF-8", "{\"template\":\"\xff\"}", "malformed", 400},
	{"NaN", `{"template":"I3","cost":NaN}`, "malformed", 400},
	{"number out of range", `{"template":"I3","cost":1e999}`, "malformed", 400},
	{"unknown member", `{"template":"I3","sql":"` + marker + `"}`, "validation", 422},
	{"unknown member, not sayable", `{"template":"I3","` + marker + ` ":1}`, "validation", 422},
	{"wrong case", `{"Template":"` + marker + `"}`, "validation", 422},
	{"wrong case beside the right one", `{"template":"I3","Cost":0.2,"cost":0.1}`, "validation", 422},
	{"no template", `{"cost":0.1}`, "validation", 422},
	{"template not text", `{"template":["` + marker + `"]}`, "validation", 422},
	{"template null", `{"template":null}`, "validation", 422},
	{"template too long", `{"template":"` + strings.Repeat(marker, 30) + `"}`, "validation", 422},
	{"cost as text", `{"template":"I3","cost":"` + marker + `"}`, "validation", 422},
	{"parameter not text", `{"template":"I3","parameters":{"gap":{"x":"` + marker + `"}}}`, "validation", 422},
	{"accuracy not a list", `{"template":"I3","accuracy":"` + marker + `"}`, "validation", 422},
	{"people not whole", `{"template":"I3","public_people":1.5}`, "validation", 422},
	{"people out of range", `{"template":"I3","public_people":12345678901234567890}`, "validation", 422},
	{"people below 0", `{"template":"I3","public_people":-1}`, "validation", 422},
	{"cost 0", `{"template":"I3","cost":0}`, "accuracy", 422},
	{"cost 0 beside an accuracy", `{"template":"I3","cost":0,"accuracy":["50"]}`, "accuracy", 422},
	{"max_rho 0", `{"template":"I3","cost":0.1,"max_rho":0}`, "accuracy", 422},
	{"max_rho out of range", `{"template":"I3","cost":0.1,"max_rho":1e999}`, "malformed", 400},
	{"max_rho as text", `{"template":"I3","cost":0.1,"max_rho":"` + marker + `"}`, "validation", 422},
	{"too large", `{"template":"` + strings.Repeat("x", maxBody) + `"}`, "too-large", 413},
}

func TestBadBodiesReachNothing(t *testing.T) {
	s, f := server(t)
	for _, c := range badBodies {
		for _, path := range []string{"/v1/queries", "/v1/estimates"} {
			t.Run(c.why+path, func(t *testing.T) {
				w := do(s.Handler(), "POST", path, c.body)
				p := problem(t, w, c.name, c.status)
				if text := w.Body.String(); strings.Contains(text, marker) || strings.Contains(text, "json:") || strings.Contains(text, "RequestBody") {
					t.Errorf("the answer repeats the request or the program: %s", text)
				}
				if p.Detail == "" && len(p.Errors) == 0 && c.name != "media-type" {
					t.Errorf("nothing says what is wrong: %s", w.Body)
				}
			})
		}
	}
	if f.asks+f.estimates != 0 {
		t.Errorf("%d asks and %d estimates reached the service", f.asks, f.estimates)
	}
}

func TestBadMediaTypes(t *testing.T) {
	s, f := server(t)
	for _, header := range []string{"Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/json; charset=gbk", "Content-Type: application/cbor", "Content-Encoding: gzip", "Content-Type: ; x"} {
		problem(t, do(s.Handler(), "POST", "/v1/queries", `{"template":"I3","cost":1}`, header), "media-type", 415)
	}
	if f.asks != 0 {
		t.Error("a body of another type reached the service")
	}
	if w := do(s.Handler(), "POST", "/v1/queries", `{"template":"I3","cost":1}`, "Content-Type: application/json; charset=UTF-8"); w.Code != 202 {
		t.Errorf("UTF-8 refused: %s", w.Body)
	}
}

// A body without a length is not read to its end.
func TestLargeChunkedBody(t *testing.T) {
	s, f := server(t)
	rest := strings.NewReader(`{"template":"` + strings.Repeat("x", 8*maxBody) + `"}`)
	r, _ := http.NewRequest("POST", "/v1/queries", rest)
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer token-a")
	r.Header.Set("Content-Type", "application/json")
	problem(t, record(s.Handler(), r), "too-large", 413)
	if f.asks != 0 || rest.Len() < 6*maxBody {
		t.Errorf("asked %d times, %d bytes left unread", f.asks, rest.Len())
	}
}

func TestFaultsNameTheirPlace(t *testing.T) {
	s, _ := server(t)
	for body, want := range map[string]FieldError{
		`{"template":"I3","sql":1}`:                             {"body.sql", "unknown member"},
		`{"template":"I3","Cost":1}`:                            {"body.Cost", "unknown member"},
		`{"template":"I3","<b>":1}`:                             {"body", "unknown member"},
		`{"template":"I3","cost":"1"}`:                          {"body.cost", "expected number"},
		`{"cost":1}`:                                            {"body", "expected required property template to be present"},
		`{"template":"I3","parameters":{"gap":30}}`:             {"body.parameters.gap", "expected string"},
		`{"template":"I3","public_people":-5}`:                  {"body.public_people", "expected number >= 0"},
		`{"template":"I3","accuracy":["50",7]}`:                 {"body.accuracy[1]", "expected string"},
		`{"template":"I3","parameters":{"<b>":"1",` + `"x":1}}`: {"body.parameters.x", "expected string"},
	} {
		p := problem(t, do(s.Handler(), "POST", "/v1/estimates", body), "validation", 422)
		if len(p.Errors) != 1 || p.Errors[0] != want {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	p := problem(t, do(s.Handler(), "GET", "/v1/budgets?verbose="+marker, ""), "validation", 422)
	if want := (FieldError{"query.verbose", "unknown query parameter"}); len(p.Errors) != 1 || p.Errors[0] != want {
		t.Errorf("query: %+v", p.Errors)
	}
}

// What is right arrives as it was meant.
func TestGoodBodyArrives(t *testing.T) {
	s, f := server(t)
	w := do(s.Handler(), "POST", "/v1/estimates", `{"template":"I3","coarse":true,"parameters":{"window":"2025-01-01..2025-12-31"},
		"purpose":"pricing","accuracy":["people=50","5% at 1000"],"public_people":1000000,"allow_empty":true}`)
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := queries.Request{
		Template: "I3", Coarse: true, Parameters: map[string]string{"window": "2025-01-01..2025-12-31"}, Purpose: "pricing",
		Accuracy: []string{"people=50", "5% at 1000"}, PublicPeople: 1000000, AllowEmpty: true,
	}
	if fmt.Sprint(f.last) != fmt.Sprint(want) {
		t.Errorf("got %+v", f.last)
	}
	for cost, want := range map[string]float64{"0.1": 0.1, "-1": -1, "1e308": 1e308} { // the pricing judges them
		if do(s.Handler(), "POST", "/v1/estimates", `{"template":"I3","cost":`+cost+`}`); f.last.Cost != want {
			t.Errorf("cost %s arrived as %g", cost, f.last.Cost)
		}
	}
}
