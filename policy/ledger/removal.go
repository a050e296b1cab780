package ledger

import (
	"fmt"
	"time"
)

// registered is a snapshot and its leaf.
type registered struct {
	*Snapshot
	index   int64
	deleted bool
}

// Deletion is that the file of a release or a snapshot was deleted.
type Deletion struct {
	Leaf int64 // of the DELETE
	Time time.Time
	// Approvals are how many people's held then; 0 in an evaluation domain, which wants none.
	Approvals int
}

// Deletion says when what a RELEASE or SNAPSHOT leaf stands for was deleted; false where it
// was not.
func (s *State) Deletion(leaf int64) (Deletion, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, ok := s.deletions[leaf]
	return d, ok
}

// register takes in a snapshot.
func (s *State) register(l Leaf, b *Snapshot) error {
	if s.registered[b.Snapshot] != nil {
		return fmt.Errorf("%w: logged before", ErrSnapshot)
	}
	if err := s.needContent(SubjectSnapshot, b, l.Time, b.By); err != nil {
		return err
	}
	s.snapshots = append(s.snapshots, b.Snapshot)
	s.registered[b.Snapshot] = &registered{Snapshot: b, index: l.Index}
	return nil
}

// usable says whether a charge may be made on a snapshot.
func (s *State) usable(snapshot string, at time.Time) error {
	b := s.registered[snapshot]
	switch {
	case b == nil:
		return fmt.Errorf("%w: never logged", ErrSnapshot)
	case b.deleted:
		return fmt.Errorf("%w: deleted", ErrSnapshot)
	}
	return s.needContent(SubjectSnapshot, b.Snapshot, at, b.By)
}

// remove takes in that something is deleted.
func (s *State) remove(l Leaf, b *Delete) error {
	gone, err := s.removable(b.Leaf, l.Time)
	if err != nil {
		return err
	}
	people, err := s.contentBy(SubjectDelete, b, l.Time, b.By)
	if err != nil {
		return err
	}
	*gone, s.newestDelete = true, l.Index
	s.deletions[b.Leaf] = Deletion{Leaf: l.Index, Time: l.Time, Approvals: len(people)}
	return nil
}

// DeletionsCovered says whether a checkpoint covers all DELETE leaves. Before it does,
// nothing is removed from the disk: to whoever verifies the log, what no checkpoint covers
// excuses no file that is missing.
func (s *State) DeletionsCovered() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.newestDelete < s.signed || s.newestDelete < 0
}

// Removable says whether what a RELEASE or SNAPSHOT leaf stands for may be deleted at a
// time, approvals aside: ErrRetention or ErrUnknown if not.
func (s *State) Removable(leaf int64, at time.Time) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.removable(leaf, at)
	return err
}

// SnapshotLeaf is a snapshot's SNAPSHOT leaf; false for one that was never logged.
func (s *State) SnapshotLeaf(snapshot string) (int64, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.registered[snapshot]
	if r == nil {
		return -1, false
	}
	return r.index, true
}

// removable gives the mark of what a RELEASE or SNAPSHOT leaf stands for: that it is
// deleted. ErrRetention where it may not be, ErrUnknown for any other leaf.
func (s *State) removable(leaf int64, at time.Time) (*bool, error) {
	if r := s.releases[leaf]; r != nil {
		until := r.Due.AddDate(0, 0, int(s.retention()))
		switch {
		case r.Deleted:
			return nil, fmt.Errorf("%w: deleted before", ErrRetention)
		case at.Before(until):
			return nil, fmt.Errorf("%w until %s: releases are kept for %d days", ErrRetention, until.Format(time.DateOnly), s.retention())
		}
		return &r.Deleted, nil
	}
	for _, r := range s.registered {
		switch {
		case r.index != leaf:
		case r.deleted:
			return nil, fmt.Errorf("%w: deleted before", ErrRetention)
		default:
			return &r.deleted, nil
		}
	}
	return nil, fmt.Errorf("%w: leaf %d is no release and no snapshot", ErrUnknown, leaf)
}

// retention is for how many days releases are kept.
func (s *State) retention() int64 {
	if s.grant == nil {
		return MinRetention
	}
	return max(MinRetention, s.grant.Retention)
}
