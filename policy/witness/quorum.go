package witness

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Consistency proves that the log's first old leaves are the beginning of its first size
// leaves: RFC 6962 section 2.1.2. It is called for 0 < old < size, from several
// goroutines, and perhaps after Cosign has returned, while the log grows; once the log is
// closed it may fail.
type Consistency = func(ctx context.Context, old, size int64) ([]tlog.Hash, error)

// QuorumOptions say which witnesses a log asks.
type QuorumOptions struct {
	Witnesses []*Client // no two of one name or key. Required
	Quorum    int       // how many must cosign, from 1 to their number. Required
	// Of is how many witnesses the policy names, where not all of them can be asked here:
	// every quorum of these has to have one among those that answer. Default all are here.
	Of int
	// Keys are the log's own, in the text form of signed notes, the older ones too: a
	// longer log that a witness shows is proven by any of them. Required.
	Keys   []string
	Origin string // the log's. Required.
	// Timeout bounds how long a checkpoint waits for its quorum; default 15 s.
	Timeout time.Duration
	// Say is told of every witness that did not cosign, whether or not the quorum was
	// met without it. It may be called from several goroutines. Default nobody is told.
	Say func(witness string, err error)
	// Now is the clock, default the system's.
	Now func() time.Time
}

// Quorum asks witnesses to cosign the checkpoints of one log. It is safe for concurrent
// use; checkpoints wait for one another.
type Quorum struct {
	o      QuorumOptions
	policy *Policy
	asked  []*asked

	one   sync.Mutex // one checkpoint at a time
	mu    sync.Mutex
	own   []note.Verifier // the log's keys
	ended error           // an *AheadError or *ForkError that was proven: it stands

	ctx  context.Context
	stop context.CancelFunc
	busy sync.WaitGroup
}

