package federated

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Spend is the charge of one attempt.
type Spend struct {
	Job     secagg.Hash
	Source  Source // whose rows are used
	Purpose string
	Attempt uint64
	Record  string      // digest of the share's record: the charge is its commit point
	Root    secagg.Hash // of the transcript
	Epoch   int64       // of the opt-outs that the rows keep to
	Cost    dp.Cost
	Sigmas  map[string]float64
	Alone   bool // refuse it where another job was charged on the snapshot
}

// Books are a node's ledger as training uses it. A charge that Charge has returned is
// durable and never given back.
type Books interface {
	// Mark is the ledger's durable head and counter.
	Mark(ctx context.Context) (secagg.Mark, error)
	// Grown refuses (journal.ErrRollback) a mark that is not of an earlier time of this very
	// ledger: it must begin with what it was then.
	Grown(since secagg.Mark) error
	// Basis is what a job is charged on here, the same as long as it is open.
	Basis() Basis
	// Room refuses (ErrRefused) a job whose whole cost, spares included, does not fit,
	// or whose feature template and purpose are not granted. A budget without room is an
	// ErrRoom besides. What the job has set aside itself is room for it.
	Room(ctx context.Context, a Aside) error
	// Reserve sets the whole cost of a job aside, durably and once: nobody else's charge
	// takes it until the job is closed or its last day has passed. Nothing is changed for
	// a job that has set aside or charged before. Errors are those of Room, and ErrRefused
	// for a job that was closed.
	Reserve(ctx context.Context, a Aside) error
	// CloseJob gives back, durably, what the job has set aside and not charged; it
	// charges nothing more. Closing again, or what set nothing aside, is nil.
	CloseJob(ctx context.Context, job secagg.Hash) error
	// Charge appends a CHARGE. ErrRefused if the ledger's rules forbid it, and then
	// there is none; after any other error it may be there or not.
	Charge(ctx context.Context, s Spend) error
	// Charged are the job's attempts that have a CHARGE, with the records' digests.
	Charged(job secagg.Hash) map[uint64]string
	// Others are the other jobs that were charged on the same snapshot.
	Others(job secagg.Hash) []string
	// Settle closes charges whose slot has come; results are the digests of the sums.
	Settle(ctx context.Context, job secagg.Hash, results map[uint64]secagg.Hash) error
	// Settled says whether none of the job's charges waits for its slot.
	Settled(job secagg.Hash) bool
	// Proof shows an attempt's CHARGE to people without the ledger, and that the ledger
	// has grown from the mark which the attempt's HELLO showed, and from so many leaves as
	// the proof of the job's charge before had, 0 for the first.
	Proof(ctx context.Context, job secagg.Hash, attempt uint64, shown secagg.Mark, before int64) (ChargeProof, error)
}

// Aside is what a job is to have set aside.
type Aside struct {
	Job     secagg.Hash
	Source  Source
	Purpose string
	Whole   dp.Cost // every round, and the spares
	Until   string  // the card's last day
}

// Basis is the snapshot and the scopes of a job's charges.
type Basis struct {
	Snapshot string   `json:"snapshot"`
	Scopes   []string `json:"scopes"` // in order
}

// ChargeProof is a CHARGE leaf with its inclusion proof and the key of the log.
type ChargeProof struct {
	Leaf  string       `json:"leaf"` // base64
	Proof ledger.Proof `json:"proof"`
	Key   string       `json:"key"` // as ledger.VerifierKey writes it
	// Grown leads from the mark in the attempt's HELLO to the proof's checkpoint.
	Grown ledger.Consistency `json:"grown"`
	// After leads from the checkpoint of the job's charge before to the proof's: all its
	// charges are in one log. Empty for the first.
	After ledger.Consistency `json:"after"`
}

