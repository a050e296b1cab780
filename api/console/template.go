package console

import (
	"bytes"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

// templateView is a question, what it does, and the form that asks it.
type templateView struct {
	*queries.Template
	Described   queries.Description
	Certified   bool
	Certificate *certificateView
	Asks        bool
	Fields      []field
	Form        url.Values
	Key         string
	Population  bool // the size of the population is to be said
	Price       *priceView
	Refused     *problemView
	MayAllow    bool
	By          string
	Measures    []queries.DescribedValue
	Gives       []measureView
	Keys        []named // and the groups that each makes
}

// find gives a template that the visitor may see.
func (v *view) find() (*queries.Template, error) {
	t, err := v.c.Catalog.Find(v.r.PathValue("ref"))
	if err != nil || !v.offered(t) {
		return nil, errNotFound
	}
	return t, nil
}

// template shows a question and its form. A link may fill it in.
func (c *console) template(v *view) error {
	t, err := v.find()
	if err != nil {
		return err
	}
	return v.showTemplate(http.StatusOK, t, nil, nil, nil)
}

// showTemplate writes the page, with a form as it was filled in and what came of it.
func (v *view) showTemplate(status int, t *queries.Template, form url.Values, price *priceView, refused *problemView) error {
	v.Path = "/console/templates/" + t.Ref()
	data := templateView{
		Template: t, Described: t.Describe(), Certified: v.c.Catalog.Certified(t), Certificate: v.certificate(t), Fields: v.fields(t, form), Form: form,
		Asks: v.Asks(), Key: newKey(), Population: v.rules.PublicPeople == 0, Price: price, Refused: refused, By: "cost",
		Measures: t.Describe().Measures, Gives: v.measures(t),
	}
	for _, m := range t.Measures {
		if m.Reference > 0 {
			data.By = "relative"
		}
	}
	for _, k := range data.Described.Keys {
		data.Keys = append(data.Keys, named{v.Name(k.Name), v.groups(t, k)})
	}
	if form != nil {
		data.Key, data.By = form.Get("key"), form.Get("by")
		data.MayAllow = form.Get("allow_empty") == "yes"
	} else {
		data.Form = url.Values{"percent": {"5"}, "people": {"1000"}, "error": {"50"}, "cost": {"0.01"}, "purpose": {v.onlyPurpose(t)}}
		if data.Certificate != nil && slices.ContainsFunc(data.Certificate.Variants, func(x variantView) bool { return x.Cost.Limited != "" }) {
			data.By = "cost" // five per cent are out of reach
		}
		if t.Coarse != nil {
			data.Form.Set("coarse", "yes")
		}
	}
	if refused != nil && refused.Name() == "mostly-empty" {
		data.MayAllow = true
	}
	return v.write(status, "template", v.In(t.Title), data)
}

// groups says which groups a key makes.
func (v *view) groups(t *queries.Template, of queries.DescribedKey) string {
	if len(of.Values) > 0 {
		return v.list(of.Name, strings.Join(of.Values, ","))
	}
	for _, k := range t.Keys {
		switch {
		case k.Name != of.Name:
		case k.Private:
			return v.say("key private")
		case k.Years != "":
			return v.say("key years")
		case k.Quarter != "":
			return v.say("key quarters")
		case k.Lists != "":
			return v.say("key lists")
		}
	}
	return of.Domain
}

// onlyPurpose is the one purpose that the visitor has a grant to ask a question for; "" where
// there are several.
func (v *view) onlyPurpose(t *queries.Template) string {
	only := ""
	for _, g := range v.rules.Grants {
		for _, p := range g.Purposes {
			if g.Principal != v.Who.Principal || !slices.Contains(t.Purposes, p) || p == only {
				continue
			}
			if only != "" {
				return ""
			}
			only = p
		}
	}
	return only
}

// priceView is what a question would cost and how near its answer would be.
type priceView struct {
	*queries.Estimate
	// More is how many questions like this one fit into the fullest budget, or into the
	// quota of the grant where that is fuller.
	More     int
	Tightest string  // that budget
	Share    float64 // of its cap
	Left     float64 // of it, in rho
	Seconds  int
}

// Agreed is what whoever asks at this price agrees to, in rho: a form takes it along, and
// is charged no more.
func (p *priceView) Agreed() string {
	rho := p.Rho
	if p.Free {
		rho = queries.OnlyFree
	}
	return strconv.FormatFloat(rho, 'g', -1, 64)
}

// priceOf prices a filled-in form. Nothing is charged and no data is touched.
func (v *view) priceOf(t *queries.Template, form url.Values) (*priceView, error) {
	r, err := requestOf(t, form)
	if err != nil {
		return nil, err
	}
	r.MaxRho = 0 // of the price that is asked for anew
	e, err := v.c.Service.Estimate(v.r.Context(), v.Who.Principal, r)
	if err != nil {
		return nil, err
	}
	p := &priceView{Estimate: e, More: math.MaxInt32, Seconds: int(math.Ceil(e.SlotSeconds))}
	for _, s := range e.Scopes {
		if n := likeThis(s, e.Rho, e.Delta); n < p.More {
			p.More, p.Tightest, p.Share, p.Left = n, s.Scope, s.Share, max(0, s.Cap-s.Spent-s.Held)
		}
	}
	if q := e.Quota; q != nil {
		like := queries.ScopeShare{Cap: q.Quota, Spent: q.Spent, Held: q.Held}
		if n := likeThis(like, e.Rho, 0); n < p.More {
			p.More, p.Tightest, p.Share, p.Left = n, quotaScope+q.Grant, e.Rho/q.Quota, max(0, q.Quota-q.Spent-q.Held)
		}
	}
	return p, nil
}

// likeThis is how many requests of a cost fit into what a budget has left.
func likeThis(s queries.ScopeShare, rho, delta float64) int {
	n := math.Inf(1)
	if rho > 0 {
		n = (s.Cap - s.Spent - s.Held) / rho
	}
	if delta > 0 {
		n = min(n, (s.CapDelta-s.SpentDlt)/delta)
	}
	return int(max(0, min(n+1e-9, math.MaxInt32)))
}

// price answers the form's script with a part of the page, and a browser without one
// with the page.
func (c *console) price(v *view) error {
	t, err := v.find()
	if err != nil || !v.Asks() {
		return errNotFound
	}
	p, err := v.priceOf(t, v.r.PostForm)
	var refused *problemView
	status := http.StatusOK
	if err != nil {
		shown := v.problem(api.ProblemOf(err))
		refused, status = &shown, shown.Status
	}
	if v.r.PostForm.Get("opening") != "" { // nobody has filled in anything yet
		refused, status = nil, http.StatusOK
	}
	if v.r.Header.Get("Qunxiang-Part") == "price" {
		return v.part(status, "price", templateView{Template: t, Price: p, Refused: refused, Asks: true})
	}
	return v.showTemplate(status, t, v.r.PostForm, p, refused)
}

// ask charges the question and goes on to where its answer will be. Sent twice, it is
// charged once. A form that has no price in it, or one that is too low by now, comes back
// with the price.
func (c *console) ask(v *view) error {
	t, err := v.find()
	if err != nil || !v.Asks() {
		return errNotFound
	}
	form := v.r.PostForm
	r, err := requestOf(t, form)
	if err == nil && r.MaxRho == 0 {
		err = queries.ErrPrice
	}
	if err == nil {
		var ticket queries.Ticket
		ticket, err = c.Service.Ask(v.r.Context(), v.Who.Principal, r, idempotencyKey(form.Get("key"), form))
		if err == nil {
			http.Redirect(v.w, v.r, "/console/requests/"+ticket.ID, http.StatusSeeOther)
			return nil
		}
	}
	price, priceErr := v.priceOf(t, form)
	if errors.Is(err, queries.ErrPrice) && priceErr != nil {
		err = priceErr // which comes before any price
	}
	shown := v.problem(api.ProblemOf(err))
	c.host.Refused(v.r, api.ProblemOf(err))
	if priceErr != nil && !errors.Is(err, queries.ErrMostlyEmpty) {
		price = nil
	}
	return v.showTemplate(shown.Status, t, form, price, &shown)
}

// part writes a piece of a page, for its script.
func (v *view) part(status int, name string, data any) error {
	v.Data = data
	var b bytes.Buffer
	if err := v.c.pages["template"].t.ExecuteTemplate(&b, name, v); err != nil {
		return err
	}
	v.send(status, b.Bytes())
	return nil
}
