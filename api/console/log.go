package console

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
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

// filterOf reads the filter of an address or a form.
func filterOf(q url.Values) logFilter {
	return logFilter{q.Get("kind"), q.Get("organisation"), q.Get("template"), q.Get("scope")}
}

// address is the page of the log under the filter.
func (f logFilter) address() string {
	q := url.Values{}
	for name, value := range map[string]string{"kind": f.Kind, "organisation": f.Organisation, "template": f.Template, "scope": f.Scope} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/console/log"
	}
	return "/console/log?" + q.Encode()
}

// logView is a part of the log, newest first.
type logView struct {
	logFilter
	Events        []event
	Size          int64
	Before, Next  int64 // leaves before this one; Next is -1 at the log's beginning
	Kinds, Scopes []choice
	Organisations []string
	Report        *checkedLog
	CanCheck      bool
	Command       string
	Abandoned     int64
}

// readsLog says whether the visitor has the page of the log.
func (v *view) readsLog() bool { return v.c.Published != nil && v.may(policy.ReadLog) }

// Reads says the same to pages.
func (v *view) Reads() bool { return v.readsLog() }

// log tells the log as a story, as far as its newest checkpoint goes.
func (c *console) log(v *view) error {
	if !v.readsLog() {
		return errNotFound
	}
	return v.showLog()
}

func (v *view) showLog() error {
	q := v.r.URL.Query()
	data := logView{logFilter: filterOf(q), CanCheck: v.c.CheckLog != nil, Command: v.c.Command, Next: -1}
	data.Report = v.c.checks.last()
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
	for _, kind := range logKinds {
		data.Kinds = append(data.Kinds, choice{string(kind), v.say("leaf " + string(kind)), data.Kind == string(kind)})
	}
	data.Scopes = v.scopes(data.Scope)
	for _, p := range v.rules.Principals {
		if !slices.Contains(data.Organisations, p.Organisation) {
			data.Organisations = append(data.Organisations, p.Organisation)
		}
	}
	if data.Organisation != "" && !slices.Contains(data.Organisations, data.Organisation) {
		data.Organisations = append(data.Organisations, data.Organisation) // of a policy before
	}
	data.Abandoned = v.c.Abandoned()
	return v.show("log", v.say("nav log"), data)
}

// logKinds are the kinds of leaves, as they are offered.
var logKinds = []ledger.Type{
	ledger.TypeCharge, ledger.TypeRelease, ledger.TypeAbandon, ledger.TypeReplay, ledger.TypeDeny, ledger.TypeReserve, ledger.TypeClose,
	ledger.TypeGrant, ledger.TypeApprove, ledger.TypeSnapshot, ledger.TypeResume, ledger.TypeDelete, ledger.TypeAudit, ledger.TypeKey,
}

// scopes are the budgets that were ever charged, and the one that is looked for.
func (v *view) scopes(on string) []choice {
	var out []choice
	found := on == ""
	for _, s := range v.c.Service.Budgets() {
		name := short(s.Scope)
		found = found || name == on
		out = append(out, choice{name, v.Scope(name), name == on})
	}
	if !found {
		out = append(out, choice{on, v.Scope(on), true})
	}
	return out
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
	asked := v.asksFor(data.Template)
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
			if e := v.event(leaves[i]); data.wants(e) && asked(e.template) {
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

// asksFor says whether a template, as id@version, is the question that is looked for: by its
// id, its number in the catalogue, or words of its title in either language.
func (v *view) asksFor(wanted string) func(ref string) bool {
	wanted = strings.ToLower(strings.TrimSpace(wanted))
	known := map[string]bool{}
	return func(ref string) bool {
		if wanted == "" {
			return true
		}
		is, ok := known[ref]
		if !ok {
			is = ref != "" && strings.HasPrefix(strings.ToLower(ref), wanted)
			if t := v.named(ref); t != nil && !is {
				is = strings.EqualFold(t.Catalogue, wanted) || strings.Contains(strings.ToLower(t.Title.EN), wanted) || strings.Contains(t.Title.ZH, wanted)
			}
			known[ref] = is
		}
		return is
	}
}

// wants says whether the filter lets a leaf through, but for the question.
func (f logFilter) wants(e event) bool {
	return (f.Kind == "" || f.Kind == e.Kind) && (f.Organisation == "" || f.Organisation == e.Organisation) &&
		(f.Scope == "" || slices.ContainsFunc(e.Scopes, func(s string) bool { return short(s) == f.Scope }))
}
