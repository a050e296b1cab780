package audit

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// covered is the fold at the size of the checkpoint.
type covered struct {
	reached bool
	head    link
	terms   *terms
}

// trust is the auditor's policy, put together of single keys where it was not given.
func (o Options) trust() (*witness.Trust, error) {
	if o.Trust != nil {
		return o.Trust, nil
	}
	var p strings.Builder
	fmt.Fprintf(&p, "log %s\n", o.Key)
	if o.SM2 != "" {
		fmt.Fprintf(&p, "log %s\n", strings.TrimSpace(o.SM2))
	}
	quorum, names := "none", ""
	for i, key := range o.Witnesses {
		fmt.Fprintf(&p, "witness w%d %s\n", i, key)
		names += fmt.Sprintf(" w%d", i)
		quorum = "witnesses"
	}
	if names != "" {
		fmt.Fprintf(&p, "group witnesses %d%s\n", o.Quorum, names)
	}
	fmt.Fprintf(&p, "quorum %s\n", quorum)
	return witness.ParseTrust([]byte(p.String()))
}

// open reads the checkpoint; nil if none of the log's pinned keys signed it.
func (v *verifier) open(trust *witness.Trust, text []byte) *checkpoint {
	seen, err := trust.Open(text, v.now)
	if seen == nil {
		v.refused, v.why = CheckpointInvalid, err.Error()
		return nil
	}
	if errors.Is(err, witness.ErrSecond) {
		v.refused, v.why = SM2Invalid, "it is not signed by a pinned SM2 key"
	}
	if errors.Is(err, witness.ErrQuorum) {
		v.report.find(NotWitnessed, -1, "the checkpoint: too few of the pinned witnesses have cosigned it")
	}
	for _, w := range seen.Witnesses {
		v.report.Witnesses = append(v.report.Witnesses, w.Witness)
	}
	v.seen.add(seen.Witnesses)
	return &checkpoint{seen.Size, seen.Root, seen}
}

// cosigned looks at what of the checkpoint takes the fold: that the SM2 key signed the
// head of this log's SM3 chain, and that those have cosigned whom the policy in force names,
// whatever the auditor asks for besides.
func (v *verifier) cosigned() {
	r := v.report
	if v.signed == nil || !v.at.reached {
		return
	}
	if s := v.signed.seen; len(s.SM2) > 0 && s.Head != v.at.head {
		r.find(SM2Invalid, -1, "the SM2 signature is over another SM3 chain than this log's")
	}
	signed, err := v.at.terms.cosigners(v.text, v.now)
	v.seen.add(signed)
	for _, s := range signed {
		if !slices.Contains(r.Witnesses, s.Witness) {
			r.Witnesses, r.Unpinned = append(r.Witnesses, s.Witness), append(r.Unpinned, s.Witness)
		}
	}
	switch {
	case errors.Is(err, witness.ErrKey):
		r.find(NotWitnessed, -1, "the policy names witnesses that are none: %v", err)
	case err != nil:
		r.find(NotWitnessed, -1, "the checkpoint: %v", err)
	}
}

// rekeyed is a KEY leaf that changes what signs the log.
type rekeyed struct {
	leaf              int64
	algorithm, public string
	lost              bool
}

// signs says whether the key signs, or may have signed, so many leaves: those after its
// own, and with them its own where the key before was lost.
func (k rekeyed) signs(size int64) bool {
	if k.lost {
		return k.leaf < size
	}
	return k.leaf+1 < size
}

// rekey takes in a change of key.
func (b *books) rekey(r *Report, at int64, l *leaf) {
	public := string(l.id)
	if b.named[public] {
		r.find(KeyRetired, at, "a key that was there before comes back")
	}
	b.named[public] = true
	if string(l.purpose) == "log" {
		if !strings.HasPrefix(public, b.population+"+") {
			r.find(WrongPopulation, at, "the key %q is another log's", public)
		}
		b.rekeyed = append(b.rekeyed, rekeyed{at, string(l.template), public, l.passed})
	}
	b.want(r, at, l.time, b.terms, "key", content(l.raw), b.askedBy(r, at, string(l.principal)))
}

// turns are the KEY leaves of one algorithm, as they follow one another.
type turns struct {
	keys []rekeyed
	last map[string]rekeyed // by key: the newest leaf that puts it in force
}

// turns sorts the KEY leaves by algorithm: a log may have any number of them, and of
// checkpoints that are held against them.
func (b *books) turns() map[string]*turns {
	all := map[string]*turns{"ed25519": {last: map[string]rekeyed{}}, "sm2": {last: map[string]rekeyed{}}}
	for _, k := range b.rekeyed {
		t := all[k.algorithm]
		t.keys, t.last[k.public] = append(t.keys, k), k
	}
	return all
}

// inForce is the key that signs so many leaves, "" for the first.
func (t *turns) inForce(size int64) string {
	n := sort.Search(len(t.keys), func(i int) bool { return !t.keys[i].signs(size) })
	if n == 0 {
		return ""
	}
	return t.keys[n-1].public
}

// rotated holds a checkpoint to the keys that were in force at its size: a KEY leaf's key
// signs what has leaves after it, and nothing before; only one that stands in for a lost
// key signs its own leaf.
func (v *verifier) rotated(all map[string]*turns, what string, c *checkpoint) {
	if c == nil {
		return
	}
	for algorithm, by := range map[string][]string{"ed25519": c.seen.Ed25519, "sm2": c.seen.SM2} {
		inForce := all[algorithm].inForce(c.size)
		for _, key := range by {
			k, named := all[algorithm].last[key]
			later := named && !k.signs(c.size)
			if later && key != inForce || inForce != "" && key != inForce && !slices.Contains(by, inForce) {
				v.report.find(KeyRetired, -1, "the %s of %d leaves is signed by a key that was not in force there", what, c.size)
				break
			}
		}
	}
}
