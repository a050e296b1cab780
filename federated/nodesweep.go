package federated

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
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
