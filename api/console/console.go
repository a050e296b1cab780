package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/certify"
)

// Options are what the pages read. Fields are required unless they say otherwise.
type Options struct {
	Service api.Service
	Catalog *queries.Catalog
	// Certificates are what was found of templates, by digest; default: pages say only
	// whether one is certified.
	Certificates map[string]*certify.Certificate
	Policy       func() *policy.Policy // in force now
	// Past are a principal's own charges, newest first, at most so many.
	Past func(principal string, most int) []ledger.Request
	// Repeats are what they were given from store, the same way; default none.
	Repeats func(principal string, most int) []ledger.Trace
	// Deletion says when a release, given by its leaf, was deleted; default: nothing is said
	// of it.
	Deletion func(release int64) (ledger.Deletion, bool)
	// Charged is the charge that a CHARGE or RELEASE leaf is of.
	Charged func(leaf int64) (ledger.Request, bool)
	// Trace follows the id of a request, and Handed says whether the release of a charge was
	// made for a principal or handed to them.
	Trace  func(id string) (ledger.Trace, bool)
	Handed func(id, principal string) bool
	// Quota is what was charged under a grant and is set aside under it, in rho; default
	// nothing.
	Quota func(grant string) (spent, held float64)
	// Basis is what a charge, given by its leaf, rested on; default: nothing is said of it.
	Basis func(charge int64) (ledger.Basis, error)
	// Abandoned is how many charges were abandoned; default none.
	Abandoned func() int64
	// Rounds are the charges of training jobs, oldest first; default none.
	Rounds func() []ledger.Request
	// SupervisedSince is the leaf that ended the evaluation, -1 where none has; default -1.
	SupervisedSince func() int64
	// CheckReceipt holds a receipt and its release against the domain's public keys, as
	// anybody can offline; default: receipts are not checked here.
	CheckReceipt func(receipt, release []byte) (*queries.Statement, error)
	// Published is the log as it is published; default: no page about it.
	Published api.Log
	// CheckLog runs the auditor's verifier on the whole log; default: not here.
	CheckLog func(context.Context) (*LogReport, error)
	// Approvals is what people decide together; default: nothing waits.
	Approvals api.Approvals
	// TemplateBefore is the version of a template, given by its id, that was approved last of
	// those with another digest; default none.
	TemplateBefore func(id, digest string) (ledger.ApprovedTemplate, bool)
	// Reservations are what training jobs have set aside; default none.
	Reservations func() []ledger.Reservation
	// Training is what is known here of jobs besides the log; default the log alone.
	Training Training
	// Snapshots are those that may be asked, oldest first; default none.
	Snapshots func() []ledger.Snapshot
	// Running are the charges that are neither answered nor abandoned, oldest first; default none.
	Running func() []ledger.Request
	// Inside is what stewards see on the domain's own listener; default nothing.
	Inside Inside
	// Command is how the program is called in examples; default "qunxiang".
	Command string
	Now     func() time.Time // default time.Now
}

// console is the pages of one server.
type console struct {
	Options
	host   *api.Host
	mux    *http.ServeMux
	pages  map[string]*htmlPage
	files  assets
	denied api.Kept[denied]
	checks
}

// New makes the pages for a server; see [api.Options.Console].
func New(h *api.Host, o Options) (http.Handler, error) {
	if h == nil || o.Service == nil || o.Catalog == nil || o.Policy == nil || o.Past == nil || o.Charged == nil || o.Trace == nil || o.Handed == nil {
		return nil, errors.New("console: the pages need a host, a service, a catalog, a policy and charges")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Repeats == nil {
		o.Repeats = func(string, int) []ledger.Trace { return nil }
	}
	if o.Deletion == nil {
		o.Deletion = func(int64) (ledger.Deletion, bool) { return ledger.Deletion{}, false }
	}
	if o.Quota == nil {
		o.Quota = func(string) (spent, held float64) { return 0, 0 }
	}
	if o.Abandoned == nil {
		o.Abandoned = func() int64 { return 0 }
	}
	if o.Rounds == nil {
		o.Rounds = func() []ledger.Request { return nil }
	}
	if o.Running == nil {
		o.Running = func() []ledger.Request { return nil }
	}
	if o.SupervisedSince == nil {
		o.SupervisedSince = func() int64 { return -1 }
	}
	if o.TemplateBefore == nil {
		o.TemplateBefore = func(string, string) (ledger.ApprovedTemplate, bool) { return ledger.ApprovedTemplate{}, false }
	}
	if o.Command == "" {
		o.Command = "qunxiang"
	}
	c := &console{Options: o, host: h, mux: http.NewServeMux(), files: readAssets()}
	var err error
	if c.pages, err = parsePages(); err != nil {
		return nil, err
	}
	c.routes()
	return c, nil
}

// routes names every page. What has no page here is the page of what does not exist.
func (c *console) routes() {
	c.mux.HandleFunc("GET /console/assets/{name}", c.asset)
	c.mux.HandleFunc("POST /console/language", c.setLanguage)
	c.mux.HandleFunc("GET /console/sign-in", c.showSignIn)
	c.mux.HandleFunc("POST /console/sign-in", c.signIn)
	c.mux.HandleFunc("POST /console/sign-out", c.signOut)
	for path, page := range map[string]func(*view) error{
		"GET /console/{$}":                                  c.home,
		"GET /console/templates":                            c.catalogue,
		"GET /console/templates/{ref}":                      c.template,
		"POST /console/templates/{ref}":                     c.ask,
		"POST /console/templates/{ref}/price":               c.price,
		"GET /console/requests":                             c.history,
		"GET /console/requests/{id}":                        c.request,
		"POST /console/requests/{id}":                       c.handOver,
		"POST /console/requests/{id}/cancel":                c.cancel,
		"GET /console/requests/{id}/verify":                 c.verify,
		"GET /console/budgets":                              c.budgets,
		"GET /console/log":                                  c.log,
		"POST /console/log/verify":                          c.verifyLog,
		"GET /console/approvals":                            c.approvals,
		"GET /console/steward":                              c.steward,
		"GET /console/steward/proposals/{subject}/{digest}": c.proposal,
		"GET /console/data":                                 c.data,
		"GET /console/data/running":                         c.running,
		"GET /console/training":                             c.training,
		"GET /console/training/{job}":                       c.trainingJob,
		"GET /console/training/{job}/{file}":                c.trainingFile,
		"/console/":                                         func(*view) error { return errNotFound },
	} {
		c.mux.HandleFunc(path, c.signedIn(page))
	}
}

// ServeHTTP serves a page below /console.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", securityPolicy)
	h.Set("Vary", "Cookie, Accept-Language")
	c.mux.ServeHTTP(w, r)
}

// securityPolicy lets pages have their own style sheet and script and nothing else:
// nothing inline, nothing from elsewhere.
const securityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
