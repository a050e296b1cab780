package journal

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Commit makes the share of the newest attempt durable together with its charge:
// the record is written and fsynced, then charge appends the CHARGE that names its
// digest and gives the ledger's mark with it, and when charge returns no error the share exists; if only the note of that fails,
// opening the journal again finds it. Whatever fails, there is no second try for this
// attempt: open the journal again, which looks into the ledger.
// ErrSecond unless n is the newest attempt and has no record.
func (j *Journal) Commit(n uint64, record []byte, charge func(digest string) (secagg.Mark, error)) error {
	if j.failed != nil {
		return j.failed
	}
	if _, twice := j.shares[n]; twice || n != j.s.highest || n <= j.s.finished {
		return fmt.Errorf("%w: attempt %d, the newest is %d", ErrSecond, n, j.s.highest)
	}
	var mark secagg.Mark
	digest := Digest(record)
	err := write(j.o.FS, j.share(n), record)
	if err == nil {
		err = j.o.FS.SyncDir(j.o.Dir)
	}
	if err == nil {
		mark, err = charge(digest)
	}
	if err != nil {
		j.failed = fmt.Errorf("journal: attempt %d: %w", n, err)
		return j.failed
	}
	j.shares[n] = digest
	// From here on a ledger that does not begin with this has lost the charge.
	return j.put(func(s *state) { s.own = Peer{Mark: mark} })
}

// Record is the stored record of a charged share. ErrNone for an attempt without
// one, or that is finished; ErrDamaged if the file is not the one charged.
func (j *Journal) Record(n uint64) ([]byte, error) {
	digest, ok := j.shares[n]
	if !ok || n <= j.s.finished {
		return nil, fmt.Errorf("%w: attempt %d", ErrNone, n)
	}
	b, err := read(j.o.FS, j.share(n))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the share of attempt %d is charged and gone", ErrDamaged, n)
	}
	if err != nil {
		return nil, err
	}
	if Digest(b) != digest {
		return nil, fmt.Errorf("%w: the share of attempt %d is not the one charged", ErrDamaged, n)
	}
	return b, nil
}

// Finish says that nobody needs the shares of attempts up to n again; their records
// are wiped.
func (j *Journal) Finish(n uint64) error {
	from := j.s.finished
	if n > j.s.highest || n <= from {
		return fmt.Errorf("%w: attempt %d of %d is finished", ErrAttempt, n, j.s.highest)
	}
	if err := j.put(func(s *state) { s.finished = n }); err != nil {
		return err
	}
	for k := from + 1; k <= n; k++ {
		if err := wipe(j.o.FS, j.share(k)); err != nil {
			j.failed = fmt.Errorf("journal: %w", err)
			return j.failed
		}
	}
	return nil
}

// Close gives up the lock.
func (j *Journal) Close() error {
	if j.failed == nil {
		j.failed = errors.New("journal: closed")
	}
	return j.lock.Close()
}
