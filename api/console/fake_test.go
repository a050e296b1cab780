package console

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/certify"
)

// glog, which package dp draws in, keeps a goroutine of its own.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"))
}

// noon is the time in tests.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// domain is a service whose requests a test moves. An answer that is fetched before it is
// due is a mistake of the pages, and noted.
type domain struct {
	t       testing.TB
	mu      sync.Mutex
	asked   []queries.Request
	byKey   map[string]string
	tickets map[string]*queries.Ticket
	owner   map[string]string
	stored  map[string][]byte
	early   int
	rho     float64 // of every question
	folds   int     // of the register
	quota   *queries.QuotaShare
	deleted map[string]ledger.Deletion // releases, by their ids
	repeats []ledger.Trace             // oldest first
	handed  map[[2]string]bool         // releases to who has not asked for them
	replays int                        // leaves that say so
	later   atomic.Int64               // seconds that the server is ahead
	waiting atomic.Int64               // streams that wait for an answer
	err     error
	catalog *queries.Catalog
	rules   *policy.Policy
}

func (d *domain) price() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rho
}

func (d *domain) Estimate(_ context.Context, _ string, r queries.Request) (*queries.Estimate, error) {
	if d.err != nil {
		return nil, d.err
	}
	return &queries.Estimate{
		Quota: d.quota, Template: r.Template, Catalogue: "I3", Rho: d.price(), Delta: 1e-12, K: 20, SmallestGroup: 230, Fits: true, SlotSeconds: 10, ExpectedGroup: 2000,
		Scopes:   []queries.ScopeShare{{Scope: "city/2025", Cap: 1, Spent: 0.1, CapDelta: 1e-9, Share: 0.01, Fits: true}, {Scope: "city/life", Cap: 1, Spent: 0.2, CapDelta: 1e-9, Share: 0.01, Fits: true}},
		Measures: []queries.Expected{{Name: "severity", Title: queries.Text{EN: "Mean claim", ZH: "次均费用"}, Unit: "fen", HalfWidth: 123456, At: 1000}},
	}, nil
}

func (d *domain) Ask(_ context.Context, principal string, r queries.Request, key string) (queries.Ticket, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return queries.Ticket{}, d.err
	}
	if id, ok := d.byKey[principal+key]; ok {
		return *d.tickets[id], nil
	}
	if r.MaxRho == 0 {
		d.t.Error("a question is asked at any price")
	}
	if d.rho > r.MaxRho {
		return queries.Ticket{}, fmt.Errorf("%w: it costs rho %g now", queries.ErrPrice, d.rho)
	}
	d.asked = append(d.asked, r)
	t := d.addLocked(principal, nil)
	d.byKey[principal+key] = t.ID
	return *t, nil
}

// add makes a request of somebody's: running, or released with an answer.
func (d *domain) add(owner string, answer *queries.Release) *queries.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addLocked(owner, answer)
}

func (d *domain) addLocked(owner string, answer *queries.Release) *queries.Ticket {
	id := fmt.Sprintf("q-%032x", len(d.tickets)+1)
	t := &queries.Ticket{ID: id, Release: id, State: queries.Running, Due: noon.Add(9 * time.Second), Charged: true}
	d.tickets[id], d.owner[id] = t, owner
	if answer != nil {
		d.releaseLocked(id, answer)
	}
	return t
}

func (d *domain) release(id string, answer *queries.Release) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.releaseLocked(id, answer)
}

func (d *domain) releaseLocked(id string, answer *queries.Release) {
	answer.ID = id
	b, err := json.Marshal(answer)
	if err != nil {
		d.t.Fatal(err)
	}
	d.stored[id], d.tickets[id].State = b, queries.Released
}

func (d *domain) Status(principal, id string) (queries.Ticket, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.tickets[id]; t != nil && d.owner[id] == principal {
		return *t, nil
	}
	return queries.Ticket{}, fmt.Errorf("%w: %s", queries.ErrUnknownRequest, id)
}

