package ledger

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	walName        = "wal"
	lockName       = "lock"
	checkpointName = "checkpoint"
)

// Open locks a ledger's directory, folds its log and makes it ready to append:
// it cuts a torn tail, but never into what the checkpoint covers; makes what it
// read durable again; turns every open charge into an ABANDON; and signs a
// checkpoint. It fails with ErrInUse while another process has the directory
// open, with ErrMissing where there is no log and o does not say Create, with
// ErrCorrupt if the log is shorter than its checkpoint, contradicts it or breaks a rule,
// with ErrRolledBack if more of it, or another log, is known outside, and with ErrClock if
// its newest leaf is more than a day ahead of the clock. Where those outside cannot be asked
// it opens, and is not written to before they were met: see ErrUnmet.
func Open(o Options) (*Ledger, error) {
	if o.Fatal == nil || o.Dir == "" {
		return nil, errors.New("ledger: Options need Dir and Fatal")
	}
	if o.Now == nil {
		o.Now = time.Now
		if began := time.Now(); o.Uptime == nil {
			o.Uptime = func() time.Duration { return time.Since(began) }
		}
	}
	if o.FS == nil {
		o.FS = OS{}
	}
	l := &Ledger{State: newState(o.Population), dir: o.Dir, fs: o.FS, now: o.Now, fatal: o.Fatal,
		second: o.Second, secondLost: o.SecondLost, witness: o.Witness, vouched: o.Vouched, clock: clockwork{up: o.Uptime}, links: map[int64]string{}, opened: o.Now()}
	l.signedAt = l.opened
	l.rootOf = func(size int64) (tlog.Tree, error) { return l.tree.at(size) }
	err := l.ownKeys(o)
	if err != nil {
		return nil, err
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, err
	}
	if l.lock, err = o.FS.Lock(filepath.Join(o.Dir, lockName)); err != nil {
		return nil, err
	}
	if err := l.recover(o.Create); err != nil {
		if l.wal != nil {
			err = errors.Join(err, l.wal.Close())
		}
		if l.held != nil {
			err = errors.Join(err, l.held.Close())
		}
		return nil, errors.Join(err, l.lock.Close())
	}
	if err = l.flush(l.size - 1); err == nil {
		err = l.cover()
	}
	if err != nil && !errors.Is(err, ErrQuorum) {
		return nil, l.shut(err)
	}
	return l, nil
}

func (l *Ledger) recover(create bool) error {
	signed, by, err := l.firstCheckpoint(create)
	if err != nil {
		return err
	}
	flag := os.O_RDWR
	if signed.N == 0 {
		flag |= os.O_CREATE
	}
	l.wal, err = l.fs.OpenFile(filepath.Join(l.dir, walName), flag)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is a checkpoint but no log", ErrCorrupt)
	}
	if err != nil {
		return err
	}
	// The file of the lock can be removed under a process that runs; the log cannot.
	if l.held, err = l.fs.Lock(filepath.Join(l.dir, walName)); err != nil {
		return err
	}
	size, err := l.wal.Size()
	if err != nil {
		return err
	}
	whole, err := scan(l.wal, size, l.read)
	if err != nil {
		return err
	}
	if err := checkSigned(l.tree, l.size, signed); err != nil {
		return err
	}
	if err := l.signedBy(by, signed.N); err != nil {
		return err
	}
	if err := l.handedBy(l.fs, l.dir, l.keys); err != nil {
		return err
	}
	l.signed = signed.N
	if err := l.opens(); err != nil {
		return err
	}
	if err := l.remembered(); err != nil {
		return err
	}
	if err := l.settle(size, whole); err != nil {
		return err
	}
	l.durable = l.size
	if err := l.extent().mendTiles(l.signed); err != nil {
		return err
	}
	return l.abandonOrphans()
}

// read folds a leaf that is in the wal.
func (l *Ledger) read(raw []byte) error {
	leaf, err := Decode(raw)
	if err == nil {
		_, err = l.push(leaf)
	}
	l.pending = l.pending[:0]
	if l.handover(l.size-1) == 0 { // else an old key may still have to sign there
		delete(l.links, l.size-1) // of what is read, the head is enough
	}
	return unread(l.size, err)
}

