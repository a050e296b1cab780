// Package ledgertest is for tests only: a file system that fails on purpose, for the
// ledger and for whatever else keeps its files through ledger.FS.
package ledgertest

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing/fstest"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Disk is a file system in memory with a memory of its own: what was written is
// in its cache, and only what was fsynced is sure to be there after the power
// fails. At one chosen operation it fails.
type Disk struct {
	mu     sync.Mutex
	names  map[string]*inode // as processes see them
	stable map[string]*inode // as the medium has them
	locked map[string]bool
	ops    int
	at     int // the operation that fails; 0 for none
	syncs  bool
	fault  Fault
	dead   bool // the process was killed: nothing it does has any effect
}

type inode struct {
	cache, medium []byte
	dirty         map[int]bool // sectors in the cache that are not on the medium
	resized       bool
}

// Fault is how the disk fails.
type Fault string

// The faults.
const (
	Kill  Fault = "kill"           // the process ends; the cache stays
	Torn  Fault = "torn write"     // the process ends in the middle of a write
	Power Fault = "power loss"     // the process ends, and some of the cache is lost
	EIO   Fault = "EIO"            // the operation fails; an fsync loses what it should have written
	Full  Fault = "ENOSPC"         // the operation fails; a write after half of it
	Short Fault = "short write"    // a write ends after half of it
	Slow  Fault = "EIO then power" // as EIO, and the power fails when the process has ended
)

// Faults are all of them.
func Faults() []Fault { return []Fault{Kill, Torn, Power, EIO, Full, Short, Slow} }

// ErrKilled is what a dead process gets for every operation.
var ErrKilled = errors.New("killed")

const sector = 512

// NewDisk is an empty disk on which nothing fails.
func NewDisk() *Disk {
	return &Disk{names: map[string]*inode{}, stable: map[string]*inode{}, locked: map[string]bool{}}
}

// Fail has the disk fail at an operation, counted from the start or the last Restart.
func (d *Disk) Fail(f Fault, at int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.at, d.syncs = f, at, false
}

// FailSync has the disk fail at an fsync, of a file or directory; from here on only these
// are counted.
func (d *Disk) FailSync(f Fault, at int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.at, d.syncs, d.ops = f, at, true, 0
}

// Ops is how many operations have been counted.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// Dead says whether the process has been killed.
func (d *Disk) Dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// Has says whether there is a file of a name, as processes see it.
func (d *Disk) Has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[name] != nil
}

// op counts an operation and says whether it goes on, or with which error it ends.
func (d *Disk) op() (struck bool, err error) { return d.count(!d.syncs) }

// count is op, which a disk that fails at an fsync does not count otherwise.
func (d *Disk) count(counts bool) (struck bool, err error) {
	if d.dead {
		return false, ErrKilled
	}
	if !counts {
		return false, nil
	}
	d.ops++
	if d.ops != d.at {
		return false, nil
	}
	switch d.fault {
	case Kill, Torn, Power:
		d.dead = true
		return true, ErrKilled
	case Full:
		return true, syscall.ENOSPC
	case Short:
		return true, io.ErrShortWrite
	}
	return true, syscall.EIO
}

// Restart is a new process on the same disk.
func (d *Disk) Restart() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead, d.locked, d.ops, d.at, d.syncs = false, map[string]bool{}, 0, 0, false
}

// Lose is the power failing: of what was not fsynced, chance decides for each sector and
// each name whether it is on the medium, in whatever order it was written; a sector may
// be there in part.
func (d *Disk) Lose(random *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if n := d.names[name]; d.stable[name] != n && random.IntN(2) == 0 {
			d.stable[name] = n
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.stable)) {
		if d.names[name] == nil && random.IntN(2) == 0 {
			delete(d.stable, name)
		}
	}
	d.names = map[string]*inode{}
	for _, name := range slices.Sorted(maps.Keys(d.stable)) {
		d.stable[name].lose(random)
		d.names[name] = d.stable[name]
	}
}

func (n *inode) lose(random *rand.Rand) {
	size := len(n.medium)
	if n.resized && random.IntN(2) == 0 {
		size = len(n.cache)
	}
	b := make([]byte, size)
	copy(b, n.medium)
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) { // in order, for chance to repeat itself
		to := min(size, (s+1)*sector)
		switch from := s * sector; {
		case from >= min(size, len(n.cache)):
		case random.IntN(8) == 0: // torn: the sector's beginning alone
			to = min(to, from+random.IntN(sector))
			fallthrough
		case random.IntN(2) == 0:
			copy(b[from:to], n.cache[from:])
		}
	}
	n.cache, n.medium, n.dirty, n.resized = b, slices.Clone(b), map[int]bool{}, false
}

// OpenFile is ledger.FS's.
func (d *Disk) OpenFile(name string, flag int) (ledger.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.op(); err != nil {
		return nil, err
	}
	n := d.names[name]
	if n == nil {
		if flag&os.O_CREATE == 0 {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		n = &inode{dirty: map[int]bool{}}
		d.names[name] = n
	}
	if flag&os.O_TRUNC != 0 {
		n.cache, n.resized = nil, true
	}
	return &handle{d, n}, nil
}

// Rename is ledger.FS's.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.op(); err != nil {
		return err
	}
	if d.names[from] == nil {
		return fs.ErrNotExist
	}
	d.names[to] = d.names[from]
	delete(d.names, from)
	return nil
}

// Remove is ledger.FS's.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.op(); err != nil {
		return err
	}
	delete(d.names, name)
	return nil
}

// MkdirAll is ledger.FS's.
func (d *Disk) MkdirAll(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.op()
	return err
}

// SyncDir is ledger.FS's.
func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.count(true); err != nil {
		return err
	}
	for name := range d.stable {
		if path.Dir(name) == dir && d.names[name] == nil {
			delete(d.stable, name)
		}
	}
	for name, n := range d.names {
		if path.Dir(name) == dir {
			d.stable[name] = n
		}
	}
	return nil
}

type unlock func()

func (u unlock) Close() error { u(); return nil }

// Lock is ledger.FS's.
func (d *Disk) Lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.op(); err != nil {
		return nil, err
	}
	if d.locked[name] {
		return nil, ledger.ErrInUse
	}
	d.locked[name] = true
	return unlock(func() { d.mu.Lock(); defer d.mu.Unlock(); delete(d.locked, name) }), nil
}

// Files is the disk as others see it, under a directory.
func (d *Disk) Files(dir string) fstest.MapFS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return under(dir, d.names, func(n *inode) []byte { return n.cache })
}

// Durable is what of a directory is on the medium for sure, should the power fail now.
func (d *Disk) Durable(dir string) fstest.MapFS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return under(dir, d.stable, func(n *inode) []byte { return n.medium })
}

func under(dir string, names map[string]*inode, content func(*inode) []byte) fstest.MapFS {
	m := fstest.MapFS{}
	for name, n := range names {
		if rel, ok := strings.CutPrefix(name, dir+"/"); ok {
			m[rel] = &fstest.MapFile{Data: slices.Clone(content(n))}
		}
	}
	return m
}

// Image is a copy of the whole disk, on which no process runs.
func (d *Disk) Image() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, copies := NewDisk(), map[*inode]*inode{nil: nil}
	for _, pair := range []struct{ from, to map[string]*inode }{{d.names, c.names}, {d.stable, c.stable}} {
		for name, n := range pair.from {
			if copies[n] == nil {
				copies[n] = &inode{slices.Clone(n.cache), slices.Clone(n.medium), maps.Clone(n.dirty), n.resized}
			}
			pair.to[name] = copies[n]
		}
	}
	return c
}
