package audit

import (
	"time"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// What a log's clock and the witnesses' may be apart: a witness whose clock is further away
// is not believed when it cosigns. A leaf waits a little for the checkpoint that covers it.
const (
	skew  = int64(witness.Skew / time.Second)
	later = skew + 60
)

// seenAt is when a checkpoint was cosigned, in seconds since 1970; 0 for never.
type seenAt struct{ oldest, newest int64 }

func (s *seenAt) add(list []witness.Cosignature) {
	for _, c := range list {
		at := c.Time.Unix()
		if s.oldest == 0 || at < s.oldest {
			s.oldest = at
		}
		s.newest = max(s.newest, at)
	}
}

// cosigners checks a checkpoint against the witnesses that a policy asks for; nobody
// where it asks for none.
func (t *terms) cosigners(checkpoint []byte, now time.Time) ([]witness.Cosignature, error) {
	if t == nil || t.mode != supervised || t.quorum < 1 || t.quorum > int64(len(t.witnesses)) {
		return nil, nil
	}
	needs, err := witness.NewPolicy(t.witnesses, int(t.quorum))
	if err != nil {
		return nil, err
	}
	return needs.Check(checkpoint, now)
}

// timed holds a leaf against the clocks of the witnesses: what comes after the auditor's
// own checkpoint was made after that was cosigned. An ABANDON, which gives nobody anything,
// may bear the time of the leaf before it: a start closes what a crash left open before any
// witness has confirmed its clock.
func (v *verifier) timed(at int64, l *leaf) {
	if v.under(at) && l.time > v.latest.time {
		v.latest.leaf, v.latest.time = at, l.time
	}
	if v.since != nil && at >= v.since.size && !v.dated && l.kind != "ABANDON" && l.time+later < v.sinceSeen.newest {
		v.dated = true
		v.report.find(LeafBackdated, at, "it bears the time %s, and comes after the older checkpoint, which was cosigned at %s", stamp(l.time), stamp(v.sinceSeen.newest))
	}
}

// latest is the leaf with the latest time under the checkpoint.
type latest struct{ leaf, time int64 }

// ages says when the checkpoint was cosigned, and holds it, and its leaves, against that.
func (v *verifier) ages(most time.Duration) {
	r := v.report
	r.OldestCosignature, r.NewestCosignature = v.seen.oldest, v.seen.newest
	if v.signed != nil && v.signed.size == 0 {
		r.note(LogEmpty, "the checkpoint covers no leaf: nothing was logged when it was signed, so nothing is shown")
	}
	if v.seen.oldest == 0 {
		if most > 0 && v.signed != nil {
			r.note(AgeUnknown, "nobody has cosigned the checkpoint: how old it is, nobody can tell")
		}
		return
	}
	if v.latest.time > v.seen.oldest+skew {
		r.find(LeafAhead, v.latest.leaf, "it bears the time %s, and the checkpoint that covers it was cosigned at %s", stamp(v.latest.time), stamp(v.seen.oldest))
	}
	if age := v.now.Sub(time.Unix(v.seen.oldest, 0)); most > 0 && age > most {
		r.find(Stale, -1, "the checkpoint was cosigned at %s, more than %v ago: what has happened since is not in it", stamp(v.seen.oldest), most)
	}
}

func stamp(at int64) string { return time.Unix(at, 0).UTC().Format(time.RFC3339) }
