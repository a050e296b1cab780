package federated

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// discard removes what was kept of an attempt that ends before the barrier: it gave
// nothing and cost nothing, and one node that aborts again and again would fill the
// others' disks. What cannot be removed goes at the next open.
func (n *Node) discard(t *try) {
	t.forget()
	if slices.Contains(n.journal.Issued(), t.number) {
		return
	}
	if err := os.RemoveAll(string(t.store)); err != nil {
		n.o.Log(fmt.Sprintf("attempt %d: its files could not be removed", t.number))
	}
}

// accounted wants a charge for every attempt of which there is an own SHARE. It is kept
// only after the charge, so that a ledger without it is an old copy, and what shows it
// must not be removed. journal.ErrRollback.
func (n *Node) accounted(charged map[uint64]string) error {
	entries, err := os.ReadDir(string(n.dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "attempt-")
		if !ok {
			continue
		}
		if _, err := os.Stat(filepath.Join(n.dir.path(e.Name()), messageName(secagg.PhaseShare, n.self))); errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		attempt, err := strconv.ParseUint(name, 10, 64)
		if _, ok := charged[attempt]; err != nil || !ok {
			return fmt.Errorf("%w: %s has the own share, and the ledger no charge for it", journal.ErrRollback, e.Name())
		}
	}
	return nil
}

// sweep removes the attempts that a crash ended before the barrier. It needs the
// journal: what is charged stays.
func (n *Node) sweep() error {
	entries, err := os.ReadDir(string(n.dir))
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, a := range n.journal.Issued() {
		kept[attemptName(a)] = true
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "attempt-") && !kept[e.Name()] {
			err = errors.Join(err, os.RemoveAll(n.dir.path(e.Name())))
		}
	}
	return err
}
