package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
)

// How much is read at a time, in bytes; it doubles from the first to the second.
const (
	firstBlock = 1 << 16
	fullBlock  = 1 << 18
)

// block is a run of records: bytes, and where each leaf lies in them.
type block struct {
	raw   []byte
	spans []span
	torn  int // bytes after the last whole record, at the end of the log
}

// span is a leaf in a block. Before from lies at least one byte of its record's
// head; head is where that begins, for records that carry a sum.
type span struct{ head, from, to int }

// source fills blocks one after another, io.EOF at the end; it may use the
// memory of what was in them.
type source interface {
	next(*block) error
	io.Closer
}

func (v *verifier) source(o Options) (source, error) {
	if o.Entries {
		return &bundles{fs: o.Log, size: v.covers()}, nil
	}
	f, err := o.Log.Open(walName)
	if errors.Is(err, fs.ErrNotExist) { // a crash while the domain was made; or else the checkpoint covers more
		return &bundles{}, nil
	}
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil {
		v.expect(info.Size() / int64(headSize+leafSizes[0]))
	}
	return &wal{f: f}, nil
}

// covers is how many leaves the checkpoint covers: where no pinned key signed it, how many
// it says that it does. They may show whose key it is (see unpinned).
func (v *verifier) covers() int64 {
	if v.signed != nil {
		return v.signed.size
	}
	lines := strings.SplitN(string(v.text), "\n", 3)
	if len(lines) < 3 {
		return 0
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0
	}
	return max(0, size)
}

// wal reads records of length, CRC-32C and leaf.
type wal struct {
	f     fs.File
	rest  []byte
	size  int // of the next block
	ended bool
}

func (w *wal) Close() error { return w.f.Close() }

const headSize = 8

func (w *wal) next(b *block) error {
	w.size = min(max(2*w.size, firstBlock), fullBlock)
	raw := append(b.raw[:0], w.rest...)
	if !w.ended {
		raw = slices.Grow(raw, w.size)
		n, err := io.ReadFull(w.f, raw[len(raw):len(w.rest)+w.size])
		raw = raw[:len(raw)+n]
		w.ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !w.ended {
			return fmt.Errorf("%w: wal: %w", ErrUnusable, err)
		}
	}
	if len(raw) == 0 {
		return io.EOF
	}
	*b = block{raw: raw, spans: b.spans[:0]}
	at := 0
	for len(raw)-at >= headSize {
		n := int(binary.BigEndian.Uint32(raw[at:]))
		if !slices.Contains(leafSizes[:], n) {
			w.ended = true
			break
		}
		if len(raw)-at < headSize+n {
			break
		}
		b.spans = append(b.spans, span{head: at, from: at + headSize, to: at + headSize + n})
		at += headSize + n
	}
	w.rest = append(w.rest[:0], raw[at:]...)
	if w.ended {
		b.torn, w.rest = len(raw)-at, nil
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// intact checks a record's sum.
func (s span) intact(raw []byte) bool {
	sum := crc32.Checksum(raw[s.head:s.head+4], castagnoli)
	return binary.BigEndian.Uint32(raw[s.head+4:]) == crc32.Update(sum, castagnoli, raw[s.from:s.to])
}

// bundles reads the entry bundles of C2SP tlog-tiles.
type bundles struct {
	fs    fs.FS
	size  int64
	index int64
}

func (t *bundles) Close() error { return nil }

func (t *bundles) next(b *block) error {
	if t.index >= t.size {
		return io.EOF
	}
	name, width := bundleName(t.index/256, t.size)
	raw, err := readSmall(t.fs, name, int64(width)*(2+math.MaxUint16))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	*b = block{raw: raw, spans: b.spans[:0]}
	at := 0
	for range width {
		if len(raw)-at < 2 || len(raw)-at-2 < int(binary.BigEndian.Uint16(raw[at:])) {
			break
		}
		n := int(binary.BigEndian.Uint16(raw[at:]))
		b.spans = append(b.spans, span{head: -1, from: at + 2, to: at + 2 + n})
		at += 2 + n
	}
	b.torn = len(raw) - at
	t.index += int64(len(b.spans))
	if b.torn > 0 || len(b.spans) < width {
		t.size = 0 // nothing more can be placed
	}
	return nil
}

// bundleName is where a bundle of a log of that size is, and how many entries
// it has: x001/x234/067, or x001/x234/067.p/5 if it is not full.
func bundleName(n, size int64) (string, int) {
	path := fmt.Sprintf("%03d", n%1000)
	for k := n / 1000; k > 0; k /= 1000 {
		path = fmt.Sprintf("x%03d/%s", k%1000, path)
	}
	width := min(size-n*256, 256)
	if width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	return "tile/entries/" + path, int(width)
}

// ErrTooLarge says that a file is larger than one of its kind may be. It comes with
// ErrUnusable.
var ErrTooLarge = errors.New("larger than it may be")

// readSmall reads a file of at most so many bytes.
func readSmall(files fs.FS, name string, limit int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: %w: %d bytes", name, ErrTooLarge, limit)
	}
	return b, err
}
