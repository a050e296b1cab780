package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"github.com/qunxiang/qunxiang/queries"
)

//go:embed register.html
var registerSource string

//go:embed register.css
var registerStyle string

// registerPolicy lets the page have its own style and nothing else: no script, no
// picture, no form.
var registerPolicy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func styleHash() string {
	sum := sha256.Sum256([]byte(registerStyle))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// registerTemplate is read once; the functions of a language stand in for those of
// the one that is wanted.
var registerTemplate = sync.OnceValues(func() (*template.Template, error) {
	return template.New("register").Funcs(wordsOf("en").funcs()).Parse(registerSource)
})

// pageLanguage is "en" or "zh": the wanted one, else what the browser likes best.
func pageLanguage(wanted, accept string) string {
	if wanted == "en" || wanted == "zh" {
		return wanted
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return "en"
	}
	if _, i, _ := language.NewMatcher([]language.Tag{language.English, language.Chinese}).Match(tags...); i == 1 {
		return "zh"
	}
	return "en"
}

// registerHTML writes a page in a language; users for a server that has pages for them.
func registerHTML(p *RegisterPage, lang string, users bool) ([]byte, error) {
	w := wordsOf(lang)
	t, err := registerTemplate()
	if err == nil {
		t, err = t.Clone()
	}
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Funcs(w.funcs()).Execute(&out, struct {
		*RegisterPage
		Lang, Other string
		Style       template.CSS
		Users       bool
	}{p, lang, w.other(), template.CSS(registerStyle), users})
	return out.Bytes(), err
}

// words are the texts of a page in one language.
type words string

func wordsOf(lang string) words { return words(lang) }

func (w words) funcs() template.FuncMap {
	return template.FuncMap{
		"t": w.say, "in": w.in, "beside": w.beside, "purpose": w.purpose, "scope": w.scope, "percent": percent,
		"number": number, "chance": chance, "state": w.state, "add": func(a, b int) int { return a + b },
		"part": func(part, whole float64) float64 { return part / math.Max(whole, math.SmallestNonzeroFloat64) },
	}
}

func (w words) other() string {
	if w == "zh" {
		return "en"
	}
	return "zh"
}

// say is a text of the page; one that is not there fails the page.
func (w words) say(key string, args ...any) (string, error) {
	text, ok := registerWords[key]
	if !ok {
		return "", fmt.Errorf("api: the register has no text %q", key)
	}
	if len(args) == 0 {
		return w.in(text), nil
	}
	return fmt.Sprintf(w.in(text), args...), nil
}

func (w words) in(t queries.Text) string {
	if w == "zh" && t.ZH != "" {
		return t.ZH
	}
	return t.EN
}

// beside is a text in the other language, "" where it has none.
func (w words) beside(t queries.Text) string {
	if w == "zh" {
		return t.EN
	}
	return t.ZH
}

// purpose names a declared use; one that the page does not know stays as it is.
func (w words) purpose(id string) string {
	if text, ok := registerWords["purpose "+id]; ok {
		return w.in(text)
	}
	return id
}

func (w words) scope(s string) (string, error) {
	if s == "life" {
		return w.say("for life")
	}
	return w.say("records of", s)
}

func (w words) state(s queries.State) (string, error) { return w.say("state " + string(s)) }

// percent is a share as people read it.
func percent(share float64) string {
	switch {
	case share <= 0:
		return "0 %"
	case share < 0.0001:
		return "< 0.01 %"
	}
	return strconv.FormatFloat(100*share, 'f', 2, 64) + " %"
}

// number groups the digits of what is large and keeps two of what is small.
func number(x float64) string {
	if x < 100 {
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	if x >= 1e15 {
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	s := strconv.FormatFloat(x, 'f', 0, 64)
	var out []string
	for len(s) > 3 {
		out, s = append([]string{s[len(s)-3:]}, out...), s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, out...), ",")
}

// chance is one in so many.
func chance(p float64) string {
	if p <= 0 {
		return "0"
	}
	return number(math.Round(1 / p))
}
