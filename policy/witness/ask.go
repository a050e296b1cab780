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
	Checkpoint
	at    int
	note  []byte // the checkpoint as the log signed it
	prove Consistency
	done  chan<- answer // has room for it
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
			w.standing.Size, w.standing.Cosigned = j.Size, w.q.o.Now().UTC()
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
	if size < 0 || size > j.Size {
		size = 0 // it will name its own
	}
	line, err := w.from(ctx, j, size)
	var conflict *ConflictError
	if errors.As(err, &conflict) {
		if conflict.Size > j.Size {
			return nil, w.holdAgainst(ctx, j, &AheadError{Witness: w.client.Name(), Size: conflict.Size, Ours: j.Size})
		}
		if conflict.Size < w.size {
			w.q.o.Say(w.client.Name(), fmt.Errorf("%w: it cosigned %d leaves and knows %d now; was its folder put back?", ErrState, w.size, conflict.Size))
		}
		line, err = w.from(ctx, j, conflict.Size)
	}
	switch {
	case err == nil:
		w.size = j.Size
	case errors.Is(err, ErrProof), errors.Is(err, ErrFork):
		err = w.holdAgainst(ctx, j, err)
	}
	return line, err
}

// from asks for a cosignature with the proof from a size.
func (w *asked) from(ctx context.Context, j *job, old int64) ([]byte, error) {
	var proof []tlog.Hash
	if 0 < old && old < j.Size {
		var err error
		if proof, err = j.prove(ctx, old, j.Size); err != nil {
			return nil, fmt.Errorf("no proof for %s from %d leaves to %d: %w", w.client.Name(), old, j.Size, err)
		}
	}
	return w.client.Add(ctx, old, proof, j.note)
}

// holdAgainst asks for the proof of what a witness says against the log. A proven one
// stops the quorum; else it stays the witness's word.
func (w *asked) holdAgainst(ctx context.Context, j *job, said error) error {
	text, theirs, err := w.newest(ctx)
	if err != nil {
		return errors.Join(said, err)
	}
	err = continues(ctx, w.client.Name(), text, theirs, j.Checkpoint, j.prove)
	if proven(err) {
		w.q.end(err)
		return err
	}
	return errors.Join(said, err)
}

// proven says whether an error is the proof that the log was put back.
func proven(err error) bool {
	var ahead *AheadError
	var fork *ForkError
	return errors.As(err, &ahead) && ahead.Checkpoint != nil || errors.As(err, &fork)
}

// continues holds our log against a checkpoint of it that a witness has, which the log's
// own key signed: an *AheadError where that is longer, a *ForkError where ours does not
// continue it.
func continues(ctx context.Context, name string, text []byte, theirs, ours Checkpoint, prove Consistency) error {
	switch {
	case theirs.Size > ours.Size:
		return &AheadError{Witness: name, Size: theirs.Size, Ours: ours.Size, Checkpoint: text}
	case theirs.Size == ours.Size && theirs.Root != ours.Root:
		return &ForkError{Witness: name, Size: theirs.Size, Checkpoint: text}
	case theirs.Size == 0 || theirs.Size == ours.Size:
		return nil
	}
	proof, err := prove(ctx, theirs.Size, ours.Size)
	if err != nil {
		return fmt.Errorf("no proof for %s from %d leaves to %d: %w", name, theirs.Size, ours.Size, err)
	}
	if tlog.CheckTree(proof, ours.Size, ours.Root, theirs.Size, theirs.Root) != nil {
		return &ForkError{Witness: name, Size: theirs.Size, Checkpoint: text}
	}
	return nil
}

// newest asks for the log's newest checkpoint that the witness cosigned, and holds it
// against the log's keys: a witness that shows what the log never signed gave no answer.
func (w *asked) newest(ctx context.Context) ([]byte, Checkpoint, error) {
	text, err := w.client.Newest(ctx, w.q.o.Origin)
	if err != nil || text == nil {
		return nil, Checkpoint{}, err
	}
	c, _, err := w.q.ours(text)
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("%w from %s: %w", ErrAnswer, w.client.Name(), err)
	}
	return text, c, nil
}
