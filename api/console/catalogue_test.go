package console

import (
	"regexp"
	"strings"
	"testing"
)

var codeOf = regexp.MustCompile(`<span class="code">(\w+)</span>`)

// TestSearchFindsCodes: by the title of a code list in either language, its id and its
// codes, and it says which list it was. What is another role's is found by nobody else.
func TestSearchFindsCodes(t *testing.T) {
	s, _ := site(t)
	for _, c := range []struct{ token, lang, search, has, where, not string }{
		{"token-b", "en", "metformin", "P5", "<mark>Metformin</mark>", ""},
		{"token-b", "zh", "二甲双胍", "P5", "<mark>二甲双胍</mark>", ""},
		{"token-b", "zh", "Metformin", "P5", "<mark>二甲双胍</mark>", ""},
		{"token-b", "en", "二甲双胍 persistence", "P5", "<mark>Metformin</mark>", "P1"},
		{"token-b", "en", "A10BA02", "P5", "<mark>Metformin</mark>", ""},
		{"token-b", "en", "e11.9", "P1", "<mark>Type 2 diabetes mellitus</mark>", "P7"},
		{"token-b", "en", "type-2-diabetes", "P1", "<mark>Type 2 diabetes mellitus</mark>", "P7"},
		{"token-a", "en", "I3", "I3", "", "I2"},
		{"token-a", "en", "insulins", "", "", "P5"},
		{"token-a", "en", "no such words at all", "", "", "I3"},
	} {
		p := signedIn(t, s, c.token, c.lang).get("/console/templates?q=" + strings.ReplaceAll(c.search, " ", "+"))
		p.check(t, c.search)
		got := map[string]bool{}
		for _, m := range codeOf.FindAllStringSubmatch(p.body, -1) {
			got[m[1]] = true
		}
		if c.has != "" && !got[c.has] || got[c.not] || !strings.Contains(p.body, c.where) || c.where == "" && strings.Contains(p.body, "<mark>") && c.has != "" {
			t.Errorf("%s finds %v by %q", c.token, got, c.search)
		}
	}
	// What one may not ask is not found, and nothing tells it from what is not there.
	b := signedIn(t, s, "token-a", "en")
	same := func(q string) string {
		return strings.ReplaceAll(b.get("/console/templates?q="+q).body, q, "")
	}
	if same("treatment-lines") != same("nothing-like-it") {
		t.Error("the question of another role is told from one that is not there")
	}
}
