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
	var list []note.Verifier
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
	signed, by, err := openSigned(text, list...)
	if err != nil {
		return nil, err
	}
	s := newState(list[0].Name())
	var hashes tree
	s.rootOf = func(size int64) (tlog.Tree, error) { return hashes.at(size) }
	wal, err := OS{}.OpenFile(filepath.Join(dir, walName), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return s, checkSigned(nil, 0, signed)
	}
	if err != nil {
		return nil, err
	}
	defer wal.Close()
	size, err := wal.Size()
	if err != nil {
		return nil, err
	}
	_, err = scan(wal, size, func(raw []byte) error {
		leaf, err := Decode(raw)
		if err == nil {
			err = s.apply(leaf, raw)
		}
		if err != nil {
			return fmt.Errorf("%w: leaf %d: %w", ErrCorrupt, s.size, err)
		}
		hashes, err = hashes.with(leaf.Index, raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := checkSigned(hashes, s.size, signed); err != nil {
		return nil, err
	}
	if err := s.signedBy(by, signed.N); err != nil {
		return nil, err
	}
	s.signed = signed.N
	return s, nil
}
