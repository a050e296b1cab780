package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// requestID is the form of request ids.
var requestID = regexp.MustCompile(`^[A-Za-z0-9-]{1,80}$`)

// waitingView is a request whose answer is to come.
type waitingView struct {
	queries.Ticket
	Title   queries.Text
	Seconds int
	Events  string
}

// longestWait is after how many seconds a page looks again at most.
const longestWait = 60

// request shows where one of the visitor's requests stands: when the answer is due, or
// the answer. Until then the page says nothing of how far it is.
func (c *console) request(v *view) error {
	id := v.r.PathValue("id")
	if !requestID.MatchString(id) {
		return errNotFound
	}
	t, err := c.Service.Status(v.Who.Principal, id)
	if errors.Is(err, queries.ErrUnknownRequest) && v.may(policy.ReadReleases) {
		return v.othersRelease(id)
	}
	if err != nil {
		return err
	}
	if gone, ok := v.gone(id); ok {
		return v.showDeleted(gone)
	}
	switch t.State {
	case queries.Running:
		seconds := max(1, int(t.Due.Sub(c.Now()).Seconds())+1)
		if t.Charged || !t.Cancelled {
			v.Wait = min(seconds+1, longestWait)
		}
		title := queries.Text{EN: t.ID, ZH: t.ID}
		return v.show("waiting", v.say(map[bool]string{false: "waiting", true: "waits no more"}[t.Cancelled]), waitingView{t, title, seconds, "/v1/queries/" + t.ID + "/events"})
	case queries.Abandoned:
		if !t.Charged {
			return v.showEnded()
		}
		return queries.ErrAbandoned
	}
	return v.showRelease(t)
}

// handOverView is a release that the visitor may read by their role and has not yet.
type handOverView struct {
	ledger.Request
	Question string
}

// othersRelease shows a release that was handed to the visitor before, and asks before it
// hands over another: that is written into the log, and looking at a page writes nothing.
func (v *view) othersRelease(id string) error {
	t, ok := v.c.Trace(id)
	rec := t.Request
	switch {
	case ok && rec.Deleted && v.c.Handed(rec.ID, v.Who.Principal):
		return v.showDeleted(t)
	case !ok || rec.Release < 0 || rec.Deleted || rec.Catalogue == ledger.Training:
		return errNotFound
	case v.c.Handed(rec.ID, v.Who.Principal):
		return v.showRelease(queries.Ticket{ID: rec.ID, Release: rec.ID, State: queries.Released})
	}
	return v.show("handover", v.question(rec.Template), handOverView{rec, v.question(rec.Template)})
}

// handOver hands a release to a visitor who reads it by their role; the log then names them.
func (c *console) handOver(v *view) error {
	id := v.r.PathValue("id")
	t, ok := c.Trace(id)
	if !requestID.MatchString(id) || !ok || !v.may(policy.ReadReleases) {
		return errNotFound
	}
	if _, err := c.Service.Answer(v.Who.Principal, t.Request.ID); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, "/console/requests/"+t.Request.ID, http.StatusSeeOther)
	return nil
}

// showEnded explains why a request that was to have somebody else's answer has none: its
// asker gave up waiting, or that answer never came.
func (v *view) showEnded() error {
	p := api.ProblemOf(queries.ErrAbandoned)
	shown := v.problem(p)
	shown.Detail, shown.Next = "", v.say("ended free")
	return v.write(p.Status, "problem", shown.Title, shown)
}

// cancel ends the visitor's interest in a request.
func (c *console) cancel(v *view) error {
	id := v.r.PathValue("id")
	if !requestID.MatchString(id) {
		return errNotFound
	}
	if err := c.Service.Cancel(v.Who.Principal, id); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, "/console/requests/"+id, http.StatusSeeOther)
	return nil
}

// resultView is an answer: its table, its picture and how it can be checked.
type resultView struct {
	queries.Ticket
	*queries.Release
	Description queries.Text
	Parameters  []named
	Table       *table
	Charts      []*chart
	Tabs        []link
	Formats     []api.Format
	Suppressed  int
	CanVerify   bool
}

// named is a name and a text.
type named struct{ Name, Value string }

// showRelease writes the page of an answer that is there.
func (v *view) showRelease(t queries.Ticket) error {
	stored, err := v.c.Service.Answer(v.Who.Principal, t.ID)
	if err != nil {
		return err
	}
	var r queries.Release
	if err := json.Unmarshal(stored, &r); err != nil {
		return err
	}
	template, _ := v.c.Catalog.Find(r.Template) // nil where it is no longer offered
	data := resultView{Ticket: t, Release: &r, CanVerify: v.c.CheckReceipt != nil, Formats: []api.Format{api.XLSX, api.CSV, api.Arrow, api.Parquet, api.JSON}}
	if template != nil {
		data.Description = template.Description
	}
	for _, g := range r.Groups {
		if g.Suppressed {
			data.Suppressed++
		}
	}
	data.Parameters = v.parameters(template, &r)
	data.Table = v.table(template, &r)
	data.Charts, data.Tabs = v.charts(template, &r, v.r.URL.Query().Get("measure"))
	return v.show("result", v.In(r.Title), data)
}

// parameters are what was asked, in words.
func (v *view) parameters(t *queries.Template, r *queries.Release) []named {
	var out []named
	add := func(name, value string) {
		if value != "" {
			out = append(out, named{v.Name(name), v.list(name, value)})
		}
	}
	if t == nil {
		for _, name := range sorted(r.Parameters) {
			add(name, r.Parameters[name])
		}
		return out
	}
	for _, p := range t.Parameters {
		if from, to, ok := strings.Cut(r.Parameters[p.Name], ".."); ok && p.Type == "window" {
			out = append(out, named{v.Name(p.Name), v.say("from to", v.Written(from), v.Written(to))})
			continue
		}
		add(p.Name, r.Parameters[p.Name])
	}
	return out
}