// LedgerBooks charge to a domain's ledger, the same that queries charge to.
type LedgerBooks struct {
	Ledger       *ledger.Ledger
	Key          string // ledger.VerifierKey, for proofs
	Principal    string // who trains, as the policy knows it
	By           string // the principal who asks for the job here; default Principal
	Organisation string
	Grant        string // covers the feature template, by id or id@version, and the purpose
	Snapshot     string
	Scopes       []string // population/life and the years that the source's parameters let it read
	// Slot is how long after its charge an attempt is closed: with a RELEASE that names
	// the sum, or with an ABANDON if there is none. Default 1 minute.
	Slot time.Duration
	Now  func() time.Time // for Room; default time.Now

	mu   sync.Mutex
	open []openCharge // made here and not yet closed; a restart closes what a crash left
}

type openCharge struct {
	job     secagg.Hash
	attempt uint64
	index   int64
	due     time.Time
}

// Mark is the size and root of the newest checkpoint, which is made for it.
func (b *LedgerBooks) Mark(ctx context.Context) (m secagg.Mark, err error) {
	text, err := b.Ledger.Checkpoint(ctx)
	if err != nil {
		return m, err
	}
	lines := bytes.SplitN(text, []byte("\n"), 4)
	if len(lines) < 4 {
		return m, fmt.Errorf("%w: the checkpoint has %d lines", ErrWire, len(lines))
	}
	size, err := strconv.ParseUint(string(lines[1]), 10, 64)
	root, err2 := base64.StdEncoding.DecodeString(string(lines[2]))
	if err = errors.Join(err, err2); err != nil || len(root) != len(m.Head) {
		return m, fmt.Errorf("%w: checkpoint: %v", ErrWire, err)
	}
	m.Counter = size
	copy(m.Head[:], root)
	return m, nil
}

// Grown compares the root of as many leaves as the mark has.
func (b *LedgerBooks) Grown(since secagg.Mark) error {
	if since.Counter == 0 {
		return nil // every log begins with nothing
	}
	root, err := b.Ledger.Root(int64(since.Counter))
	if err != nil && !errors.Is(err, ledger.ErrUnknown) {
		return err
	}
	if err != nil || since.Counter > math.MaxInt64 || root != since.Head {
		return fmt.Errorf("%w: its first %d leaves are not those it had", journal.ErrRollback, since.Counter)
	}
	return nil
}

// Basis gives the snapshot and the scopes that every charge names.
func (b *LedgerBooks) Basis() Basis {
	return Basis{Snapshot: b.Snapshot, Scopes: slices.Sorted(slices.Values(b.Scopes))}
}

// Room asks for the whole job in every scope and in the grant's quota.
func (b *LedgerBooks) Room(_ context.Context, a Aside) error {
	source := a.Source
	g, ok := b.Ledger.InForce()
	i := slices.IndexFunc(g.Grants, func(e ledger.Granted) bool { return e.ID == b.Grant })
	if !ok || i < 0 {
		return fmt.Errorf("%w: no grant %q is in force", ErrRefused, b.Grant)
	}
	e := g.Grants[i]
	id, _, _ := strings.Cut(source.Template, "@")
	switch {
	case e.Principal != b.Principal || !slices.Contains(e.Templates, id) && !slices.Contains(e.Templates, source.Template) || !slices.Contains(e.Purposes, a.Purpose):
		return fmt.Errorf("%w: grant %q is not for %s, this purpose and principal", ErrRefused, b.Grant, source.Template)
	}
	if r, ok := b.Ledger.ReservationOf(a.Job.String()); ok && r.Open(b.now()) {
		return nil
	}
	return ruled(b.Ledger.Room(b.Grant, b.Scopes, a.Whole, b.now()))
}

func (b *LedgerBooks) now() time.Time {
	if b.Now == nil {
		return time.Now()
	}
	return b.Now()
}

