package ledger

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is the height of a tile in C2SP tlog-tiles.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// extent is a prefix of the log that no longer changes: its hashes, where its
// records end in the wal, and the wal.
type extent struct {
	fs   FS
	dir  string
	wal  File
	tree tree
	ends []int64
}

// tilePath is where a tile is kept under the ledger's directory.
func tilePath(t tlog.Tile) string {
	kind := fmt.Sprint(t.L)
	if t.L < 0 {
		kind = "entries"
	}
	path := tlog.Tile{H: tileHeight, N: t.N, W: t.W}.Path() // tile/8/0/x001/234.p/5
	return filepath.Join("tile", kind, filepath.FromSlash(strings.TrimPrefix(path, "tile/8/0/")))
}

// tiles are the hash tiles and entry bundles that a tree of size to has and one
// of size from had not.
func tiles(from, to int64) []tlog.Tile {
	list := tlog.NewTiles(tileHeight, from, to)
	for _, t := range list {
		if t.L == 0 {
			list = append(list, tlog.Tile{H: tileHeight, L: -1, N: t.N, W: t.W})
		}
	}
	return list
}

// partials are the tiles of a size that are not full.
func partials(size int64) []tlog.Tile {
	var list []tlog.Tile
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		n := size >> (tileHeight * level)
		if w := int(n % tileWidth); w > 0 {
			list = append(list, tlog.Tile{H: tileHeight, L: level, N: n / tileWidth, W: w})
			if level == 0 {
				list = append(list, tlog.Tile{H: tileHeight, L: -1, N: n / tileWidth, W: w})
			}
		}
	}
	return list
}

// writeTiles brings the projection from one size to another. Nothing depends on
// it: Open looks after whatever a crash took away.
func (x extent) writeTiles(from, to int64) error {
	for _, t := range tiles(from, to) {
		if err := x.writeTile(t); err != nil {
			return err
		}
	}
	return nil
}

func (x extent) writeTile(t tlog.Tile) error {
	b, err := x.tile(t)
	if err != nil {
		return err
	}
	name := filepath.Join(x.dir, tilePath(t))
	if err := x.fs.MkdirAll(filepath.Dir(name)); err != nil {
		return err
	}
	return writeFile(x.fs, name, b, t.W == tileWidth)
}

// mendTiles writes those tiles of a size that are missing or differ. The
// contents of full entry bundles, fsynced when they were made, are taken on
// their length.
func (x extent) mendTiles(size int64) error {
	for _, t := range tiles(0, size) {
		name := filepath.Join(x.dir, tilePath(t))
		if t.L < 0 && t.W == tileWidth {
			if n, err := sizeOf(x.fs, name); err == nil && n == x.bundleSize(t) {
				continue
			}
		}
		want, err := x.tile(t)
		if err != nil {
			return err
		}
		if have, err := readFile(x.fs, name); err == nil && string(have) == string(want) {
			continue
		}
		if err := x.writeTile(t); err != nil {
			return err
		}
	}
	return nil
}

// dropTiles removes the partial tiles of an old size that two newer sizes have
// made useless: a reader may still hold the size before the newest.
func (x extent) dropTiles(old, newer, newest int64) {
	keep := map[string]bool{}
	for _, t := range append(partials(newer), partials(newest)...) {
		keep[tilePath(t)] = true
	}
	for _, t := range partials(old) {
		if p := tilePath(t); !keep[p] {
			_ = x.fs.Remove(filepath.Join(x.dir, p)) // left behind, it does no harm
		}
	}
}

// tile gives a tile's bytes: hashes, or leaves each after its length in two bytes.
func (x extent) tile(t tlog.Tile) ([]byte, error) {
	if t.L >= 0 {
		return tlog.ReadTileData(t, x.tree)
	}
	first, last := t.N*tileWidth, t.N*tileWidth+int64(t.W)
	records := make([]byte, x.start(last)-x.start(first))
	if _, err := x.wal.ReadAt(records, x.start(first)); err != nil {
		return nil, fmt.Errorf("read leaves from %d: %w", first, err)
	}
	b := make([]byte, 0, x.bundleSize(t))
	for i := first; i < last; i++ {
		leaf := records[x.start(i)-x.start(first)+headLen : x.start(i+1)-x.start(first)]
		b = binary.BigEndian.AppendUint16(b, uint16(len(leaf)))
		b = append(b, leaf...)
	}
	return b, nil
}

// bundleSize is the length of an entry bundle: a record's head is eight bytes
// in the wal and two in a bundle.
func (x extent) bundleSize(t tlog.Tile) int64 {
	first := t.N * tileWidth
	last := first + int64(t.W)
	return x.start(last) - x.start(first) - (headLen-2)*int64(t.W)
}

// start is where the record of a leaf begins in the wal.
func (x extent) start(index int64) int64 {
	if index == 0 {
		return 0
	}
	return x.ends[index-1]
}

// raw reads a leaf's bytes back from the wal.
func (x extent) raw(index int64) ([]byte, error) {
	if index < 0 || index >= int64(len(x.ends)) {
		return nil, fmt.Errorf("%w: leaf %d", ErrUnknown, index)
	}
	at := x.start(index) + headLen
	b := make([]byte, x.ends[index]-at)
	if _, err := x.wal.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read leaf %d: %w", index, err)
	}
	return b, nil
}
