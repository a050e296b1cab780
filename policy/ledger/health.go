package ledger

import "time"

// Health is how the log itself is doing. Nothing in it depends on the data beyond what the
// log tells its readers anyway.
type Health struct {
	Witnessed  bool          // charges need that the log was cosigned a moment ago
	Reached    bool          // and it was, or nothing needs it
	Contact    time.Duration // since the witnesses last cosigned; since the start where they have not yet
	Checkpoint time.Duration // since a checkpoint was last written
	Leaves     int64         // durable or about to be
	Uncovered  int64         // leaves that no checkpoint covers
	Waiting    int64         // releases among them: answers that wait for witnesses
	ReadOnly   bool          // nothing is written yet, see ErrUnmet
	Open       int64         // charges whose slot is to come
	Abandoned  int64         // charges that have no release and will have none
}

// Health looks at the log.
func (l *Ledger) Health() Health {
	l.mu.Lock() // to judge the clock is to remember that it jumped
	defer l.mu.Unlock()
	now := l.now()
	met := l.outside.met
	if met.IsZero() {
		met = l.opened
	}
	h := Health{
		Witnessed: l.witness != nil || l.grant != nil && l.grant.Mode == modeSupervised,
		Reached:   l.reach() == nil,
		Contact:   now.Sub(met), Checkpoint: now.Sub(l.signedAt),
		ReadOnly: l.unmet != nil,
		Leaves:   l.size, Uncovered: l.size - l.signed,
		Open: int64(len(l.charges)-len(l.releases)) - l.abandoned, Abandoned: l.abandoned,
	}
	for leaf := l.signed; leaf < l.size; leaf++ {
		if l.releases[leaf] != nil {
			h.Waiting++
		}
	}
	return h
}
