package ledger

import (
	"errors"
	"fmt"
	"testing"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// One witness of another time, while another is away, says nothing of our clock: it may be
// wrong itself. As many as leave no quorum are believed.
func TestOneWrongWitnessClock(t *testing.T) {
	apart, away := fmt.Errorf("%w: %w", witness.ErrAnswer, witness.ErrClock), errors.New("unplugged")
	for _, x := range []struct {
		of, quorum int64
		missing    []error
		want       bool
	}{
		{1, 1, []error{apart}, true},
		{3, 2, []error{apart, away}, false},
		{3, 2, []error{apart, apart}, true},
		{3, 2, []error{apart, away, away}, false},
		{5, 3, []error{apart, apart, away}, false},
		{5, 3, []error{apart, apart, apart}, true},
		{3, 3, []error{apart}, true},
		{3, 2, []error{away, away}, false},
	} {
		few := &witness.QuorumError{Have: int(x.of) - len(x.missing), Quorum: int(x.quorum)}
		for _, err := range x.missing {
			few.Missing = append(few.Missing, witness.Missing{Err: err})
		}
		by := Witnesses{Keys: make([]string, x.of), Quorum: x.quorum}
		if got := contradicted(by, fmt.Errorf("asked: %w", few)); got != x.want {
			t.Errorf("%d of %d, %v: %v", x.quorum, x.of, x.missing, got)
		}
	}
}
