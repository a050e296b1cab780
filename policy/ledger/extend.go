package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// Extend brings a log that was put back from an old copy up to what another copy of it
// has: a folder or bundle with its checkpoint, and its wal or its entry bundles (C2SP
// tlog-tiles). It takes the leaves under that checkpoint, which one of the log's keys must have
// signed, and nobody's word for them: ErrRolledBack where they do not go on from the log
// that is here, ErrCorrupt where they are not those of the checkpoint. A copy that is no
// longer than the log here changes nothing. Nobody else may have the directory open.
func Extend(dir string, from fs.FS, keys ...string) error {
	here, err := ReadCopy(dir, keys...)
	if err != nil {
		return err
	}
	text, err := fs.ReadFile(from, checkpointName)
	if err != nil {
		return err
	}
	newer, _, err := openSigned(text, here.keys...)
	if err != nil {
		return err
	}
	if newer.N <= here.size && remembers(here.hashes, here.size, text, here.keys) == nil {
		return nil
	}
	brought := &brought{want: newer}
	if err := brought.read(from); err != nil {
		return err
	}
	if err := checkSigned(brought.hashes, brought.n, newer); err != nil {
		return err
	}
	// What is under the checkpoint here must be its beginning. What is beyond was answered
	// to nobody, and may have been lost before it was durable.
	if err := remembers(brought.hashes, brought.n, here.Checkpoint, here.keys); err != nil {
		return err
	}
	if err := writeFile(OS{}, filepath.Join(dir, walName), brought.records, true); err != nil {
		return err
	}
	if err := replaceFile(OS{}, filepath.Join(dir, checkpointName), text); err != nil {
		return err
	}
	if _, err := ReadCopy(dir, keys...); err != nil { // every rule, and all of it
		return err
	}
	return bringHandovers(dir, from)
}

// bringHandovers takes the handovers that are not here: checkpoints that a key signed
// last, which whoever pinned it checks.
func bringHandovers(dir string, from fs.FS) error {
	for n := 1; ; n++ {
		name := filepath.Join(dir, HandoverName(n))
		if _, err := sizeOf(OS{}, name); err == nil {
			continue
		}
		text, err := fs.ReadFile(from, HandoverName(n))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := replaceFile(OS{}, name, text); err != nil {
			return err
		}
	}
}

// brought is what another copy has under its checkpoint.
type brought struct {
	want    tlog.Tree
	hashes  tree
	n       int64
	records []byte
}

// errEnough ends a scan at the checkpoint.
var errEnough = errors.New("enough")

func (b *brought) take(leaf []byte) error {
	if b.n == b.want.N {
		return errEnough
	}
	var err error
	if b.hashes, err = b.hashes.with(b.n, leaf); err != nil {
		return err
	}
	b.records = appendFrame(b.records, leaf)
	b.n++
	return nil
}

func (b *brought) read(from fs.FS) error {
	f, err := from.Open(walName)
	if errors.Is(err, fs.ErrNotExist) {
		return b.bundles(from)
	}
	if err != nil {
		return err
	}
	_, err = scanAll(f, b.take)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// bundles reads the entry bundles of a tree of the wanted size, wherever they are in
// C2SP tlog-tiles: tile/entries.
func (b *brought) bundles(from fs.FS) error {
	for n := int64(0); b.n < b.want.N; n++ {
		t := tlog.Tile{H: tileHeight, L: -1, N: n, W: int(min(tileWidth, b.want.N-n*tileWidth))}
		raw, err := fs.ReadFile(from, path.Clean(filepath.ToSlash(tilePath(t))))
		if err != nil {
			return err
		}
		for range t.W {
			if len(raw) < 2 || len(raw)-2 < int(binary.BigEndian.Uint16(raw)) {
				return fmt.Errorf("%w: entry bundle %d is short", ErrCorrupt, n)
			}
			end := 2 + int(binary.BigEndian.Uint16(raw))
			if err := b.take(raw[2:end]); err != nil {
				return err
			}
			raw = raw[end:]
		}
	}
	return nil
}
