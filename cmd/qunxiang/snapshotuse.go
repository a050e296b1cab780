package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// errUnresolved says that the opt-outs from before could not be looked up in a load.
var errUnresolved = errors.New("the people who have opted out cannot be looked up in it")

// putInUse registers a snapshot that has its approvals. From that leaf on it is asked, so
// those who opted out before, perhaps under another name than this load has, are found in it
// first.
func (d *domain) putInUse(ctx context.Context, s ledger.Snapshot) error {
	digest, err := ledger.ContentDigest(&s)
	if err != nil {
		return err
	}
	if err := d.state.Approved(ledger.SubjectSnapshot, digest, time.Now(), s.By); err != nil {
		return err
	}
	if err := d.resolveOptOutsIn(ctx, s.Snapshot); err != nil {
		return fmt.Errorf("snapshot %s: %w: %w", s.Snapshot, errUnresolved, err)
	}
	_, err = d.ledger.Snapshot(ctx, s)
	return err
}