// Reserve appends a RESERVE, unless the job has one.
func (b *LedgerBooks) Reserve(ctx context.Context, a Aside) error {
	r, ok := b.Ledger.ReservationOf(a.Job.String())
	switch {
	case ok && r.Closed:
		return fmt.Errorf("%w: the job is closed in the ledger", ErrRefused)
	case ok && (r.Grant != b.Grant || r.Principal != b.Principal || !slices.Equal(r.Scopes, b.Basis().Scopes)):
		return fmt.Errorf("%w: the job has set aside under another grant or in other scopes", ErrRefused)
	case ok && !r.Open(b.now()) || !ok && len(b.Charged(a.Job)) > 0:
		return nil // each charge is asked for
	case ok:
		return b.Room(ctx, a)
	}
	if err := b.Room(ctx, a); err != nil {
		return err
	}
	_, err := b.Ledger.Reserve(ctx, b.Reservation(a))
	return ruled(err)
}

// Reservation is what Reserve appends: in a supervised domain two people have approved its
// terms.
func (b *LedgerBooks) Reservation(a Aside) ledger.Reserve {
	return ledger.Reserve{
		Job: a.Job.String(), Principal: b.Principal, Organisation: b.Organisation, Grant: b.Grant, Purpose: a.Purpose,
		Template: a.Source.Template, TemplateDigest: a.Source.Digest, Scopes: b.Scopes, Cost: a.Whole, Until: a.Until,
		By: cmp.Or(b.By, b.Principal), Rules: ledger.RulesNow,
	}
}

// CloseJob appends a CLOSE, where there is something to close.
func (b *LedgerBooks) CloseJob(ctx context.Context, job secagg.Hash) error {
	r, ok := b.Ledger.ReservationOf(job.String())
	if !ok || r.Closed {
		return nil
	}
	_, err := b.Ledger.CloseReserve(ctx, r.Index)
	return err
}

