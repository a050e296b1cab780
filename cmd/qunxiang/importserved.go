package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// besideServer is loadDomain without the lock, which a server may have: an import takes long.
// Where nobody has it, everything that it takes to register a snapshot was opened once.
func besideServer(ctx context.Context, dir, as string, public declared) (*domain, error) {
	d, err := openDomain(ctx, dir, writing)
	if errors.Is(err, errNoDomain) {
		d, err = newDomain(ctx, dir, public)
	}
	if err == nil {
		err = d.Close()
	}
	if err != nil && !errors.Is(err, ledger.ErrInUse) {
		return nil, err
	}
	if d, err = openDomain(ctx, dir, reading); err != nil {
		return nil, err
	}
	if err := d.policy().May(as, policy.LoadData); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// load imports, and says meanwhile how far it is.
func (d *domain) load(ctx context.Context, as string, o dataset.Options) (m *dataset.Manifest, q *dataset.Quality, err error) {
	report, err := d.reportImport(ctx, o.Binding.Name, as)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, report.end()) }()
	draw := o.Progress
	o.Progress = func(p dataset.Progress) {
		report.tell(p)
		if draw != nil {
			draw(p)
		}
	}
	return dataset.Import(ctx, o)
}

// handIn registers a loaded snapshot, or leaves it to the server that has the domain.
func (d *domain) handIn(ctx context.Context, w io.Writer, m *dataset.Manifest, as string) error {
	owner, err := openDomain(ctx, d.dir, writing)
	if errors.Is(err, ledger.ErrInUse) {
		if d.state.Supervised() {
			waitsForApproval(w, "snapshot "+m.ID)
		} else {
			fmt.Fprintln(w, "the server that has the domain takes the snapshot within seconds")
		}
		return d.leave(keptProposal{Snapshot: &ledger.Snapshot{Snapshot: m.ID, By: as}})
	}
	if err != nil {
		return err
	}
	return errors.Join(owner.register(ctx, w, m, as), owner.Close())
}