// NewQuorum checks the options; what is wrong with them is ErrKey.
func NewQuorum(o QuorumOptions) (*Quorum, error) {
	keys := make([]string, len(o.Witnesses))
	for i, c := range o.Witnesses {
		keys[i] = c.Key()
	}
	p, err := NewPolicy(keys, o.Quorum)
	if err != nil {
		return nil, err
	}
	var own []note.Verifier
	for _, text := range o.Keys {
		v, err := NewVerifier(text)
		if err != nil {
			return nil, err
		}
		own = append(own, v)
	}
	if len(own) == 0 || o.Origin == "" {
		return nil, fmt.Errorf("%w: a quorum needs the log's origin and keys", ErrKey)
	}
	if o.Of == 0 {
		o.Of = len(o.Witnesses)
	}
	if o.Of < len(o.Witnesses) {
		return nil, fmt.Errorf("%w: there are %d witnesses of %d", ErrKey, len(o.Witnesses), o.Of)
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Say == nil {
		o.Say = func(string, error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	q := &Quorum{o: o, policy: p, own: own}
	q.ctx, q.stop = context.WithCancel(context.Background())
	for _, c := range o.Witnesses {
		q.asked = append(q.asked, &asked{q: q, client: c, size: -1})
	}
	return q, nil
}

// Close ends what is under way and waits for it.
func (q *Quorum) Close() {
	q.stop()
	q.one.Lock()
	defer q.one.Unlock()
	q.busy.Wait()
	for _, c := range q.o.Witnesses {
		c.Close()
	}
}

// Cosign asks all witnesses to cosign a checkpoint, and gives it with their signature
// lines as soon as the quorum has signed; the others are still asked meanwhile, so that
// they keep up. A checkpoint that was cosigned before is cosigned anew: so it is found
// out whether the quorum is there. With too few within the timeout it is a *QuorumError.
//
// Where a witness proves that the log was longer, by a checkpoint that the log's own key
// signed, it is an *AheadError, or a *ForkError where it was not longer but another,
// whoever else has cosigned, and so is every call from then on: the log on this disk was
// put back. Where a witness only says so it counts as missing, and what it says is among
// the reasons.
func (q *Quorum) Cosign(ctx context.Context, checkpoint []byte, prove Consistency) ([]byte, error) {
	c, checkpoint, err := q.ours(checkpoint)
	if err != nil {
		return nil, err
	}
	q.one.Lock()
	defer q.one.Unlock()
	if err := q.over(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, q.o.Timeout)
	defer cancel()
	answers := make(chan answer, len(q.asked))
	for i, w := range q.asked {
		w.ask(&job{Checkpoint: c, at: i, note: checkpoint, prove: prove, done: answers})
	}
	return q.gather(ctx, checkpoint, answers)
}

// gather waits for a quorum of the answers.
func (q *Quorum) gather(ctx context.Context, checkpoint []byte, answers <-chan answer) ([]byte, error) {
	signed := append([]byte(nil), checkpoint...)
	missing := make([]Missing, len(q.asked))
	for i, w := range q.asked {
		missing[i] = Missing{w.client.Name(), fmt.Errorf("%w within %v", ErrAnswer, q.o.Timeout)}
	}
	have := 0
	for range q.asked {
		select {
		case <-ctx.Done():
			return nil, q.short(have, missing)
		case a := <-answers:
			if err := q.over(); err != nil {
				return nil, err
			}
			missing[a.at].Err = a.err
			if a.err != nil {
				continue
			}
			missing[a.at].Witness = ""
			signed = append(signed, a.line...)
			if have++; have < q.o.Quorum {
				continue
			}
			if _, err := q.policy.Check(signed, q.o.Now()); err != nil {
				return nil, err
			}
			return signed, nil
		}
	}
	return nil, q.short(have, missing)
}

// short is the error of too few cosignatures.
func (q *Quorum) short(have int, list []Missing) error {
	e := &QuorumError{Have: have, Quorum: q.o.Quorum}
	for _, m := range list {
		if m.Witness != "" {
			e.Missing = append(e.Missing, m)
		}
	}
	return e
}

// end makes a proof stand.
func (q *Quorum) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended == nil {
		q.ended = err
	}
}

// over is the proof that the log was put back, if one was shown.
func (q *Quorum) over() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ended
}

// Continues asks all witnesses for the newest checkpoint of the log that they cosigned
// and says whether the log here continues each of them: an *AheadError or *ForkError
// where it was put back, which then stands. It is to be asked before a log that was
// opened is written to. checkpoint is the log's newest. It needs so many answers that
// every quorum has a witness among them, all that the policy names but one less than the
// quorum; with fewer it is a *QuorumError.
func (q *Quorum) Continues(ctx context.Context, checkpoint []byte, prove Consistency) error {
	ours, _, err := q.ours(checkpoint)
	if err != nil {
		return err
	}
	_, err = q.newest(ctx, func(ctx context.Context, name string, text []byte, theirs Checkpoint) error {
		err := continues(ctx, name, text, theirs, ours, prove)
		if proven(err) {
			q.end(err)
		}
		return err
	})
	if put := q.over(); put != nil {
		return put
	}
	return err
}

// Newest asks all witnesses for the newest checkpoint of the log that they cosigned, and
// gives the largest that the log's own key signed; nil where none has cosigned any. It
// needs as many answers as Continues.
func (q *Quorum) Newest(ctx context.Context) ([]byte, error) {
	return q.newest(ctx, func(context.Context, string, []byte, Checkpoint) error { return nil })
}

// newest collects the witnesses' newest checkpoints; look may make an answer none.
func (q *Quorum) newest(ctx context.Context, look func(context.Context, string, []byte, Checkpoint) error) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, q.o.Timeout)
	defer cancel()
	texts, known := make([][]byte, len(q.asked)), make([]Checkpoint, len(q.asked))
	missing := make([]Missing, len(q.asked))
	var all sync.WaitGroup
	for i, w := range q.asked {
		all.Go(func() {
			var err error
			name := w.client.Name()
			if texts[i], known[i], err = w.newest(ctx); err == nil {
				err = look(ctx, name, texts[i], known[i])
			}
			if err != nil {
				missing[i] = Missing{name, err}
				q.o.Say(name, err)
			}
		})
	}
	all.Wait()
	have, best := 0, 0
	for i := range q.asked {
		if missing[i].Err == nil {
			have++
		}
		if known[i].Size > known[best].Size {
			best = i
		}
	}
	if need := q.o.Of - q.o.Quorum + 1; have < need {
		e := q.short(have, missing).(*QuorumError)
		e.Quorum = need
		return nil, e
	}
	return texts[best], nil
}

// Know takes in a further key of the log, to which it has changed. What is none is ErrKey.
func (q *Quorum) Know(key string) error {
	v, err := NewVerifier(key)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.ContainsFunc(q.own, func(o note.Verifier) bool { return o.Name() == v.Name() && o.KeyHash() == v.KeyHash() }) {
		q.own = append(slices.Clone(q.own), v)
	}
	return nil
}

// ours reads a checkpoint of the log that one of its keys signed, and gives it without
// the lines of the witnesses: they are asked for new ones.
func (q *Quorum) ours(text []byte) (Checkpoint, []byte, error) {
	q.mu.Lock()
	keys := note.VerifierList(q.own...)
	q.mu.Unlock()
	n, err := note.Open(text, keys)
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil || c.Origin != q.o.Origin {
		return Checkpoint{}, nil, fmt.Errorf("%w: a checkpoint of another log", ErrMalformed)
	}
	n.UnverifiedSigs = slices.DeleteFunc(n.UnverifiedSigs, func(s note.Signature) bool {
		return slices.ContainsFunc(q.policy.witnesses, func(w *CosignatureVerifier) bool {
			return w.name == s.Name && w.KeyHash() == s.Hash
		})
	})
	bare, err := note.Sign(n)
	return c, bare, err
}
