package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// headLen is the length of a record's head: the leaf's length and a CRC-32C
// over that length and the leaf, four bytes each, big-endian.
const headLen = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(b, leaf []byte) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(len(leaf)))
	b = binary.BigEndian.AppendUint32(b, sum(b[start:start+4], leaf))
	return append(b, leaf...)
}

func sum(length, leaf []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, leaf)
}

// errTorn ends a scan: what follows is not a whole record.
var errTorn = errors.New("torn record")

// scan reads the records of a wal of the given size one after another and hands
// each leaf's bytes to visit, which may keep them. It returns the length of the
// whole records, and an error of visit or of reading.
func scan(r io.ReaderAt, size int64, visit func(leaf []byte) error) (int64, error) {
	return scanAll(io.NewSectionReader(r, 0, size), visit)
}

// scanAll is scan to the end of what is read.
func scanAll(r io.Reader, visit func(leaf []byte) error) (int64, error) {
	buffered := &chunked{r: r}
	for end := int64(0); ; {
		leaf, err := buffered.record()
		if errors.Is(err, errTorn) || errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return end, err
		}
		if err := visit(leaf); err != nil {
			return end, err
		}
		end += headLen + int64(len(leaf))
	}
}

type chunked struct {
	r    io.Reader
	buf  []byte
	done bool
}

// need makes sure that n bytes are buffered, or returns io.EOF.
func (c *chunked) need(n int) error {
	for len(c.buf) < n && !c.done {
		fresh := make([]byte, len(c.buf), max(1<<20, n))
		copy(fresh, c.buf)
		got, err := io.ReadFull(c.r, fresh[len(c.buf):cap(fresh)])
		c.buf = fresh[:len(c.buf)+got]
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			c.done = true
		} else if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
	}
	if len(c.buf) < n {
		return io.EOF
	}
	return nil
}

func (c *chunked) record() ([]byte, error) {
	if err := c.need(headLen); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(c.buf))
	if !slices.Contains(sizes[:], n) {
		return nil, errTorn
	}
	if err := c.need(headLen + n); err != nil {
		return nil, err
	}
	leaf := c.buf[headLen : headLen+n : headLen+n]
	if binary.BigEndian.Uint32(c.buf[4:]) != sum(c.buf[:4], leaf) {
		return nil, errTorn
	}
	c.buf = c.buf[headLen+n:]
	return leaf, nil
}