func (d *domain) Wait(ctx context.Context, principal, id string) (queries.Ticket, error) {
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	for {
		t, err := d.Status(principal, id)
		if err != nil || t.State != queries.Running {
			return t, err
		}
		select {
		case <-ctx.Done():
			return t, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (d *domain) Cancel(principal, id string) error {
	_, err := d.Status(principal, id)
	if err == nil {
		d.mu.Lock()
		d.tickets[id].Cancelled = true
		d.mu.Unlock()
	}
	return err
}

func (d *domain) Answer(principal, id string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tickets[id]
	if d.deleted[id].Leaf > 0 {
		return nil, fmt.Errorf("%w: its file was deleted", queries.ErrUnknownRequest)
	}
	if t == nil || d.owner[id] != principal && d.rules.May(principal, policy.ReadReleases) != nil {
		return nil, fmt.Errorf("%w: %s", queries.ErrUnknownRequest, id)
	}
	if t.State == queries.Running {
		d.early++
		return nil, fmt.Errorf("%w: %s is not due yet", queries.ErrUnknownRequest, id)
	}
	if to := [2]string{id, principal}; d.owner[id] != principal && !d.handed[to] {
		d.handed[to] = true
		d.replays++
	}
	return d.stored[id], nil
}

func (d *domain) Receipt(_ context.Context, principal, id string) ([]byte, error) {
	if d.deleted[id].Leaf > 0 {
		return d.stored[id], nil
	}
	return d.Answer(principal, id)
}

func (d *domain) Budgets() []queries.ScopeShare {
	return []queries.ScopeShare{{Scope: "city/2025", Cap: 1, Spent: 0.25, CapDelta: 1e-9}, {Scope: "city/life", Cap: 1, Spent: 0.25, Held: 0.1, CapDelta: 1e-9}}
}

// History is for scripts: the console reads the log's requests.
func (d *domain) History(string) []queries.Asked { return nil }

func (d *domain) Register() *queries.Register {
	d.mu.Lock()
	d.folds++
	d.mu.Unlock()
	return &queries.Register{Population: "city", Entries: []queries.RegisterEntry{
		{Day: "2025-11-03", State: queries.Released, Costs: []queries.RegisterShare{{Scope: "2025", Share: 0.25}, {Scope: "life", Share: 0.25}}},
	}}
}

// requests are the charges of the log: one of each ticket.
func (d *domain) requests() []ledger.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []ledger.Request
	for i := range len(d.tickets) {
		id := fmt.Sprintf("q-%032x", i+1)
		out = append(out, ledger.Request{
			Charge: ledger.Charge{ID: id, Principal: d.owner[id], Organisation: d.owner[id], Grant: "evaluation-" + d.owner[id], Template: "claim-severity@1.1.0", Catalogue: "I3", Purpose: "commercial-health-insurance", Scopes: []string{"city/2025", "city/life"}, Cost: dp.Cost{Rho: 1e10}},
			Index:  int64(2 * i), Release: int64(2*i + 1), Time: noon, Deleted: d.deleted[id].Leaf > 0, Digest: strings.Repeat("b", 64),
		})
	}
	return out
}

func (d *domain) past(principal string, most int) (out []ledger.Request) {
	all := d.requests()
	for i := len(all) - 1; i >= 0 && len(out) < most; i-- {
		if all[i].Principal == principal {
			out = append(out, all[i])
		}
	}
	return out
}

func (d *domain) charged(leaf int64) (ledger.Request, bool) {
	for _, r := range d.requests() {
		if leaf == r.Index || leaf == r.Release {
			return r, true
		}
	}
	return ledger.Request{}, false
}

func (d *domain) repeated(principal string, most int) (out []ledger.Trace) {
	for _, t := range d.repeats {
		if t.By == principal && len(out) < most {
			out = append([]ledger.Trace{t}, out...)
		}
	}
	return out
}

func (d *domain) deletion(release int64) (ledger.Deletion, bool) {
	r, _ := d.charged(release)
	gone, ok := d.deleted[r.ID]
	return gone, ok
}

func (d *domain) trace(id string) (ledger.Trace, bool) {
	for _, t := range d.repeats {
		if t.ID == id {
			return t, true
		}
	}
	for _, r := range d.requests() {
		if r.ID == id {
			return ledger.Trace{ID: id, By: r.Principal, Time: r.Time, Purpose: r.Purpose, Request: r}, true
		}
	}
	return ledger.Trace{}, false
}

func (d *domain) handedTo(id, principal string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.owner[id] == principal || d.handed[[2]string{id, principal}]
}

// published is a log of a few leaves, in one entry bundle.
type published struct{ leaves []ledger.Body }

func (p published) Checkpoint() []byte { return fmt.Appendf(nil, "city\n%d\nroot\n", len(p.leaves)) }

func (p published) Tile(_ string, t tlog.Tile) ([]byte, error) {
	var out []byte
	for i, b := range p.leaves[:t.W] {
		raw, err := ledger.Encode(ledger.Leaf{Index: int64(i), Time: noon, Previous: strings.Repeat("0", 64), Body: b})
		if err != nil {
			return nil, err
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(raw))), raw...)
	}
	return out, nil
}

