package ledgertest

import (
	"fmt"
	"io"
	"slices"
)

// handle is an open file of a Disk.
type handle struct {
	d *Disk
	n *inode
}

func (h *handle) ReadAt(b []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if _, err := h.d.op(); err != nil {
		return 0, err
	}
	if off >= int64(len(h.n.cache)) {
		return 0, io.EOF
	}
	n := copy(b, h.n.cache[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	struck, err := h.d.op()
	if err != nil && !(struck && slices.Contains([]Fault{Torn, Full, Short, Power}, h.d.fault)) {
		return 0, err
	}
	if err != nil {
		b = b[:len(b)/2]
	}
	if grow := int(off) + len(b) - len(h.n.cache); grow > 0 {
		h.n.cache, h.n.resized = append(h.n.cache, make([]byte, grow)...), true
	}
	copy(h.n.cache[off:], b)
	for s := int(off) / sector; s*sector < int(off)+len(b); s++ {
		h.n.dirty[s] = true
	}
	return len(b), err
}

func (h *handle) Size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	_, err := h.d.op()
	return int64(len(h.n.cache)), err
}

func (h *handle) Truncate(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if _, err := h.d.op(); err != nil {
		return err
	}
	if int(size) > len(h.n.cache) {
		return fmt.Errorf("truncate to more")
	}
	h.n.cache, h.n.resized = h.n.cache[:size], true
	return nil
}

// Sync puts dirty sectors on the medium. When it fails it forgets them, as
// Linux does: they look clean, and another fsync will not write them.
func (h *handle) Sync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	_, err := h.d.count(true)
	if err != nil {
		if !h.d.dead {
			h.n.dirty = map[int]bool{}
		}
		return err
	}
	n := h.n
	medium := make([]byte, len(n.cache))
	copy(medium, n.medium)
	for s := range n.dirty {
		if from := s * sector; from < len(medium) {
			copy(medium[from:min(len(medium), from+sector)], n.cache[from:])
		}
	}
	n.medium, n.dirty, n.resized = medium, map[int]bool{}, false
	return nil
}

func (h *handle) Close() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	_, err := h.d.op()
	return err
}
