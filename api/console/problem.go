package console

import (
	"net/http"
	"strings"

	"github.com/qunxiang/qunxiang/api"
)

// problemView is a refusal in words.
type problemView struct {
	Title, Detail, Next, Rule string
	Foreign                   bool   // the detail is in another language than the page
	Budget                    string // which does not suffice, and what is left of it
	*api.Problem
}

// refuse shows a problem as a page. That of what does not exist says nothing of what
// was looked for, so that it is the same for what is another's.
func (v *view) refuse(p *api.Problem) {
	v.c.host.Refused(v.r, p)
	if p.Status == http.StatusNotFound {
		v.Path, v.lost = "/console/", true
		p = api.NoSuchRoute()
	}
	if p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable {
		v.w.Header().Set("Retry-After", "5")
	}
	shown := v.problem(p)
	if err := v.write(p.Status, "problem", shown.Title, shown); err != nil {
		http.Error(v.w, "Internal error", http.StatusInternalServerError)
	}
}

// Rule is a rule that refused, in words; one that has none stays.
func (w words) Rule(name string) string {
	if text, ok := w.has("rule " + name); ok {
		return text
	}
	return name
}

// scopeKind says what helps where a budget does not suffice: other years, or another grant.
func scopeKind(scope string) string {
	switch {
	case strings.HasPrefix(scope, quotaScope):
		return "quota"
	case short(scope) == "life":
		return "life"
	}
	return "year"
}

// problem puts a problem into the visitor's language: what it is, and what to do next.
func (v *view) problem(p *api.Problem) problemView {
	out := problemView{Title: p.Title, Rule: v.Rule(p.Rule), Problem: p}
	out.Detail, out.Foreign = v.detail(p.Detail)
	if text, ok := v.has("problem " + p.Name()); ok {
		out.Title = text
	}
	out.Next = v.next(p)
	if p.Scope != "" && p.RhoLeft != nil {
		out.Budget = v.say("budget left", v.Scope(p.Scope), v.Figure(*p.RhoLeft))
	}
	if p.Name() == api.NoSuchRoute().Name() {
		out.Detail = ""
	}
	return out
}

// next is what to do after a problem: what its scope or its rule says of it, where they do.
func (w words) next(p *api.Problem) string {
	more := p.Rule
	if p.Scope != "" {
		more = scopeKind(p.Scope)
	}
	for _, key := range []string{"next " + p.Name() + " " + more, "next " + p.Name()} {
		if text, ok := w.has(key); ok {
			return text
		}
	}
	return w.say("next any")
}
