package console

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// Inside are facts about the data, which never leave the domain, and what else is for the
// people who run it.
type Inside interface {
	// Loads are the snapshots that wait for approvals, and then those of the log, with what
	// their imports reported, newest first. A report that cannot be read is the load's own
	// matter and no error.
	Loads() ([]Load, error)
	// Importing is the load that is under way, or the last one where it was broken off; nil
	// for none.
	Importing() (*Import, error)
	// OptOuts are counts by the day of registration, oldest first, and the number of the
	// epoch in force. They name nobody.
	OptOuts() (days []dataset.OptOutDay, epoch int64, err error)
	// Enrolments are nodes that ask the coordinator of this authority for a certificate,
	// and those that have one; known is false where there is no such coordinator, or it
	// does not answer.
	Enrolments(ctx context.Context) (list []federation.EnrolmentState, known bool)
}

// Load is one import.
type Load struct {
	dataset.Manifest                  // only its ID where it cannot be read
	By               string           // who loaded it
	Quality          *dataset.Quality // nil where it cannot be read
	Waits            string           // while it waits for approvals, the digest that they bind
}

// dataView is the page about the data.
type dataView struct {
	Loads      []loadView
	OptOuts    []dataset.OptOutDay
	Epoch      int64
	People     int // that have opted out
	Enrolments []enrolmentView
	Known      bool
	Command    string
}

// loadView is an import with its report in tables.
type loadView struct {
	Load
	Met    bool // all indicators that were measured
	Tables []tableView
	Checks []dataset.Check
}

// tableView says what became of the rows of one table.
type tableView struct {
	Name string
	*dataset.TableCount
	Aside   int64
	Reasons []reasonView
}

// reasonView is a reason for which rows were put aside.
type reasonView struct {
	Reason string
	Rows   int64
}

// enrolmentView is a node that asks for a certificate, or has one.
type enrolmentView struct {
	federation.EnrolmentState
	Waits bool
}

// seesData says whether the visitor has the page about the data: a steward, on the
// domain's own listener.
func (v *view) seesData() bool {
	return v.c.Inside != nil && v.is(policy.Steward) && v.c.host.Inside(v.r)
}

// data shows loads with their quality, opt-outs by number, and enrolments.
func (c *console) data(v *view) error {
	if !v.seesData() {
		return errNotFound
	}
	page := dataView{Command: c.Command}
	loads, err := c.Inside.Loads()
	if err != nil {
		return err
	}
	for _, l := range loads {
		page.Loads = append(page.Loads, describeLoad(l))
	}
	if page.OptOuts, page.Epoch, err = c.Inside.OptOuts(); err != nil {
		return err
	}
	for _, d := range page.OptOuts {
		page.People += d.People
	}
	var list []federation.EnrolmentState
	list, page.Known = c.Inside.Enrolments(v.r.Context())
	for _, e := range list {
		page.Enrolments = append(page.Enrolments, enrolmentView{e, e.State != federation.Approved})
	}
	slices.SortStableFunc(page.Enrolments, func(a, b enrolmentView) int {
		if a.Waits != b.Waits {
			return map[bool]int{true: -1, false: 1}[a.Waits]
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return v.show("data", v.say("nav data"), page)
}

// describeLoad sorts a report into tables, in the order of the schema; tables of which
// nothing was read are left out.
func describeLoad(l Load) loadView {
	out := loadView{Load: l, Met: true}
	if l.Quality == nil {
		return out
	}
	out.Checks = l.Quality.Checks
	for _, i := range l.Quality.Indicators {
		out.Met = out.Met && (i.Met || !i.Measured)
	}
	for _, t := range dataset.Tables() {
		n := l.Quality.Tables[t.Name]
		if n == nil || n.Read == 0 {
			continue
		}
		x := tableView{Name: t.Name, TableCount: n, Aside: n.QuarantinedTotal()}
		for _, reason := range slices.Sorted(maps.Keys(n.Quarantined)) {
			x.Reasons = append(x.Reasons, reasonView{strings.ReplaceAll(reason, "_", " "), n.Quarantined[reason]})
		}
		slices.SortStableFunc(x.Reasons, func(a, b reasonView) int { return cmp.Compare(b.Rows, a.Rows) })
		out.Tables = append(out.Tables, x)
	}
	return out
}

// TableName is a table of the canonical schema in words.
func (w words) TableName(name string) string {
	if text, ok := w.has("table " + name); ok {
		return text
	}
	return w.Name(name)
}
