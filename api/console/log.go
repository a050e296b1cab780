package console

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// Limits of one page of the log.
const (
	logEntries = 50
	// bundlesRead is how many bundles of 256 leaves one page reads at most, looking for
	// what the filters let through.
	bundlesRead = 40
	bundleSize  = 256
)

// logFilter is what a reader of the log looks for; "" is everything.
type logFilter struct{ Kind, Organisation, Template, Scope string }

// event is one leaf of the log as a sentence.
type event struct {
	ledger.Leaf
	Kind, Text   string
	Release      string // id of a release that can be looked at, "" for none
	Organisation string
	Scopes       []string
	Rho          float64
	template     string
}

// logView is a part of the log, newest first.
type logView struct {
	logFilter
	Events        []event
	Size          int64
	Before, Next  int64 // leaves before this one; Next is -1 at the log's beginning
	Kinds         []choice
	Organisations []string
	Report        *LogReport
	CanCheck      bool
	Command       string
	Abandoned     int64
}

// readsLog says whether the visitor has the page of the log.
func (v *view) readsLog() bool { return v.c.Published != nil && v.may(policy.ReadLog) }

// log tells the log as a story, as far as its newest checkpoint goes.
func (c *console) log(v *view) error {
	if !v.readsLog() {
		return errNotFound
	}
	return v.showLog(http.StatusOK, nil)
}

// verifyLog runs the auditor's verifier over the whole log.
func (c *console) verifyLog(v *view) error {
	if !v.readsLog() || c.CheckLog == nil {
		return errNotFound
	}
	report, err := c.CheckLog(v.r.Context())
	if err != nil {
		return err
	}
	v.Path = "/console/log"
	return v.showLog(http.StatusOK, report)
}

func (v *view) showLog(status int, report *LogReport) error {
	q := v.r.URL.Query()
	data := logView{
		logFilter: logFilter{q.Get("kind"), q.Get("organisation"), q.Get("template"), q.Get("scope")},
		Report:    report, CanCheck: v.c.CheckLog != nil, Command: v.c.Command, Next: -1,
	}
	var err error
	if data.Size, err = checkpointSize(v.c.Published.Checkpoint()); err != nil {
		return err
	}
	data.Before = data.Size
	if n, err := strconv.ParseInt(q.Get("before"), 10, 64); err == nil && n > 0 && n < data.Size {
		data.Before = n
	}
	if err := v.readLog(&data); err != nil {
		return err
	}
	for _, kind := range []ledger.Type{ledger.TypeCharge, ledger.TypeRelease, ledger.TypeAbandon, ledger.TypeReplay, ledger.TypeDeny, ledger.TypeGrant, ledger.TypeApprove, ledger.TypeSnapshot, ledger.TypeAudit, ledger.TypeKey} {
		data.Kinds = append(data.Kinds, choice{string(kind), v.say("leaf " + string(kind)), data.Kind == string(kind)})
	}
	for _, p := range v.rules.Principals {
		if !slices.Contains(data.Organisations, p.Organisation) {
			data.Organisations = append(data.Organisations, p.Organisation)
		}
	}
	data.Abandoned = v.c.Abandoned()
	return v.write(status, "log", v.say("nav log"), data)
}

// checkpointSize reads how many leaves a checkpoint covers: its second line (C2SP
// tlog-checkpoint). An empty one covers none.
func checkpointSize(text []byte) (int64, error) {
	if len(text) == 0 {
		return 0, nil
	}
	lines := strings.SplitN(string(text), "\n", 3)
	if len(lines) < 3 {
		return 0, fmt.Errorf("console: the checkpoint has no size")
	}
	return strconv.ParseInt(lines[1], 10, 64)
}

// readLog collects the newest leaves before a place that the filters let through.
func (v *view) readLog(data *logView) error {
	for n, read := (data.Before-1)/bundleSize, 0; n >= 0 && data.Before > 0 && read < bundlesRead; n, read = n-1, read+1 {
		leaves, err := v.bundle(n, data.Size)
		if err != nil {
			return err
		}
		for i := len(leaves) - 1; i >= 0; i-- {
			at := n*bundleSize + int64(i)
			if at >= data.Before {
				continue
			}
			if len(data.Events) == logEntries {
				data.Next = at + 1
				return nil
			}
			if e := v.event(leaves[i]); data.wants(e) {
				data.Events = append(data.Events, e)
			}
			if at == 0 {
				return nil
			}
		}
		data.Next = n * bundleSize
	}
	return nil
}

