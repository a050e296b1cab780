package witness

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
)

// maxConflicts bounds what is kept of one log: a log that forks without end would fill
// the disk.
const maxConflicts = 1000

// contradiction keeps two checkpoints of one size and different roots, both signed by
// the log: anybody can see from them that it has two histories. What cannot be kept is
// still refused.
func (w *Witness) contradiction(l *watched, c Checkpoint, n *note.Note) {
	all := filepath.Join(l.folder, conflictFolder)
	sum := sha256.Sum256([]byte(n.Text))
	folder := filepath.Join(all, fmt.Sprintf("%d-%x", c.Size, sum[:8]))
	if _, err := os.Stat(folder); err == nil {
		return // it is there already
	}
	offered, err := note.Sign(n)
	kept, listed := os.ReadDir(all)
	switch {
	case err != nil:
	case listed == nil && len(kept) >= maxConflicts:
		err = fmt.Errorf("%d are kept already", maxConflicts)
	default:
		err = writeConflict(folder, l.state.note, offered)
	}
	if err != nil {
		w.log.Error("THE LOG HAS TWO HISTORIES, and the proof could not be kept", "origin", c.Origin, "size", c.Size, "error", err)
		return
	}
	w.log.Error("THE LOG HAS TWO HISTORIES: the proof, two checkpoints of one size that it signed, is kept", "origin", c.Origin, "size", c.Size, "folder", folder)
}

// writeConflict writes the pair into a folder that appears whole or not at all.
func writeConflict(folder string, cosigned, refused []byte) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return err
	}
	part := folder + ".new"
	if err := os.MkdirAll(part, 0o700); err != nil {
		return err
	}
	d := osDisk{}
	for name, b := range map[string][]byte{"cosigned": cosigned, "refused": refused} {
		if err := replace(d, filepath.Join(part, name), b); err != nil {
			return err
		}
	}
	if err := os.Rename(part, folder); err != nil {
		return err
	}
	return d.sync(filepath.Dir(folder))
}