func (p published) Handover(string, int) ([]byte, error) { return nil, ledger.ErrUnknown }

// known are the principals of an evaluation domain and their tokens.
type known map[string]string

func (k known) Principal(_ context.Context, token string) (string, error) {
	if who, ok := k[token]; ok {
		return who, nil
	}
	return "", api.ErrToken
}

var tokens = known{"token-a": "insurer-a", "token-b": "pharma-b", "token-r": "regulator-r", "token-s": "steward-s", "token-n": "node-n"}

// approvals are a policy that waits, the one in force, and a template.
type approvals struct{}

func (approvals) Proposals(string) (api.ProposalList, error) {
	until := noon.AddDate(0, 6, 0)
	return api.ProposalList{Population: "city", Notes: []string{"a file is no proposal"}, Proposals: []api.Proposal{
		{Subject: "grant", Name: "policy.yaml", Detail: "k_floor: 20\nmode: supervised", Digest: strings.Repeat("1", 64), InForce: true, Approved: []api.ApprovalEntry{{Person: "ada", Until: until}}},
		{Subject: "grant", Name: "policy.yaml", Detail: "k_floor: 30\nmode: supervised", Digest: strings.Repeat("2", 64), Replaces: strings.Repeat("1", 64), By: []string{"steward-s"}, Barred: []string{"bo"}},
		{Subject: "template", Name: "claim-severity@1.1.0", Detail: "id: claim-severity", Digest: strings.Repeat("3", 64)},
	}}, nil
}

func (approvals) Approve(context.Context, string, ledger.Approve) (int64, error) {
	return 0, ledger.ErrApproval
}

// site serves the console over a domain of tests.
func site(t testing.TB, change ...func(*Options)) (*httptest.Server, *domain) {
	t.Helper()
	clients, _, d := listeners(t, change...)
	return clients, d
}

