package witness

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// asked is one witness of a quorum. It is asked one checkpoint at a time; of those that
// wait, only the newest is kept, so a slow witness holds nothing up and skips over.
type asked struct {
	q      *Quorum
	client *Client
	size   int64 // leaves it is known to have cosigned, -1 before the first answer

	mu       sync.Mutex
	waiting  *job
	running  bool
	standing Standing
}

// Standing is how a witness of a quorum did last, for those who watch over the log.
type Standing struct {
	Witness  string
	Size     int64     // leaves of the newest checkpoint it cosigned for this quorum, 0 for none yet
	Cosigned time.Time // when; zero for never
	Err      error     // why it did not cosign the last time it was asked; nil if it did
}

// Standings tells of every witness, in the order of the options.
func (q *Quorum) Standings() []Standing {
	list := make([]Standing, len(q.asked))
	for i, w := range q.asked {
		w.mu.Lock()
		list[i] = w.standing
		w.mu.Unlock()
		list[i].Witness = w.client.Name()
	}
	return list
}

// job is one checkpoint to be cosigned.
type job struct {
	at         int
	checkpoint []byte
	size       int64
	root       tlog.Hash
	prove      Consistency
	done       chan<- answer // has room for it
}

type answer struct {
	at   int
	line []byte
	err  error
}

// errSkipped is that a newer checkpoint took the place of one that waited.
var errSkipped = fmt.Errorf("%w before the next checkpoint", ErrAnswer)

// ask puts a checkpoint in line.
func (w *asked) ask(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting != nil {
		w.waiting.done <- answer{at: w.waiting.at, err: errSkipped}
	}
	w.waiting = j
	if !w.running {
		w.running = true
		w.q.busy.Go(w.run)
	}
}

// run asks until nothing waits.
func (w *asked) run() {
	for {
		w.mu.Lock()
		j := w.waiting
		w.waiting = nil
		w.running = j != nil
		w.mu.Unlock()
		if j == nil {
			return
		}
		ctx, cancel := context.WithTimeout(w.q.ctx, w.q.o.Timeout)
		line, err := w.cosign(ctx, j)
		cancel()
		w.mu.Lock()
		if w.standing.Err = err; err == nil {
			w.standing.Size, w.standing.Cosigned = j.size, w.q.o.Now().UTC()
		}
		w.mu.Unlock()
		if err != nil && w.q.ctx.Err() == nil {
			w.q.o.Say(w.client.Name(), err)
		}
		j.done <- answer{j.at, line, err}
	}
}

// cosign asks for one cosignature, a second time from the size that the witness names.
func (w *asked) cosign(ctx context.Context, j *job) ([]byte, error) {
	size := w.size
	if size < 0 || size > j.size {
		size = 0 // it will name its own
	}
	line, err := w.from(ctx, j, size)
	var conflict *ConflictError
	if errors.As(err, &conflict) {
		if conflict.Size > j.size {
			return nil, w.isAhead(ctx, j.size, conflict.Size)
		}
		if conflict.Size < w.size {
			w.q.o.Say(w.client.Name(), fmt.Errorf("%w: it cosigned %d leaves and knows %d now; was its folder put back?", ErrState, w.size, conflict.Size))
		}
		line, err = w.from(ctx, j, conflict.Size)
	}
	switch {
	case err == nil:
		w.size = j.size
	case errors.Is(err, ErrProof), errors.Is(err, ErrFork):
		err = w.isForked(ctx, j, err)
	}
	return line, err
}

// from asks for a cosignature with the proof from a size.
func (w *asked) from(ctx context.Context, j *job, old int64) ([]byte, error) {
	var proof []tlog.Hash
	if 0 < old && old < j.size {
		var err error
		if proof, err = j.prove(ctx, old, j.size); err != nil {
			return nil, fmt.Errorf("no proof for %s from %d leaves to %d: %w", w.client.Name(), old, j.size, err)
		}
	}
	return w.client.Add(ctx, old, proof, j.checkpoint)
}

// isAhead asks for the proof that the log was longer. A proven one stops the quorum.
func (w *asked) isAhead(ctx context.Context, ours, said int64) error {
	e := &AheadError{Witness: w.client.Name(), Size: said, Ours: ours}
	text, c, err := w.newest(ctx)
	switch {
	case err != nil:
		return errors.Join(e, err)
	case c.Size <= ours:
		return e
	}
	e.Size, e.Checkpoint = c.Size, text
	w.q.end(e)
	return e
}

// isForked asks for the proof that the log has another history than here. A proven one
// stops the quorum; else what the witness refused with stays its word.
func (w *asked) isForked(ctx context.Context, j *job, refused error) error {
	text, c, err := w.newest(ctx)
	switch {
	case err != nil:
		return errors.Join(refused, err)
	case c.Size > j.size || c.Size == 0:
		return refused
	case c.Size == j.size && c.Root == j.root:
		return refused
	case c.Size < j.size:
		proof, err := j.prove(ctx, c.Size, j.size)
		if err != nil || tlog.CheckTree(proof, j.size, j.root, c.Size, c.Root) == nil {
			return errors.Join(refused, err)
		}
	}
	e := &ForkError{Witness: w.client.Name(), Size: c.Size, Checkpoint: text}
	w.q.end(e)
	return e
}

// newest asks for the log's newest checkpoint that the witness cosigned, and holds it
// against the log's keys: a witness that shows what the log never signed gave no answer.
func (w *asked) newest(ctx context.Context) ([]byte, Checkpoint, error) {
	text, err := w.client.Newest(ctx, w.q.o.Origin)
	if err != nil || text == nil {
		return nil, Checkpoint{}, err
	}
	c, _, err := w.q.own(text)
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("%w from %s: %w", ErrAnswer, w.client.Name(), err)
	}
	return text, c, nil
}
