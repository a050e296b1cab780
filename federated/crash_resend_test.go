package federated

import (
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A coordinator put back to any phase of an attempt gets again what it lacks, whatever
// order the nodes come in: nobody is charged for a second attempt.
func TestCrashCoordinatorFromEarlierBackup(t *testing.T) {
	for f := secagg.PhaseHello; f <= secagg.PhaseConfirm; f++ {
		for _, restart := range []bool{false, true} {
			w := newWorld(t, 1, 12)
			list := w.mortals()
			home, backup := filepath.Join(w.dir, "coordinator"), filepath.Join(w.dir, "backup")
			for w.parties[0].node.try == nil || w.c.Status().Phase < f {
				w.turn()
			}
			copyDir(t, home, backup)
			for len(w.parties[0].node.Issued()) == 0 || len(w.parties[1].node.Issued()) == 0 || len(w.parties[2].node.Issued()) == 0 {
				w.turn()
			}
			must(t, w.c.Close())
			copyDir(t, backup, home)
			w.openCoordinator()
			if restart {
				for _, m := range list {
					w.bury(m)
				}
			}
			w.run()
			if s := w.c.Status(); s.Attempt != 1 || !s.Done {
				t.Errorf("back to %v, nodes opened anew %v: attempt %d, done %v, %q; charged %v", f, restart, s.Attempt, s.Done, s.Ended, w.bookkeeper(0).Charged(w.parties[0].node.job))
			}
		}
	}
}