// ruled makes a refusal of the ledger's rules an ErrRefused, and of its caps and quotas
// an ErrRoom too. Other errors pass.
func ruled(err error) error {
	var full *ledger.BudgetError
	if errors.As(err, &full) {
		return fmt.Errorf("%w: %w: the budget of %s does not cover the job with its spares", ErrRefused, ErrRoom, full.Scope)
	}
	for _, rule := range []error{
		ledger.ErrGrant, ledger.ErrSnapshot, ledger.ErrSuspended, ledger.ErrNoCaps,
		ledger.ErrDuplicate, ledger.ErrLeaf, ledger.ErrConflict, ledger.ErrReserve, ledger.ErrApproval,
	} {
		if errors.Is(err, rule) {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return err
}

func chargeID(job secagg.Hash, attempt uint64) string { return fmt.Sprintf("%s-%d", job, attempt) }

// Charge charges an attempt. Its id is the job's and attempt's, which the ledger takes
// once, whatever became of the journal. The transcript's root stands as its
// idempotency digest: no two attempts have the same.
func (b *LedgerBooks) Charge(ctx context.Context, s Spend) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	slot := b.Slot
	if slot <= 0 {
		slot = time.Minute
	}
	due := b.Ledger.Now().Add(max(slot.Truncate(time.Second), time.Second))
	// Each job has books of its own: only the ledger sees them all.
	other := func(c ledger.Charge) bool { return s.Alone && b.another(c, s.Job) }
	charge := ledger.Charge{
		ID: chargeID(s.Job, s.Attempt), Principal: b.Principal, Organisation: b.Organisation, Grant: b.Grant, Purpose: s.Purpose,
		Template: s.Source.Template, Catalogue: ledger.Training, TemplateDigest: s.Source.Digest, Idempotency: s.Root.String(),
		Key: s.Job.String(), Snapshot: b.Snapshot, Epoch: s.Epoch, Scopes: b.Scopes, Cost: s.Cost, Sigmas: s.Sigmas,
		Due: due, Request: s.Record,
	}
	var index int64
	err := error(ledger.ErrPolicy)
	for errors.Is(err, ledger.ErrPolicy) { // all that an attempt takes from the policy the ledger looks at itself
		charge.Policy, _ = b.Ledger.PolicyInForce()
		index, err = b.Ledger.ChargeUnless(ctx, charge, other)
	}
	if err == nil {
		b.open = append(b.open, openCharge{s.Job, s.Attempt, index, due})
	}
	return ruled(err)
}

// mine are the charges of training.
func (b *LedgerBooks) mine() []ledger.Request {
	return slices.DeleteFunc(b.Ledger.Requests(), func(r ledger.Request) bool { return r.Catalogue != ledger.Training })
}

// attemptOf reads the attempt from a charge's id, 0 for none.
func attemptOf(r ledger.Charge) uint64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(r.ID, r.Key+"-"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Charged reads the job's charges from the ledger.
func (b *LedgerBooks) Charged(job secagg.Hash) map[uint64]string {
	out := map[uint64]string{}
	for _, r := range b.mine() {
		if r.Key == job.String() {
			out[attemptOf(r.Charge)] = r.Request
		}
	}
	return out
}

// Others reads the jobs charged on the same snapshot.
func (b *LedgerBooks) Others(job secagg.Hash) []string {
	var out []string
	for _, r := range b.mine() {
		if b.another(r.Charge, job) && !slices.Contains(out, r.Key) {
			out = append(out, r.Key)
		}
	}
	return out
}

// another says whether a charge is another job's on the same snapshot.
func (b *LedgerBooks) another(c ledger.Charge, job secagg.Hash) bool {
	return c.Catalogue == ledger.Training && c.Snapshot == b.Snapshot && c.Key != job.String()
}

// Settle releases or abandons open charges at their slot.
func (b *LedgerBooks) Settle(ctx context.Context, job secagg.Hash, results map[uint64]secagg.Hash) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var left []openCharge
	for i, c := range b.open {
		if c.job != job || b.Ledger.Now().Before(c.due) {
			left = append(left, c)
			continue
		}
		err := error(ledger.ErrLate)
		if sum, ok := results[c.attempt]; ok {
			_, err = b.Ledger.Release(ctx, ledger.Release{Charge: c.index, ID: chargeID(job, c.attempt), Digest: sum.String()})
		}
		// That two sums were the same bytes, noise and all, nobody would believe: burnt.
		if errors.Is(err, ledger.ErrLate) || errors.Is(err, ledger.ErrSameAnswer) {
			_, err = b.Ledger.Abandon(ctx, c.index)
		}
		if err != nil {
			b.open = append(left, b.open[i:]...)
			return err
		}
	}
	b.open = left
	return nil
}

// Settled looks at the charges made since the ledger was opened.
func (b *LedgerBooks) Settled(job secagg.Hash) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !slices.ContainsFunc(b.open, func(c openCharge) bool { return c.job == job })
}

// Proof proves an attempt's charge under a checkpoint.
func (b *LedgerBooks) Proof(ctx context.Context, job secagg.Hash, attempt uint64, shown secagg.Mark, before int64) (p ChargeProof, err error) {
	t, ok := b.Ledger.Trace(chargeID(job, attempt))
	if !ok {
		return p, fmt.Errorf("%w: attempt %d is not charged", ErrRefused, attempt)
	}
	if _, err := b.Ledger.Checkpoint(ctx); err != nil {
		return p, err
	}
	_, raw, err := b.Ledger.Leaf(t.Request.Index)
	if err != nil {
		return p, err
	}
	p.Leaf, p.Key = base64.StdEncoding.EncodeToString(raw), b.Key
	if p.Proof, err = b.Ledger.Proof(t.Request.Index); err != nil {
		return p, err
	}
	if shown.Counter < 1 || shown.Counter > uint64(p.Proof.Size) || before > p.Proof.Size {
		return p, nil // of another ledger: there is nothing to prove, and verifying fails
	}
	if before > 0 {
		if p.After, err = b.Ledger.Consistency(before, p.Proof); err != nil {
			return p, err
		}
	}
	p.Grown, err = b.Ledger.Consistency(int64(shown.Counter), p.Proof)
	return p, err
}
