package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// durably appends a leaf and waits until it is fsynced.
func (l *Ledger) durably(ctx context.Context, b Body) (int64, error) {
	return l.durablyIf(ctx, b, nil)
}

// durablyIf is durably where allowed, called under the lock, does not refuse; nil
// always allows.
func (l *Ledger) durablyIf(ctx context.Context, b Body, allowed func() error) (int64, error) {
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	index, err := l.append(b, allowed)
	if err != nil {
		return -1, err
	}
	if err := l.flush(index); err != nil {
		return -1, err
	}
	return index, nil
}

// published appends a leaf and waits until a checkpoint covers it. While the witnesses
// are away it waits for durability alone: the leaf counts, and readers see it later.
func (l *Ledger) published(ctx context.Context, b Body) (int64, error) {
	return l.publishedIf(ctx, b, nil)
}

// publishedIf is published where allowed does not refuse; see durablyIf.
func (l *Ledger) publishedIf(ctx context.Context, b Body, allowed func() error) (int64, error) {
	index, err := l.durablyIf(ctx, b, allowed)
	if err != nil {
		return -1, err
	}
	if err := l.publish(index); !errors.Is(err, ErrQuorum) {
		return index, err
	}
	return index, nil
}

// append admits a leaf under the lock and queues its record. From here on the
// fold counts it; nobody is told of it before it is durable.
func (l *Ledger) append(b Body, allowed func() error) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped != nil {
		return -1, l.stopped
	}
	if allowed != nil {
		if err := allowed(); err != nil {
			return -1, err
		}
	}
	at, err := l.moment(b)
	if err != nil {
		return -1, err
	}
	if err := l.writable(b); err != nil {
		return -1, err
	}
	return l.push(Leaf{Index: l.size, Time: at, Previous: l.chain.link, Body: b})
}

func (l *Ledger) push(leaf Leaf) (int64, error) {
	raw, err := Encode(leaf)
	if err != nil {
		return -1, err
	}
	grown, err := l.tree.with(leaf.Index, raw)
	if err != nil {
		return -1, err
	}
	if err := l.apply(leaf, raw); err != nil {
		return -1, err
	}
	l.tree = grown
	l.links[l.size] = l.chain.link
	l.ends = append(l.ends, l.end()+headLen+int64(len(raw)))
	l.pending = appendFrame(l.pending, raw)
	return leaf.Index, nil
}

func (l *Ledger) end() int64 { return l.extent().start(int64(len(l.ends))) }

func (l *Ledger) extent() extent {
	return extent{fs: l.fs, dir: l.dir, wal: l.wal, tree: l.tree, ends: l.ends}
}

// moment is the time of a new leaf: now, or the newest leaf's time where the
// clock went back. A release bears its slot. Releases and abandons keep to it. While the
// clock is not believed an abandon bears its slot too, and nothing else is written.
func (l *Ledger) moment(b Body) (time.Time, error) {
	now, wrong := l.next(), l.believed()
	var charge int64
	switch b := b.(type) {
	case *Release:
		charge = b.Charge
	case *Abandon:
		charge = b.Charge
	default:
		return now, wrong
	}
	r, err := l.State.pending(charge)
	if err != nil {
		return now, err
	}
	if now.Before(r.Due) {
		return now, ErrEarly
	}
	if b.Type() == TypeAbandon && wrong != nil && r.Due.Before(l.last) {
		return l.last, nil
	}
	if b.Type() == TypeAbandon && wrong != nil {
		return r.Due, nil
	}
	if b.Type() == TypeAbandon {
		return now, nil
	}
	if now.After(r.Due.Add(Grace)) {
		return now, ErrLate
	}
	return r.Due, nil
}

// next is the time of the next leaf, under the lock.
func (l *Ledger) next() time.Time {
	now := l.now().UTC().Truncate(time.Second)
	if now.Before(l.last) {
		return l.last
	}
	return now
}

// Now is the ledger's time, which the next leaf bears: whole seconds, never
// before the newest leaf, even where the clock went back. Slots count from it.
func (l *Ledger) Now() time.Time {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.next()
}

// flush returns when the leaf is fsynced. Whoever gets the lock first writes
// for all who have appended by then; the others find their leaf durable.
func (l *Ledger) flush(index int64) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	if l.durable > index || l.stopped != nil {
		defer l.mu.Unlock()
		if l.durable > index {
			return nil
		}
		return l.stopped
	}
	records, upto, at := l.pending, l.size, l.end()-int64(len(l.pending))
	l.pending = nil
	l.mu.Unlock()

	if err := l.endsAt(at); err != nil {
		return l.stop("write the log", err)
	}
	if _, err := l.wal.WriteAt(records, at); err != nil {
		return l.stop("write the log", err)
	}
	if err := l.wal.Sync(); err != nil {
		return l.stop("fsync the log", err)
	}
	l.mu.Lock()
	l.durable = upto
	l.mu.Unlock()
	return nil
}

// endsAt wants the log to end where this process left it: nobody else has written to it.
func (l *Ledger) endsAt(want int64) error {
	size, err := l.wal.Size()
	if err == nil && size != want {
		err = fmt.Errorf("%w: it has %d bytes and not %d: somebody else has written to it", ErrCorrupt, size, want)
	}
	return err
}

// publish returns when a checkpoint covers the leaf, durable itself and cosigned. It
// signs for all leaves that are durable by then.
func (l *Ledger) publish(index int64) error {
	if err := l.flush(index); err != nil {
		return err
	}
	l.signing.Lock()
	defer l.signing.Unlock()
	l.mu.RLock()
	from, stopped := l.signed, l.stopped
	l.mu.RUnlock()
	if from > index {
		return nil
	}
	if stopped != nil {
		return stopped
	}
	return l.advance()
}

// advance brings the checkpoint up to what is durable, under the lock signing. It stops
// where a key hands over to the next.
func (l *Ledger) advance() error {
	l.mu.RLock()
	sizes := append(l.stops(l.signed, l.durable), l.durable)
	l.mu.RUnlock()
	for _, to := range sizes {
		if err := l.advanceTo(to); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) advanceTo(to int64) error {
	l.mu.RLock()
	x, from, older, stopped := l.extent(), l.signed, l.older, l.stopped
	l.mu.RUnlock()
	if stopped != nil {
		return stopped
	}
	if err := x.writeTiles(from, to); err != nil {
		return l.stop("write tiles", err)
	}
	text, err := l.writeCheckpoint(x, to)
	if errors.Is(err, ErrQuorum) {
		return err
	}
	if err != nil {
		return l.stop("write the checkpoint", err)
	}
	if to > from {
		x.dropTiles(older, from, to)
		older = from
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.signed, l.older, l.newest, l.signedAt = to, older, text, l.now()
	for size := range l.links {
		if size < to {
			delete(l.links, size)
		}
	}
	return nil
}

// stop refuses everything from now on and reports the failure. A failed fsync
// says nothing about what is on the disk, so it is not tried again: the next
// Open finds out.
func (l *Ledger) stop(what string, err error) error {
	err = fmt.Errorf("%w: %s: %w", ErrStopped, what, err)
	l.mu.Lock()
	first := l.stopped == nil
	if first {
		l.stopped = err
	}
	l.mu.Unlock()
	if first {
		l.fatal(err)
	}
	return err
}

func (l *Ledger) shut(err error) error {
	return errors.Join(err, l.wal.Close(), l.held.Close(), l.lock.Close())
}
