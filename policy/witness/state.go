package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Each log has a folder in <dir>/state, named by the SHA-256 of its origin, with the
// newest checkpoint that was cosigned: the log's signatures and, last, the witness's own
// cosignature, by which damage is seen. A log that nothing was cosigned of yet has the
// empty tree's checkpoint there, so that a lost file is never taken for a new log.
const (
	stateFolder    = "state"
	checkpointFile = "checkpoint"
	conflictFolder = "conflicts"
)

// state is what a witness knows of a log.
type state struct {
	Checkpoint
	note []byte    // signed by the log and cosigned
	at   time.Time // of the cosignature
}

// OriginHash names a log in paths: SHA-256 of its origin, in hexadecimal.
func OriginHash(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}

// logFolder is where a log's files are.
func logFolder(dir, origin string) string {
	return filepath.Join(dir, stateFolder, OriginHash(origin))
}

// readState reads a state and checks it by the witness's own cosignature.
func readState(d disk, folder string, own *CosignatureVerifier) (s state, err error) {
	b, err := d.read(filepath.Join(folder, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("%w: it is not there: it was lost or moved, and a new one would forget what was cosigned", ErrState)
	}
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrState, err)
	}
	n, err := note.Open(b, note.VerifierList(own))
	if err != nil {
		return s, fmt.Errorf("%w: it is damaged: %s does not stand as %s signed it", ErrState, filepath.Join(folder, checkpointFile), own.Name())
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrState, err)
	}
	if OriginHash(c.Origin) != filepath.Base(folder) {
		return s, fmt.Errorf("%w: %s is another log's", ErrState, filepath.Join(folder, checkpointFile))
	}
	at, _ := own.Time(n)
	return state{Checkpoint: c, note: b, at: at}, nil
}

// Begin makes the state of a log that the witness has not known: nothing cosigned. It
// is fs.ErrExist where there is one.
func Begin(dir, origin string, own *Cosigner) error {
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock.Close()
	folder := logFolder(dir, origin)
	name := filepath.Join(folder, checkpointFile)
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	b, err := note.Sign(&note.Note{Text: Checkpoint{Origin: origin, Root: emptyRoot()}.Text()}, own)
	if err == nil {
		_, err = note.Open(b, note.VerifierList(own.Verifier()))
	}
	if err != nil || strings.Contains(origin, "\n") {
		return fmt.Errorf("%w: %q is no origin", ErrMalformed, origin)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := replace(osDisk{}, name, b); err != nil {
		return err
	}
	for _, parent := range []string{filepath.Dir(folder), dir} { // their names too
		if err := (osDisk{}).sync(parent); err != nil {
			return err
		}
	}
	return nil
}

// LogState is what a witness knows of a log, for its operator.
type LogState struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"` // leaves of the newest checkpoint cosigned
	Root   string    `json:"root"` // base64
	Time   time.Time `json:"time"` // of that cosignature
	// Conflicts are the folders of checkpoints that contradict each other.
	Conflicts []string `json:"conflicts"`
}

// States reads what a witness's folder knows, also while another process serves it. A
// log whose state is damaged is ErrState; the others are given all the same.
func States(dir string, own *CosignatureVerifier) (list []LogState, err error) {
	folders, err := os.ReadDir(filepath.Join(dir, stateFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var bad error
	for _, f := range folders {
		folder := filepath.Join(dir, stateFolder, f.Name())
		s, err := readState(osDisk{}, folder, own)
		if err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		l := LogState{Origin: s.Origin, Size: s.Size, Root: s.Root.String(), Time: s.at, Conflicts: []string{}}
		found, _ := os.ReadDir(filepath.Join(folder, conflictFolder))
		for _, c := range found {
			l.Conflicts = append(l.Conflicts, filepath.Join(folder, conflictFolder, c.Name()))
		}
		list = append(list, l)
	}
	return list, bad
}
