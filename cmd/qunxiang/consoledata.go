package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// insideFacts are what stewards see on the domain's own listener.
type insideFacts struct{ d *domain }

// Loads are the snapshots that wait for approvals and then those that the log names, newest
// first, with the reports of their imports. One that cannot be read hides no other.
func (f insideFacts) Loads() ([]console.Load, error) {
	registered := f.d.state.Registered()
	kept, _, err := f.d.keptProposals() // a file that is none is told where approvals are
	if err != nil {
		return nil, err
	}
	var out []console.Load
	for _, k := range kept {
		if k.Snapshot == nil || slices.Contains(registered, *k.Snapshot) {
			continue
		}
		digest, _, err := k.digest()
		if err != nil {
			return nil, err
		}
		l := f.load(*k.Snapshot)
		l.Waits = digest
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b console.Load) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(a.ID, b.ID))
	})
	for _, s := range slices.Backward(registered) {
		out = append(out, f.load(s))
	}
	return out, nil
}

// load reads one of them, as far as it can be read.
func (f insideFacts) load(s ledger.Snapshot) console.Load {
	out := console.Load{Manifest: dataset.Manifest{ID: s.Snapshot}, By: s.By}
	if m, err := dataset.Load(f.d.dir, s.Snapshot); err == nil {
		out.Manifest = *m
	}
	if q, err := dataset.LoadQuality(f.d.dir, s.Snapshot); err == nil {
		out.Quality = q
	}
	return out
}

// Importing is the import of this domain, whichever process it runs in.
func (f insideFacts) Importing() (*console.Import, error) { return f.d.importing() }

// OptOuts are counted by day, as data optout list does.
func (f insideFacts) OptOuts() ([]dataset.OptOutDay, int64, error) {
	days, err := dataset.ListOptOuts(f.d.dir)
	return days, dataset.Epoch(time.Now()), err
}

// Enrolments asks the coordinator of the same machine, where there is one.
func (f insideFacts) Enrolments(ctx context.Context) ([]federation.EnrolmentState, bool) {
	if f.d.coordinator == "" {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, statusWaits)
	defer cancel()
	client, err := adminClient(f.d.coordinator)
	if err != nil {
		return nil, false
	}
	defer client.Close()
	list, err := client.Enrolments(ctx)
	return list, err == nil
}
