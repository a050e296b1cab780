package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Read folds a log without locking it and without writing, for estimates and
// lists beside a running server. It counts every whole leaf it finds; a release
// shows only under a checkpoint. The keys are VerifierKey's: the log's, those before it
// and that which comes next, where there are such. An absent log gives ErrMissing, a
// damaged one ErrCorrupt.
func Read(dir string, keys ...string) (*State, error) {
	c, err := ReadCopy(dir, keys...)
	if err != nil {
		return nil, err
	}
	return c.State, nil
}

// Copy is a beginning of a log that is whole in itself, read while the log may grow:
// what to keep of it elsewhere.
type Copy struct {
	*State
	Checkpoint []byte // signed note; it covers leaves of the copy only
	Bytes      int64  // so many of the wal are the copy's leaves

	keys   []note.Verifier
	signed tlog.Tree
	hashes tree
}

// ReadCopy is Read that says which bytes it has read. Whatever a leaf of the copy names
// was on the disk before it, so files that are copied after the log are all there.
func ReadCopy(dir string, keys ...string) (*Copy, error) {
	list, err := verifiers(keys)
	if err != nil {
		return nil, err
	}
	// The checkpoint first: the wal is then at least as long.
	text, err := readFile(OS{}, filepath.Join(dir, checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		if n, _ := sizeOf(OS{}, filepath.Join(dir, walName)); n > 0 {
			return nil, fmt.Errorf("%w: there is a log but no checkpoint", ErrCorrupt)
		}
		return nil, ErrMissing
	}
	if err != nil {
		return nil, err
	}
	c := &Copy{State: newState(list[0].Name()), Checkpoint: text, keys: list}
	var by []note.Verifier
	if c.signed, by, err = openSigned(text, list...); err != nil {
		return nil, err
	}
	c.rootOf = func(size int64) (tlog.Tree, error) { return c.hashes.at(size) }
	wal, err := OS{}.OpenFile(filepath.Join(dir, walName), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return c, checkSigned(nil, 0, c.signed)
	}
	if err != nil {
		return nil, err
	}
	defer wal.Close()
	size, err := wal.Size()
	if err != nil {
		return nil, err
	}
	if c.Bytes, err = scan(wal, size, c.take); err != nil {
		return nil, err
	}
	if err := checkSigned(c.hashes, c.size, c.signed); err != nil {
		return nil, err
	}
	if err := c.signedBy(by, c.signed.N); err != nil {
		return nil, err
	}
	if err := c.handedBy(OS{}, dir, list); err != nil {
		return nil, err
	}
	c.State.signed = c.signed.N
	return c, nil
}

// take folds a leaf.
func (c *Copy) take(raw []byte) error {
	leaf, err := Decode(raw)
	if err == nil {
		err = c.apply(leaf, raw)
	}
	if err != nil {
		return unread(c.size, err)
	}
	c.hashes, err = c.hashes.with(leaf.Index, raw)
	return err
}

// Continues says whether the copy has all of a checkpoint that is known elsewhere:
// ErrRolledBack where it is shorter, or another log. More may have been charged than any
// checkpoint tells, but no answer was given that is not under one.
func (c *Copy) Continues(known []byte) error {
	return remembers(c.hashes, c.size, known, c.keys)
}

// verifiers are those of a log's keys.
func verifiers(keys []string) (list []note.Verifier, err error) {
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("ledger: verifier key: %w", err)
		}
		list = withKey(list, v)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: a log is read by its key", ErrKey)
	}
	return list, nil
}
