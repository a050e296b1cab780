package federated

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/glm"
)

// An opt-out that comes into force while a job goes on acts on its next attempt, and the
// charges name the epochs that the rows keep to. Rows that are read while the epoch
// changes are read again.
func TestOptOutsActOnAnOpenJob(t *testing.T) {
	w := newWorld(t, 3, 12)
	first := dayOf(w.clock)() - 1
	epoch, read := first, []int64{}
	o := w.options(0)
	all := w.parties[0].rows
	o.Epoch = func() int64 { return epoch }
	o.Rows = func(context.Context) ([]glm.Row, error) {
		read = append(read, epoch)
		rows := all[epoch-first:] // one opts out each day
		if epoch == first+1 {
			epoch++
		}
		return rows, nil
	}
	var err error
	w.parties[0].node, err = OpenNode(ctx, o)
	must(t, err)
	w.openNode(1)
	w.openNode(2)
	for w.parties[0].node.Round() == 0 {
		w.turn()
	}
	epoch++
	w.now = w.now.Add(24 * time.Hour)
	w.run()
	w.sameModel()
	if !slices.Equal(read, []int64{first, first + 1, first + 2}) {
		t.Fatalf("the rows were read in the epochs %v", read)
	}
	// The next round's attempt may have begun in the turn that closed the first.
	var named []int64
	for _, r := range w.parties[0].ledger.Requests() {
		named = append(named, r.Epoch)
	}
	if !slices.IsSorted(named) || named[0] != first || named[2] != first+2 {
		t.Fatalf("the charges name the epochs %v", named)
	}
}

// Rows of a later epoch that break the contract stop the job before anything of the
// attempt is sent.
func TestLaterRowsAreCheckedToo(t *testing.T) {
	w := newWorld(t, 2, 12)
	epoch := dayOf(w.clock)() - 1
	o := w.options(0)
	o.Epoch = func() int64 { return epoch }
	var err error
	w.parties[0].node, err = OpenNode(ctx, o)
	must(t, err)
	w.openNode(1)
	w.openNode(2)
	epoch++
	w.parties[0].rows[3].Values[0].Number = 61
	w.run()
	if got := w.parties[0].node.Stopped(); got != "the data break the contract in age" {
		t.Fatalf("it stopped with %q", got)
	}
	w.charged(0)
}