// bundle reads the n-th entry bundle of the published log (C2SP tlog-tiles): leaves, each
// after its length in two bytes.
func (v *view) bundle(n, size int64) ([]ledger.Leaf, error) {
	width := min(bundleSize, size-n*bundleSize)
	raw, err := v.c.Published.Tile(v.Who.Principal, tlog.Tile{H: 8, L: -1, N: n, W: int(width)})
	if err != nil {
		return nil, err
	}
	var out []ledger.Leaf
	for r := bytes.NewBuffer(raw); r.Len() >= 2; {
		length := int(binary.BigEndian.Uint16(r.Next(2)))
		leaf, err := ledger.Decode(r.Next(length))
		if err != nil {
			return nil, err
		}
		out = append(out, leaf)
	}
	return out, nil
}

func (f logFilter) wants(e event) bool {
	return (f.Kind == "" || f.Kind == e.Kind) && (f.Organisation == "" || f.Organisation == e.Organisation) &&
		(f.Template == "" || strings.HasPrefix(e.template, f.Template)) &&
		(f.Scope == "" || slices.ContainsFunc(e.Scopes, func(s string) bool { return short(s) == f.Scope }))
}

// event says a leaf in a sentence.
func (v *view) event(l ledger.Leaf) event {
	e := event{Leaf: l, Kind: string(l.Body.Type())}
	about := func(leaf int64) string {
		rec, _ := v.c.Charged(leaf)
		e.Organisation, e.Scopes, e.template = rec.Organisation, rec.Scopes, rec.Template
		return v.question(rec.Template)
	}
	switch b := l.Body.(type) {
	case *ledger.Charge:
		e.Organisation, e.Scopes, e.Rho, e.template = b.Organisation, b.Scopes, b.Cost.RhoFloat(), b.Template
		e.Text = v.say("story charge", b.Organisation, v.question(b.Template), v.Purpose(b.Purpose), v.Figure(e.Rho))
	case *ledger.Release:
		e.Text, e.Release = v.say("story release", about(b.Charge)), b.ID
	case *ledger.Abandon:
		e.Text = v.say("story abandon", about(b.Charge), v.Count(b.Charge))
	case *ledger.Replay:
		what := about(b.Release)
		rec, _ := v.c.Charged(b.Release)
		e.Organisation, e.Release = b.Organisation, rec.ID
		e.Text = v.say("story replay", b.Organisation, what)
	case *ledger.Deny:
		e.Organisation, e.template = b.Organisation, b.Template
		e.Text = v.say("story deny", b.Organisation, v.question(b.Template), b.Rule)
	case *ledger.Snapshot:
		e.Text = v.say("story snapshot", v.Short(b.Snapshot), b.By)
	case *ledger.Grant:
		e.Text = v.say("story grant", v.Short(b.Policy), v.say("mode "+b.Mode), v.Count(len(b.Grants)))
	case *ledger.Approve:
		e.Text = v.say("story approve", b.Approver, b.Name)
		if b.Revoked {
			e.Text = v.say("story revoke", b.Approver, b.Name)
		}
	case *ledger.Audit:
		e.Text = v.say("story audit failed", v.Count(b.Leaves))
		if b.Passed {
			e.Text = v.say("story audit passed", v.Count(b.Leaves))
		}
	case *ledger.Key:
		e.Text = v.say("story key", b.Use, b.Algorithm)
	case *ledger.Delete:
		e.Text = v.say("story delete", v.Count(b.Leaf))
	case *ledger.Resume:
		e.template = b.Template
		e.Text = v.say("story resume", v.question(b.Template))
	case *ledger.Reserve:
		e.Organisation, e.Scopes, e.template = b.Organisation, b.Scopes, b.Template
		e.Text = v.say("story reserve", b.Organisation, v.Figure(b.Cost.RhoFloat()), b.Until)
	case *ledger.Close:
		e.Text = v.say("story close", v.Count(b.Reserve))
	}
	return e
}

// question is what a template is called, by its id@version.
func (v *view) question(ref string) string {
	if ref == "" {
		return v.say("unknown question")
	}
	t, err := v.c.Catalog.Find(ref)
	if err != nil {
		t, err = v.c.Catalog.FindFeatures(ref)
	}
	if err != nil {
		return ref
	}
	return v.In(queries.Text{EN: t.Catalogue + " " + t.Title.EN, ZH: t.Catalogue + " " + t.Title.ZH})
}