// listeners are site's, with the domain's own.
func listeners(t testing.TB, change ...func(*Options)) (clients, internal *httptest.Server, d *domain) {
	t.Helper()
	catalog, err := queries.LoadCatalog(os.DirFS("../../queries/templates"))
	if err != nil {
		t.Fatal(err)
	}
	offers := []policy.Offer{}
	for _, x := range catalog.Templates() {
		offers = append(offers, policy.Offer{Template: x.Ref(), Audiences: x.Audiences, Purposes: x.Purposes})
	}
	rules, err := policy.Parse("policy.yaml", policy.Evaluation(policy.EvaluationOptions{
		Population: "city", PublicPeople: 500_000, PublicWindow: "2016-01-01..2025-12-31", Offers: offers, Until: noon.AddDate(1, 0, 0),
	}))
	if err != nil {
		t.Fatal(err)
	}
	d = &domain{t: t, rho: 0.01, deleted: map[string]ledger.Deletion{}, handed: map[[2]string]bool{}, byKey: map[string]string{}, tickets: map[string]*queries.Ticket{}, owner: map[string]string{}, stored: map[string][]byte{}, catalog: catalog, rules: rules}
	certificates, err := certify.Recorded(os.DirFS("../../queries/templates"))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Service: d, Catalog: catalog, Certificates: certificates, Policy: func() *policy.Policy { return rules }, Past: d.past, Repeats: d.repeated, Deletion: d.deletion, Charged: d.charged, Trace: d.trace, Handed: d.handedTo,
		Published: published{[]ledger.Body{
			&ledger.Snapshot{Snapshot: strings.Repeat("5", 64), By: "steward-s"},
			&ledger.Deny{Principal: "pharma-b", Organisation: "pharma-b", Template: "claim-severity@1.1.0", Rule: "audience"},
		}},
		CheckReceipt: func(_, release []byte) (*queries.Statement, error) {
			s := &queries.Statement{Subject: []queries.Subject{{Digest: map[string]string{"sha256": strings.Repeat("a", 64)}}}}
			s.Predicate.Mode, s.Predicate.K = "supervised", "20"
			s.Predicate.Approvals = []queries.Approved{{Subject: "grant", Who: "ada", Leaf: 3}}
			return s, nil
		},
		CheckLog: func(context.Context) (*LogReport, error) {
			return &LogReport{Leaves: 2, Findings: []Finding{{1, "root-mismatch", "the root is another"}}}, nil
		},
		Reservations: func() []ledger.Reservation {
			return []ledger.Reservation{{Reserve: ledger.Reserve{Job: strings.Repeat("7", 64), Template: "claim-cost@1.0.0", Until: "2026-03-01", Purpose: "health-management", Cost: dp.Cost{Rho: 1e11}}}}
		},

		Approvals: approvals{},
		Snapshots: func() []ledger.Snapshot {
			return []ledger.Snapshot{{Snapshot: strings.Repeat("5", 64), By: "steward-s"}}
		},
		Now: func() time.Time { return noon },
	}
	for _, c := range change {
		c(&o)
	}
	server, err := api.New(api.Options{
		Now:    func() time.Time { return time.Now().Add(time.Duration(d.later.Load()) * time.Second) },
		Runner: d, Catalog: catalog, Policy: rules, Tokens: tokens, Register: d,
		Console: func(h *api.Host) (http.Handler, error) { return New(h, o) },
	})
	if err != nil {
		t.Fatal(err)
	}
	clients, internal = httptest.NewServer(server.Handler()), httptest.NewServer(server.Internal())
	t.Cleanup(func() { server.Close(); clients.Close(); internal.Close() })
	return clients, internal, d
}

// browser is a client with cookies that goes on where it is sent.
type browser struct {
	t    testing.TB
	c    *http.Client
	base string
	lang string
}

// page is what a browser got.
type gotPage struct {
	status int
	path   string
	body   string
	header http.Header
}

func newBrowser(t testing.TB, s *httptest.Server, lang string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar, Transport: s.Client().Transport}, s.URL, lang}
}

// signedIn is a browser whose user has pasted a token.
func signedIn(t testing.TB, s *httptest.Server, token, lang string) *browser {
	t.Helper()
	b := newBrowser(t, s, lang)
	b.get("/console/sign-in")
	if p := b.post("/console/sign-in", url.Values{"token": {token}}); p.status != http.StatusOK || p.path != "/console/" {
		t.Fatalf("sign-in ended at %d %s", p.status, p.path)
	}
	return b
}

func (b *browser) do(r *http.Request) gotPage {
	b.t.Helper()
	r.Header.Set("Accept-Language", b.lang)
	res, err := b.c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var text strings.Builder
	if _, err := fmt.Fprint(&text, readAll(b.t, res)); err != nil {
		b.t.Fatal(err)
	}
	return gotPage{res.StatusCode, res.Request.URL.RequestURI(), text.String(), res.Header}
}

func (b *browser) get(path string) gotPage {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

var tokenField = regexp.MustCompile(`name="form_token" value="([^"]*)"`)

// post sends a form with the token that the console's pages give this browser.
func (b *browser) post(path string, form url.Values) gotPage {
	b.t.Helper()
	if !form.Has("form_token") {
		m := tokenField.FindStringSubmatch(b.get("/console/sign-in").body)
		form.Set("form_token", m[1])
	}
	r, err := http.NewRequest(http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}
