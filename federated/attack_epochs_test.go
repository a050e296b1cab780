package federated

import (
	"context"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// everAnew is a coordinator that says at every poll that it was started again.
type everAnew struct {
	wire
	on    bool
	epoch uint64
	bytes int
}

func (r *everAnew) Poll(ctx context.Context, from Place) ([]Item, Place, error) {
	if !r.on {
		return r.wire.Poll(ctx, from)
	}
	r.epoch++
	return nil, Place{Epoch: r.epoch}, nil
}

func (r *everAnew) Post(ctx context.Context, p Posting) error {
	if r.on {
		r.bytes += len(p.Body)
		return nil
	}
	return r.wire.Post(ctx, p)
}

// A coordinator cannot make a node send its ciphertexts at every poll.
func TestAttackEpochsWithoutEnd(t *testing.T) {
	w := newWorld(t, 1, 12)
	r := &everAnew{wire: wire{w}}
	w.parties[0].transport = r
	w.openNodes()
	n := w.parties[0].node
	for n.try == nil || n.try.phase < secagg.PhaseConfirm {
		w.turn()
	}
	one := 2*n.params.PolyBytes() + n.params.PolyBytes()
	r.on = true
	for range 50 { // 25 seconds at the default poll of 500 ms; the clock stands still
		_, err := n.Step(ctx)
		must(t, err)
	}
	if r.bytes > 5*one {
		t.Errorf("%d bytes in 50 polls, where %d are one attempt's", r.bytes, one)
	}
}
