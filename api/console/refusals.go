package console

import (
	"cmp"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// refusal is how often an organisation was refused a question by one rule.
type refusal struct {
	Organisation, Template, Rule string
	Number                       int
	Last                         time.Time
}

// denied are the refusals in the newest leaves of the log, from the leaf since on.
type denied struct {
	list  []refusal
	since int64
}

// deniedAge is how old they may be that are shown: thousands of leaves are read for them.
const deniedAge = 5 * time.Second

// refusals sums up the newest leaves of the log that say of refusals, as many as a page of
// the log reads, those from the leaf since on.
func (v *view) refusals() (list []refusal, since int64, err error) {
	if !v.readsLog() {
		return nil, 0, nil
	}
	found, err := v.c.denied.Get(v.c.Now(), deniedAge, func() (denied, error) {
		list, since, err := v.readRefusals()
		return denied{list, since}, err
	})
	return found.list, found.since, err
}

func (v *view) readRefusals() (list []refusal, since int64, err error) {
	size, err := checkpointSize(v.c.Published.Checkpoint())
	if err != nil || size == 0 {
		return nil, 0, err
	}
	var out []refusal
	first := max(0, (size-1)/bundleSize-bundlesRead+1)
	for n := (size - 1) / bundleSize; n >= first; n-- {
		leaves, err := v.bundle(n, size)
		if err != nil {
			return nil, 0, err
		}
		for i := len(leaves) - 1; i >= 0; i-- {
			d, ok := leaves[i].Body.(*ledger.Deny)
			if !ok {
				continue
			}
			x := refusal{d.Organisation, d.Template, d.Rule, 1, leaves[i].Time}
			at := slices.IndexFunc(out, func(y refusal) bool {
				return y.Organisation == x.Organisation && y.Template == x.Template && y.Rule == x.Rule
			})
			if at < 0 {
				out = append(out, x)
			} else {
				out[at].Number++
			}
		}
	}
	slices.SortStableFunc(out, func(a, b refusal) int { return cmp.Compare(a.Organisation, b.Organisation) })
	return out, first * bundleSize, nil
}

// Refused is what somebody was refused, in words.
func (v *view) Refused(r refusal) string { return v.question(r.Template) }
