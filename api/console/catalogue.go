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
	Entries []*queries.Template
	All     int
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
		if matches(t, search) {
			data.Entries = append(data.Entries, t)
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

// matches looks for every word in what a reader may know a template by.
func matches(t *queries.Template, search string) bool {
	text := strings.ToLower(strings.Join([]string{
		t.ID, t.Catalogue, t.Title.EN, t.Title.ZH, t.Description.EN, t.Description.ZH,
	}, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(search)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
