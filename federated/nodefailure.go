package federated

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Err is the failure of the disk after which the node has to be opened again, nil for
// none: of the journal, or of another file in the job's folder. Steps that were cut off
// by it are not made up for in memory; opening goes on from what the disk has, and sends
// a share that was issued.
func (n *Node) Err() error {
	if n.failure != nil {
		return n.failure
	}
	return n.journal.Err()
}

// kept remembers the failure of a file in the job's folder. Those of others, a transport
// in the same process or a snapshot, pass.
func (n *Node) kept(err error) error {
	var file *fs.PathError
	var renamed *os.LinkError
	if errors.As(err, &file) && n.within(file.Path) || errors.As(err, &renamed) && n.within(renamed.New) {
		n.failure = err
	}
	return err
}

func (n *Node) within(path string) bool {
	inside, err := filepath.Rel(n.o.Dir, path)
	return err == nil && filepath.IsLocal(inside)
}
