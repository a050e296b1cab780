package console

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/language"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

// languageCookie keeps the language that a visitor has chosen.
const languageCookie = "qunxiang-language"

// words are all texts in one language, "en" or "zh".
type words struct{ lang string }

// languageOf is the chosen language, else what the browser likes best.
func languageOf(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == "en" || c.Value == "zh") {
		return c.Value
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return "en"
	}
	if _, i, _ := language.NewMatcher([]language.Tag{language.English, language.Chinese}).Match(tags...); i == 1 {
		return "zh"
	}
	return "en"
}

// setLanguage keeps the choice and goes back to the page it was made on.
func (c *console) setLanguage(w http.ResponseWriter, r *http.Request) {
	v := c.view(w, r)
	if !v.formHolds() {
		v.Path = "/console/"
		v.refuse(&api.Problem{Type: "urn:qunxiang:problem:form", Status: http.StatusForbidden})
		return
	}
	if lang := r.PostForm.Get("language"); lang == "en" || lang == "zh" {
		c.host.SetPreference(w, r, languageCookie, lang)
	}
	to := api.Here(r.PostForm.Get("back"))
	if !strings.HasPrefix(to, "/console/") {
		to = "/console/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// Lang is the language as HTML names it.
func (w words) Lang() string {
	if w.lang == "zh" {
		return "zh-CN"
	}
	return "en"
}

// Other is the other language.
func (w words) Other() string {
	if w.lang == "zh" {
		return "en"
	}
	return "zh"
}

// has gives a text, if there is one.
func (w words) has(key string) (string, bool) {
	all := english
	if w.lang == "zh" {
		all = chinese
	}
	text, ok := all[key]
	return text, ok
}

// T is a text with its gaps filled; one that is not there fails the page.
func (w words) T(key string, args ...any) (string, error) {
	text, ok := w.has(key)
	if !ok {
		return "", fmt.Errorf("console: there is no text %q", key)
	}
	if len(args) == 0 {
		return text, nil
	}
	return fmt.Sprintf(text, args...), nil
}

// say is T where the key is known to be there.
func (w words) say(key string, args ...any) string {
	text, err := w.T(key, args...)
	if err != nil {
		return key
	}
	return text
}

// In is a text of the catalogue in this language.
func (w words) In(t queries.Text) string {
	if w.lang == "zh" && t.ZH != "" {
		return t.ZH
	}
	return t.EN
}

// Value is a value of a parameter, key or axis in words; one that has none stays.
func (w words) Value(value string) string {
	if text, ok := w.has("value " + value); ok {
		return text
	}
	return value
}

// Purpose is a declared use in words.
func (w words) Purpose(id string) string {
	if text, ok := w.has("purpose " + id); ok {
		return text
	}
	return id
}

// Name is what a key or measure without a title is called.
func (w words) Name(name string) string {
	if text, ok := w.has("name " + name); ok {
		return text
	}
	name = strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]
}

// quotaScope begins the name of a grant's quota, as the ledger names it.
const quotaScope = "grant:"

// Scope names a budget, with or without its population in front, or a grant's quota.
func (w words) Scope(scope string) string {
	if grant, ok := strings.CutPrefix(scope, quotaScope); ok {
		return w.say("scope grant", grant)
	}
	if i := strings.LastIndexByte(scope, '/'); i >= 0 {
		scope = scope[i+1:]
	}
	if scope == "life" {
		return w.say("scope life")
	}
	return w.say("scope year", scope)
}
