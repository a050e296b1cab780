package console

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
)

//go:embed html/*.html
var pageFiles embed.FS

// htmlPage is a page's template with the layout around it.
type htmlPage struct{ t *template.Template }

// parsePages reads every page of html with the layout and the parts that pages share.
func parsePages() (map[string]*htmlPage, error) {
	names, err := fs.Glob(pageFiles, "html/*.html")
	if err != nil {
		return nil, err
	}
	out := map[string]*htmlPage{}
	for _, name := range names {
		base := strings.TrimSuffix(path.Base(name), ".html")
		if base == "layout" || base == "parts" {
			continue
		}
		t, err := template.New(base).ParseFS(pageFiles, "html/layout.html", "html/parts.html", name)
		if err != nil {
			return nil, err
		}
		out[base] = &htmlPage{t}
	}
	return out, nil
}

// errNotFound is what a visitor must not or cannot see.
var errNotFound = errors.New("console: no such page")

// view is one request of a signed-in visitor, and what the layout shows around a page.
type view struct {
	words
	c     *console
	w     http.ResponseWriter
	r     *http.Request
	rules *policy.Policy
	Who   api.Who
	roles []policy.Role
	// Of the layout. Path is where the language switch comes back to.
	Title, Path, Token, Style, Script, Icon string
	// Wait is after how many seconds a browser without a script looks again; 0: never.
	Wait int
	Data any
	lost bool // the page of what does not exist is the same wherever one is
}

// signedIn makes a handler of a page: it finds out who looks, in which language, and
// turns an error into a page. Whoever is not signed in is sent to do so, wherever
// they were going.
func (c *console) signedIn(page func(*view) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := c.view(w, r)
		who, p := c.host.Visitor(r)
		switch {
		case p != nil && p.Status == http.StatusUnauthorized:
			to := "/console/"
			if r.Method == http.MethodGet {
				to = api.Attended(r.URL)
			}
			http.Redirect(w, r, "/console/sign-in?to="+url.QueryEscape(to), http.StatusSeeOther)
			return
		case p != nil:
			v.refuse(p)
			return
		}
		v.Who, v.rules = who, c.Policy()
		for _, is := range v.rules.Principals {
			if is.ID == who.Principal {
				v.roles = is.Roles
			}
		}
		if r.Method == http.MethodPost && !v.formHolds() {
			v.refuse(&api.Problem{Type: "urn:qunxiang:problem:form", Status: http.StatusForbidden})
			return
		}
		if err := page(v); err != nil {
			v.fail(err)
		}
	}
}

func (c *console) view(w http.ResponseWriter, r *http.Request) *view {
	path := "/console/"
	if r.Method == http.MethodGet {
		path = api.Attended(r.URL)
	}
	return &view{
		words: words{languageOf(r)}, c: c, w: w, r: r, Path: path, Token: c.host.FormToken(w, r),
		Style: c.files.style, Script: c.files.script, Icon: c.files.icon,
	}
}

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// formHolds reads a posted form and says whether a page of this server made it.
func (v *view) formHolds() bool {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	return v.r.ParseForm() == nil && v.c.host.FormHolds(v.r, v.r.PostForm.Get("form_token"))
}

// is says whether the visitor has a role.
func (v *view) is(role policy.Role) bool { return slices.Contains(v.roles, role) }

// may says whether the visitor's roles allow something besides asking.
func (v *view) may(a policy.Action) bool { return v.rules.May(v.Who.Principal, a) == nil }

// show writes a page.
func (v *view) show(name, title string, data any) error {
	return v.write(http.StatusOK, name, title, data)
}

func (v *view) write(status int, name, title string, data any) error {
	v.Title, v.Data = title, data
	var b bytes.Buffer
	if err := v.c.pages[name].t.ExecuteTemplate(&b, "layout", v); err != nil {
		return err
	}
	v.send(status, b.Bytes())
	return nil
}

func (v *view) send(status int, body []byte) {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang())
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(body) // a browser that has gone is no matter
}

// fail turns an error into a page.
func (v *view) fail(err error) {
	if errors.Is(err, errNotFound) {
		v.refuse(api.NoSuchRoute())
		return
	}
	v.refuse(api.ProblemOf(err))
}

// Navigation.

// link is a place to go to.
type link struct {
	Path, Word string
	Here       bool
}

// Nav are the parts of the console that the visitor has.
func (v *view) Nav() []link {
	if v.Who.Principal == "" {
		return nil
	}
	var out []link
	add := func(has bool, path, word string) {
		if has {
			out = append(out, link{path, word, !v.lost && strings.HasPrefix(v.r.URL.Path, path) && (path != "/console/" || v.r.URL.Path == path)})
		}
	}
	add(true, "/console/", "nav home")
	add(true, "/console/templates", "nav questions")
	add(v.Asks(), "/console/requests", "nav answers")
	add(true, "/console/budgets", "nav budgets")
	add(v.c.Published != nil && v.may(policy.ReadLog), "/console/log", "nav log")
	add(v.seesApprovals(), "/console/approvals", "nav approvals")
	add(v.is(policy.Steward), "/console/steward", "nav steward")
	add(v.seesData(), "/console/data", "nav data")
	add(v.seesTraining(), "/console/training", "nav training")
	return out
}

// Asks says whether the visitor has a role that questions are for.
func (v *view) Asks() bool {
	return v.is(policy.Insurer) || v.is(policy.Pharma) || v.is(policy.Regulator)
}

// partView is a piece of a page with the data it shows.
type partView struct {
	*view
	Data any
}

// With gives a piece of a page its data.
func (v *view) With(data any) partView { return partView{v, data} }