// unread is the error of a leaf that was not taken, from a record that is whole.
func unread(index int64, err error) error {
	switch {
	case errors.Is(err, ErrLeaf):
		return fmt.Errorf("%w: leaf %d: %w; its record is whole: a newer version may have written it", ErrCorrupt, index, err)
	case err != nil:
		return fmt.Errorf("%w: leaf %d: %w", ErrCorrupt, index, err)
	}
	return nil
}

// firstCheckpoint reads the checkpoint. A new ledger gets one of size 0 before
// it gets a wal, so that a wal without a checkpoint is always damage.
func (l *Ledger) firstCheckpoint(create bool) (none tlog.Tree, by []note.Verifier, err error) {
	text, err := readFile(l.fs, filepath.Join(l.dir, checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		switch n, err := sizeOf(l.fs, filepath.Join(l.dir, walName)); {
		case err == nil && n > 0:
			return none, nil, fmt.Errorf("%w: there is a log but no checkpoint", ErrCorrupt)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return none, nil, err
		case !create:
			return none, nil, ErrMissing
		}
		if err := l.fs.SyncDir(filepath.Dir(filepath.Clean(l.dir))); err != nil {
			return none, nil, err
		}
		text, err = l.writeCheckpoint(l.extent(), 0)
	}
	if err != nil {
		return none, nil, err
	}
	l.newest = text
	return openSigned(text, l.keys...)
}

// ownKeys takes in the keys that sign the log, or signed it.
func (l *Ledger) ownKeys(o Options) error {
	first := o.Lost
	if first == "" {
		s, err := newSigner(o.Population, o.Signer)
		if err != nil {
			return err
		}
		l.first = func([32]byte) note.Signer { return s }
		first = VerifierKey(o.Population, o.Signer.Public().(ed25519.PublicKey))
	}
	for _, text := range append([]string{first}, o.Known...) {
		v, err := note.NewVerifier(text)
		if err != nil || v.Name() != o.Population {
			return fmt.Errorf("%w: %q is no key of this log", ErrKey, text)
		}
		l.keys, l.before = withKey(l.keys, v), append(l.before, text)
	}
	for _, s := range o.Next {
		l.know(s)
	}
	return nil
}

// checkSigned holds the tree of the log against its checkpoint.
func checkSigned(t tree, size int64, signed tlog.Tree) error {
	if size < signed.N {
		return fmt.Errorf("%w: %d leaves, the checkpoint has %d", ErrCorrupt, size, signed.N)
	}
	root, err := t.at(signed.N)
	if err == nil && root.Hash != signed.Hash {
		err = fmt.Errorf("%w: it is not the log of its checkpoint", ErrCorrupt)
	}
	return err
}

// settle cuts a torn tail and makes what was read durable. Leaves beyond the
// checkpoint may have been read from memory after an fsync that failed, which a
// second fsync would not notice: they are written again, in place, first.
func (l *Ledger) settle(size, whole int64) error {
	if size > whole {
		if err := l.wal.Truncate(whole); err != nil {
			return err
		}
	}
	if at := l.extent().start(l.signed); at < whole {
		tail := make([]byte, whole-at)
		if _, err := l.wal.ReadAt(tail, at); err != nil {
			return err
		}
		if _, err := l.wal.WriteAt(tail, at); err != nil {
			return err
		}
	}
	if err := l.wal.Sync(); err != nil {
		return err
	}
	return l.fs.SyncDir(l.dir)
}

// abandonOrphans closes the charges a crash or a stop left open, in order.
func (l *Ledger) abandonOrphans() error {
	for _, r := range l.order {
		if !r.Open() {
			continue
		}
		at := l.next()
		if l.grant.cosigners().Quorum > 0 {
			at = l.last // no witness has confirmed the clock yet
		}
		if _, err := l.push(Leaf{Index: l.size, Time: at, Previous: l.chain.link, Body: &Abandon{Charge: r.Index}}); err != nil {
			return err
		}
	}
	return nil
}
