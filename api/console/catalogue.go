package console

import (
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries"
)

// catalogueView is the questions that the visitor's roles may be granted.
type catalogueView struct {
	Search  string
	Entries []found
	All     int
}

// found is a question, and the code lists it was found by where its own words do not say
// why.
type found struct {
	*queries.Template
	Lists []*queries.CodeList
}

// catalogue lists the questions, those that have every word of ?q= in them.
func (c *console) catalogue(v *view) error {
	search := strings.TrimSpace(v.r.URL.Query().Get("q"))
	if len(search) > 200 {
		search = ""
	}
	data := catalogueView{Search: search}
	for _, t := range c.Catalog.Templates() {
		if !v.offered(t) {
			continue
		}
		data.All++
		if lists, ok := c.matches(t, search); ok {
			data.Entries = append(data.Entries, found{t, lists})
		}
	}
	return v.show("catalogue", v.say("nav questions"), data)
}

// offered says whether a template is for one of the visitor's roles. The steward, who
// puts them in force, sees all.
func (v *view) offered(t *queries.Template) bool {
	return v.is(policy.Steward) || slices.ContainsFunc(v.roles, func(r policy.Role) bool {
		return slices.Contains(t.Audiences, string(r))
	})
}

// matches looks for every word in what a reader may know a template by, and in the code
// lists that can be chosen in it; it gives those that have a word which nothing else has.
func (c *console) matches(t *queries.Template, search string) ([]*queries.CodeList, bool) {
	text := strings.ToLower(strings.Join([]string{
		t.ID, t.Catalogue, t.Title.EN, t.Title.ZH, t.Description.EN, t.Description.ZH,
	}, "\n"))
	var where []*queries.CodeList
	for word := range strings.FieldsSeq(strings.ToLower(search)) {
		if strings.Contains(text, word) {
			continue
		}
		before := len(where)
		for _, p := range t.Parameters {
			for _, id := range p.Lists {
				if list := c.Catalog.CodeList(id); list != nil && lists(list, word) && !slices.Contains(where, list) {
					where = append(where, list)
				}
			}
		}
		if len(where) == before && !slices.ContainsFunc(where, func(l *queries.CodeList) bool { return lists(l, word) }) {
			return nil, false
		}
	}
	return where, true
}

// shownCodes is how many codes of a list are shown beside its title.
const shownCodes = 4

// Codes are the first codes of a list, in order.
func (v *view) Codes(l *queries.CodeList) []string {
	var out []string
	for _, system := range sorted(l.Codes) {
		out = append(out, l.Codes[system]...)
	}
	if len(out) > shownCodes {
		out = append(out[:shownCodes:shownCodes], "…")
	}
	return out
}

// shortestCode is how much of a code has to be written for it to be meant.
const shortestCode = 3

// lists says whether a code list is called by a word, or holds the code that it is or begins.
// A code that ends in * stands for all that begin so.
func lists(l *queries.CodeList, word string) bool {
	if strings.Contains(strings.ToLower(l.ID+"\n"+l.Title.EN+"\n"+l.Title.ZH), word) {
		return true
	}
	for _, codes := range l.Codes {
		for _, code := range codes {
			code = strings.ToLower(code)
			stem, open := strings.CutSuffix(code, "*")
			if word == code || open && strings.HasPrefix(word, stem) || len(word) >= shortestCode && strings.HasPrefix(stem, word) {
				return true
			}
		}
	}
	return false
}
