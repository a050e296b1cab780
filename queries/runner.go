package queries

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"golang.org/x/time/rate"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Store keeps the bytes of answers. Put is durable when it returns. Ready says before a
// charge whether an answer could be kept.
type Store interface {
	Ready() error
	Put(digest string, body []byte) error
	Get(digest string) ([]byte, error)
}

// Options are what a Runner is made of. Every field is required unless it says
// otherwise.
type Options struct {
	Catalog *Catalog
	Policy  *policy.Policy // to begin with, see Enforce
	// State is the fold of the log; Ledger, where the Runner may charge, the log
	// itself. Without Ledger, Store and what answers a Runner estimates only.
	State  *ledger.State
	Ledger *ledger.Ledger
	// Engine answers in this process, see [InProcess]; Answerer, in place of it, as
	// it likes.
	Engine   Engine
	Answerer Answerer
	Store    Store
	// Source tells the public facts of a snapshot.
	Source func(snapshot string) (Source, error)
	// Epoch is the opt-out epoch in force at a time.
	Epoch func(time.Time) int64
	// Secret keys canonical keys and request digests; 32 bytes of the domain.
	Secret []byte
	// Sign and SignSM2 sign receipts, with Ed25519 and with SM2. Without both there are none.
	Sign, SignSM2 dsse.Signer
	Now           func() time.Time // default time.Now
	// MaxRuns is how many charged requests may await their slots at once; default
	// 8. More are refused before they are charged, so that they cannot make each
	// other miss their slots.
	MaxRuns int
	// MaxInFlight is how many requests one organisation may have between asking and
	// slot at once, those that follow another's run included; default 4.
	MaxInFlight int
	// Fatal is told of an answer that was drawn and could not be kept: to go on would
	// be to charge for what nobody gets. Default: nothing is done.
	Fatal func(error)
}

// Runner takes requests through authorise, price, charge, run, noise and
// release. It is safe for concurrent use.
type Runner struct {
	Options
	inForce policy.InForce
	closing chan struct{} // closed with the Runner: nobody waits for witnesses any more
	once    sync.Once
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	tickets map[string]*ticket       // by request id
	working int                      // charged requests whose slots are to come
	retired []string                 // of followers that ended with nothing, oldest first
	leaves  map[string]*rate.Limiter // by organisation: of leaves that cost nothing
}

