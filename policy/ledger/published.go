package ledger

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Newest is the newest checkpoint, as it stands in the directory: a signed note.
func (l *Ledger) Newest() []byte {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clone(l.newest)
}

// Tile gives a tile of C2SP tlog-tiles: hashes, or with L = -1 an entry bundle. H must be
// 8. It is ErrUnknown for what is not all under the newest checkpoint.
func (l *Ledger) Tile(t tlog.Tile) ([]byte, error) {
	l.mu.RLock()
	x, signed := l.extent(), l.signed
	l.mu.RUnlock()
	const deepest = 7 // levels of 8 in a tree of at most 2^62 leaves
	level := max(t.L, 0)
	if t.H != tileHeight || t.L < -1 || level > deepest || t.W < 1 || t.W > tileWidth || t.N < 0 ||
		t.N > signed>>(tileHeight*level) || t.N*tileWidth+int64(t.W) > signed>>(tileHeight*level) {
		return nil, fmt.Errorf("%w: no such tile under the checkpoint", ErrUnknown)
	}
	return x.tile(t)
}
