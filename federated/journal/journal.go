package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// MaxAttempts is the most attempts a job may have, drops before the barrier
// included.
const MaxAttempts = 10_000

// Options say whose journal it is and what the ledger knows.
type Options struct {
	Dir   string      // the journal's own folder. Required.
	Job   secagg.Hash // Required
	Nodes int         // on the roster. Required.
	// Charged are the job's attempts for which the ledger holds a CHARGE, with the
	// digest of the share's record that it names.
	Charged map[uint64]string
	Ledger  secagg.Mark // of the own ledger, now
	// Grown refuses a mark that is not of an earlier time of the own ledger. Required.
	Grown func(since secagg.Mark) error
	FS    ledger.FS // default ledger.OS
}

// Journal is an open journal; it holds the folder's lock. After any failed write
// it refuses everything: open it again. It is not safe for concurrent use.
type Journal struct {
	o      Options
	lock   io.Closer
	s      state
	shares map[uint64]string // charged, with the record's digest
	failed error
}

// Digest is how a CHARGE names a record: SHA-256, in hex.
func Digest(record []byte) string {
	sum := sha256.Sum256(record)
	return hex.EncodeToString(sum[:])
}

// Open reads a job's journal, or begins it where the ledger has no charge of the
// job, and settles what a crash left: records without a CHARGE are wiped, a CHARGE
// must have its record. ErrRollback, ErrDamaged or ErrOther; ledger.ErrInUse while
// another process has it open.
func Open(o Options) (*Journal, error) {
	if o.FS == nil {
		o.FS = ledger.OS{}
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, err
	}
	lock, err := o.FS.Lock(filepath.Join(o.Dir, "lock"))
	if err != nil {
		return nil, err
	}
	j := &Journal{o: o, lock: lock, shares: map[uint64]string{}}
	if err = j.load(); err == nil {
		err = j.settle()
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

func (j *Journal) load() error {
	b, err := read(j.o.FS, j.path("state"))
	if errors.Is(err, fs.ErrNotExist) {
		if len(j.o.Charged) > 0 {
			return fmt.Errorf("%w: the ledger holds charges of this job, the journal is lost", ErrRollback)
		}
		j.s = state{job: j.o.Job, own: Peer{Mark: j.o.Ledger}, peers: make([]Peer, j.o.Nodes)}
		return replace(j.o.FS, j.path("state"), j.s.bytes())
	}
	if err != nil {
		return err
	}
	if j.s, err = parseState(b, j.o.Nodes); err != nil {
		return err
	}
	if j.s.job != j.o.Job {
		return ErrOther
	}
	if err := j.s.own.Follows(j.o.Ledger); err != nil {
		return fmt.Errorf("the own ledger: %w", err)
	}
	if err := j.grown(); err != nil {
		return err
	}
	j.s.own = Peer{Mark: j.o.Ledger}
	// What was read may be in memory only, after an fsync that failed.
	return replace(j.o.FS, j.path("state"), j.s.bytes())
}

// grown wants the own ledger to begin with what it was at the newest mark. A ledger that
// was put back and filled up again has another root there, though it counts further.
func (j *Journal) grown() error {
	if j.s.own == (Peer{}) {
		return nil
	}
	if err := j.o.Grown(j.s.own.Mark); err != nil {
		return fmt.Errorf("the own ledger: %w", err)
	}
	return nil
}

// settle wipes what has no charge, and wants every charged record.
func (j *Journal) settle() error {
	for n := range j.o.Charged {
		if n > j.s.highest {
			return fmt.Errorf("%w: attempt %d is charged, the journal ends at %d", ErrRollback, n, j.s.highest)
		}
	}
	for n := uint64(1); n <= j.s.highest; n++ {
		digest, charged := j.o.Charged[n]
		if !charged || n <= j.s.finished {
			if err := wipe(j.o.FS, j.share(n)); err != nil {
				return err
			}
		}
		if charged {
			j.shares[n] = digest
		}
		if charged && n > j.s.finished {
			if _, err := j.Record(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *Journal) path(name string) string { return filepath.Join(j.o.Dir, name) }

func (j *Journal) share(n uint64) string { return j.path(fmt.Sprintf("share-%d", n)) }

// Highest is the highest attempt ever seen, 0 for none.
func (j *Journal) Highest() uint64 { return j.s.highest }

// Finished is the attempt up to which no share is needed again, 0 for none.
func (j *Journal) Finished() uint64 { return j.s.finished }

// Peers are the nodes' ledgers as last known, in roster order.
func (j *Journal) Peers() []Peer { return slices.Clone(j.s.peers) }

// Issued are the attempts a share was made for, in order, finished ones included.
func (j *Journal) Issued() []uint64 {
	var list []uint64
	for n := range j.shares {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}

// Err is the failure after which the journal has to be opened again, or nil.
func (j *Journal) Err() error { return j.failed }

// put makes a changed state durable.
func (j *Journal) put(change func(*state)) error {
	if j.failed != nil {
		return j.failed
	}
	next := j.s
	next.peers = slices.Clone(j.s.peers)
	change(&next)
	if err := replace(j.o.FS, j.path("state"), next.bytes()); err != nil {
		j.failed = fmt.Errorf("journal: %w", err)
		return j.failed
	}
	j.s = next
	return nil
}

// Attempt notes an attempt, durably, before this node's HELLO with the mark leaves.
// ErrAttempt unless its number is new; ErrRollback for another ledger than before.
func (j *Journal) Attempt(n uint64, mark secagg.Mark) error {
	if n <= j.s.highest || n > MaxAttempts {
		return fmt.Errorf("%w: %d after %d", ErrAttempt, n, j.s.highest)
	}
	if err := j.grown(); err != nil {
		return err
	}
	return j.put(func(s *state) { s.highest, s.own = n, Peer{Mark: mark} })
}

// Saw keeps, durably, what all nodes' ledgers showed in an attempt's HELLO. ErrRollback, and
// nothing kept, if one of them does not follow what is known.
func (j *Journal) Saw(attempt uint64, marks []secagg.Mark) error {
	if len(marks) != j.o.Nodes {
		return fmt.Errorf("%w: %d marks of %d nodes", ErrOther, len(marks), j.o.Nodes)
	}
	for i, m := range marks {
		if err := j.s.peers[i].Follows(m); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
	}
	return j.put(func(s *state) {
		s.seen = attempt
		for i, m := range marks {
			s.peers[i] = Peer{Mark: m}
		}
	})
}

// Shared notes, durably, that a node has sent its share of an attempt, and so has charged
// since it showed its mark in it: the next mark must be beyond. A late share, of an
// attempt before the one that the marks are of, is held to the mark shown since, and is
// ErrRollback if that is not beyond. Whether the others have shared says nothing of this
// node's charge.
func (j *Journal) Shared(attempt uint64, node int, shown secagg.Mark) error {
	if node < 0 || node >= j.o.Nodes {
		return fmt.Errorf("%w: node %d of %d", ErrOther, node, j.o.Nodes)
	}
	known := j.s.peers[node]
	switch {
	case attempt > j.s.seen:
		return fmt.Errorf("%w: a share of attempt %d, marks are known of %d", ErrAttempt, attempt, j.s.seen)
	case attempt < j.s.seen:
		if err := (Peer{Mark: shown, Charged: true}).Follows(known.Mark); err != nil {
			return fmt.Errorf("node %d: %w", node, err)
		}
		return nil
	case known.Charged:
		return nil
	}
	return j.put(func(s *state) { s.peers[node].Charged = true })
}
