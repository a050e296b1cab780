package main

import (
	"context"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// insideFacts are what stewards see on the domain's own listener.
type insideFacts struct{ d *domain }

// Loads are the snapshots that the log names, with the reports of their imports.
func (f insideFacts) Loads() ([]console.Load, error) {
	var out []console.Load
	for _, s := range f.d.state.Registered() {
		m, err := dataset.Load(f.d.dir, s.Snapshot)
		if err != nil {
			return nil, err
		}
		q, err := dataset.LoadQuality(f.d.dir, s.Snapshot)
		if err != nil {
			return nil, err
		}
		out = append(out, console.Load{Manifest: *m, By: s.By, Quality: q})
	}
	slices.Reverse(out)
	return out, nil
}

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