// NewRunner checks the options and makes a Runner. Close waits for its runs.
func NewRunner(o Options) (*Runner, error) {
	switch {
	case o.Catalog == nil, o.Policy == nil, o.State == nil, o.Source == nil, o.Epoch == nil:
		return nil, errors.New("queries: a runner needs a catalog, a policy, books, sources and epochs")
	case len(o.Secret) < 32:
		return nil, errors.New("queries: the secret is shorter than 32 bytes")
	}
	if o.Answerer == nil && o.Engine != nil {
		o.Answerer = InProcess(o.Engine)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxRuns <= 0 {
		o.MaxRuns = 8
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = 4
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Runner{Options: o, ctx: ctx, stop: stop, tickets: map[string]*ticket{}, leaves: map[string]*rate.Limiter{}, closing: make(chan struct{})}
	r.inForce.Put(o.Policy)
	return r, nil
}

// Enforce replaces the policy, once the log has it. Requests that are being decided go on
// by the one they began with; the log holds their charges to the one in force.
func (r *Runner) Enforce(p *policy.Policy) { r.inForce.Put(p) }

func (r *Runner) rules() *policy.Policy { return r.inForce.Policy() }

// approved wants the policy and the template to have their approvals still. The log holds
// the charge to the same, and to the snapshot's; here the price is not told in vain.
func (r *Runner) approved(principal string, t *Template) error {
	if err := r.State.GrantApproved(r.Now()); err != nil {
		return err
	}
	return r.State.TemplateApproved(t.Ref(), t.Digest(), r.Now(), principal)
}

// Close lets running requests come to their slot, so that what was charged is
// answered, and then stops. A second Close does nothing.
func (r *Runner) Close() {
	r.once.Do(func() { close(r.closing) })
	r.running.Wait()
	r.stop()
}

// price takes a request as far as it goes without touching the books: steps 1,
// 2 and 4 of the way of a request.
func (r *Runner) price(principal string, req Request) (*priced, policy.Decision, error) {
	t, err := r.Catalog.Find(req.Template)
	if err != nil {
		return nil, policy.Decision{}, err
	}
	leaf := r.policyLeaf()
	decision, err := r.rules().Decide(policy.Ask{
		Principal: principal, Purpose: req.Purpose, At: r.Now(),
		Template: policy.TemplateRef{ID: t.ID, Version: t.Version, Digest: t.Digest(), Certified: r.Catalog.Certified(t), Audiences: t.Audiences, Purposes: t.Purposes},
	})
	if err == nil {
		err = r.approved(principal, t)
	}
	if err != nil {
		return nil, decision, err
	}
	o, err := r.order(t, req, decision)
	if err != nil {
		return nil, decision, err
	}
	q := o.question
	if o.Want, err = req.want(); err != nil {
		return nil, decision, err
	}
	if err := o.price(); err != nil {
		return nil, decision, q.explain(err, req, o.Cap)
	}
	p := &priced{Question: q, order: o, plan: o.plan, key: q.canonicalKey(r.Secret), people: r.rules().PublicPeople, policy: leaf, evaluation: r.rules().Mode == policy.ModeEvaluation}
	if p.people == 0 {
		p.people = req.PublicPeople
	}
	for _, y := range q.Years {
		p.scopes = append(p.scopes, r.rules().Population+"/"+strconv.Itoa(y))
	}
	p.scopes = append(p.scopes, r.rules().Population+"/life")
	return p, decision, nil
}

// policyLeaf is the GRANT leaf of the policy that requests are decided under, -1 where the
// log has another in force already. It is looked at before the policy is: whatever comes
// into force after that has a later leaf, and the log refuses the charge.
func (r *Runner) policyLeaf() int64 {
	leaf, digest := r.State.PolicyInForce()
	if digest != r.rules().Digest() {
		return -1
	}
	return leaf
}

// order is the request compiled, on the newest snapshot.
func (r *Runner) order(t *Template, req Request, d policy.Decision) (*Order, error) {
	snapshots := r.State.Snapshots()
	if len(snapshots) == 0 {
		return nil, ErrNoSnapshot
	}
	src, err := r.Source(snapshots[len(snapshots)-1])
	if err != nil {
		return nil, err
	}
	if req.PublicPeople < 0 {
		return nil, fmt.Errorf("%w: public_people is below 0", ErrParameter)
	}
	src.From, src.To = r.rules().PublicFrom, r.rules().PublicTo
	o := &Order{
		Coarse: req.Coarse, Parameters: req.Parameters, Source: src, K: d.K, NoisyK: d.NoisyK,
		Cap: tighter(d.Caps.Year, d.Caps.Life),
	}
	if err := r.Catalog.compileOrder(t, o); err != nil {
		return nil, err
	}
	return o, o.question.checkOnly(req.Only)
}

// Estimate prices a request from public facts and the books. Nothing is
// charged and no data is touched.
func (r *Runner) Estimate(_ context.Context, principal string, req Request) (*Estimate, error) {
	p, d, err := r.price(principal, req)
	if err != nil {
		return nil, err
	}
	if err := p.checkEmpty(req.AllowEmpty); err != nil {
		return nil, err
	}
	measures, err := p.expected()
	if err != nil {
		return nil, err
	}
	cost := p.plan.Cost()
	e := &Estimate{
		Template: p.Template.Ref(), Catalogue: p.Template.Catalogue, Title: p.Template.Title, Coarse: p.Coarse,
		Parameters: p.Parameters, Purpose: d.Purpose,
		Rho: cost.RhoFloat(), Delta: cost.DeltaFloat(), DisplayDelta: r.rules().ConversionDelta,
		Epsilon: dp.Epsilon(cost, r.rules().ConversionDelta), K: d.K,
		Measures: measures, Groups: p.Groups, MaxGroups: p.Job.Spec.L0, SmallestGroup: p.plan.SmallestGroup(),
		PublicPeople: p.people, ExpectedGroup: p.expectedGroup(), Fits: true,
		SlotSeconds: seconds(r.rules().Slot()), Notes: p.notes(),
	}
	// Only what is the caller's own is told for nothing: what others have asked
	// is their secret until the log says who is given it.
	if rel, ok := r.stored(p); ok {
		e.Free = r.State.Handed(rel.ID, principal)
	}
	e.Suspended = r.State.Suspended(p.Template.Ref())
	r.addScopes(e, p, cost)
	r.addQuota(e, p, d.Grant, cost)
	return e, nil
}

// addScopes fills in what each budget has left, and what would fit if this does not.
func (r *Runner) addScopes(e *Estimate, p *priced, cost dp.Cost) {
	for _, scope := range p.scopes {
		s := r.share(scope, cost)
		if s.Cap > 0 {
			s.Share = round(cost.RhoFloat() / s.Cap)
		}
		if !s.Fits {
			e.Fits = false
			e.FitsAt = max(e.FitsAt, fitsAt(p.reference(), cost.RhoFloat(), s.Cap-s.Spent-s.Held))
		}
		e.Scopes = append(e.Scopes, s)
	}
}

// addQuota fills in what the grant's quota has left, where it has one.
func (r *Runner) addQuota(e *Estimate, p *priced, g policy.Grant, cost dp.Cost) {
	quota, err := dp.Rho(g.QuotaRho)
	if err != nil { // 0: only the caps limit it
		return
	}
	spent, held := r.State.Quota(g.ID), r.State.HeldQuota(g.ID, r.Now())
	left := dp.Cost{Rho: max(0, quota-spent-held)}
	q := &QuotaShare{Grant: g.ID, Quota: g.QuotaRho, Spent: dp.Cost{Rho: spent}.RhoFloat(), Held: dp.Cost{Rho: held}.RhoFloat(), Fits: cost.Rho <= left.Rho}
	if e.Quota = q; !q.Fits {
		e.Fits = false
		e.FitsAt = max(e.FitsAt, fitsAt(p.reference(), cost.RhoFloat(), left.RhoFloat()))
	}
}

// share says how a scope stands, and whether a cost fits beside what is spent in it and
// set aside.
func (r *Runner) share(scope string, cost dp.Cost) ScopeShare {
	limit, _ := r.State.Cap(scope)
	spent, held := r.State.Spent(scope), r.State.Held(scope, r.Now())
	after, err := spent.Plus(held)
	if err == nil {
		after, err = after.Plus(cost)
	}
	return ScopeShare{
		Scope: scope, Cap: limit.RhoFloat(), Spent: spent.RhoFloat(), Held: held.RhoFloat(),
		CapDelta: limit.DeltaFloat(), SpentDlt: spent.DeltaFloat(), Fits: err == nil && after.Fits(limit),
	}
}

// notes are the template's limits, and what the source's declared facts add.
func (q *Question) notes() []Text {
	out := append([]Text{{
		EN: "Intervals are for the noise. Households are not protected as a unit.",
		ZH: "区间仅反映噪声。家庭不作为受保护单位。",
	}}, q.Template.Notes...)
	if slices.ContainsFunc(q.Template.Measures, func(m Measure) bool { return m.Kind == "survival" }) {
		out[0] = Text{
			EN: "Bands of curves carry the noise and the error of the sample (Greenwood); noise_low and noise_high are the noise alone. Other intervals are for the noise. Households are not protected as a unit.",
			ZH: "曲线区间同时反映噪声与抽样误差（Greenwood），noise_low 与 noise_high 仅为噪声；其余区间仅反映噪声。家庭不作为受保护单位。",
		}
	}
	for _, fact := range slices.Sorted(maps.Keys(q.Template.SourceNotes)) {
		if _, declared := q.facts[fact]; declared {
			out = append(out, q.Template.SourceNotes[fact])
		}
	}
	return append(out, q.moneyNotes()...)
}

// tighter is the cap with less delta for its rho, so that delta runs out no
// sooner than rho in any scope.
func tighter(a, b dp.Cost) dp.Cost {
	if a.DeltaFloat()*b.RhoFloat() <= b.DeltaFloat()*a.RhoFloat() {
		return a
	}
	return b
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return "q-" + hex.EncodeToString(b[:])
}
