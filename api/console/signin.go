package console

import (
	"net/http"
	"strings"

	"github.com/qunxiang/qunxiang/api"
)

// signInView is the page where one signs in.
type signInView struct {
	To      string
	OpenID  bool
	Refused *problemView
}

// showSignIn asks for a credential. It is the one page for everybody.
func (c *console) showSignIn(w http.ResponseWriter, r *http.Request) {
	v := c.view(w, r)
	v.showSignIn(http.StatusOK, onward(r.URL.Query().Get("to")), nil)
}

// onward is where to go after signing in: a page of the console.
func onward(to string) string {
	if to = api.Here(to); strings.HasPrefix(to, "/console/") && !strings.HasPrefix(to, "/console/sign-in") {
		return to
	}
	return "/console/"
}

func (v *view) showSignIn(status int, to string, refused *problemView) {
	v.Path = "/console/sign-in"
	if err := v.write(status, "signin", v.say("sign in"), signInView{to, v.c.host.OpenID() && !v.c.host.Inside(v.r), refused}); err != nil {
		v.fail(err)
	}
}

// signIn takes a token, once: what stays is a session.
func (c *console) signIn(w http.ResponseWriter, r *http.Request) {
	v := c.view(w, r)
	if !v.formHolds() {
		v.Path = "/console/sign-in"
		v.refuse(&api.Problem{Type: "urn:qunxiang:problem:form", Status: http.StatusForbidden})
		return
	}
	to := onward(r.PostForm.Get("to"))
	if p := c.host.Enter(w, r, strings.TrimSpace(r.PostForm.Get("token"))); p != nil {
		c.host.Refused(r, p)
		shown := v.problem(p)
		v.showSignIn(p.Status, to, &shown)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// signOut ends the session. It asks nothing else: a form of an older session ends
// this one's cookie too.
func (c *console) signOut(w http.ResponseWriter, r *http.Request) {
	v := c.view(w, r)
	if !v.formHolds() {
		v.Path = "/console/"
		v.refuse(&api.Problem{Type: "urn:qunxiang:problem:form", Status: http.StatusForbidden})
		return
	}
	c.host.Leave(w, r)
	http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
}
