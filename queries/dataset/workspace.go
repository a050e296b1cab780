package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tmpPrefix starts the names of directories that are no snapshots yet.
const tmpPrefix = ".tmp-"

// workspace is the right to add a snapshot to a domain: one import at a time.
type workspace struct {
	dir  string
	lock *os.File
}

// openWorkspace takes the lock and removes what dead imports left: whoever
// holds the lock knows that no other import is alive.
func openWorkspace(domain string) (*workspace, error) {
	dir := snapshotDir(domain)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: the domain's directory cannot be made", ErrSnapshot)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: the domain's directory cannot be found", ErrSnapshot)
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".import.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: no lock file can be made", ErrSnapshot)
	}
	if err := lockNow(lock); err != nil {
		lock.Close()
		return nil, ErrBusy
	}
	ws := &workspace{dir, lock}
	if err := ws.sweep(); err != nil {
		ws.close()
		return nil, err
	}
	return ws, nil
}

func (ws *workspace) sweep() error {
	entries, err := os.ReadDir(ws.dir)
	if err != nil {
		return fmt.Errorf("%w: the domain's directory cannot be read", ErrSnapshot)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tmpPrefix) {
			if err := os.RemoveAll(filepath.Join(ws.dir, e.Name())); err != nil {
				return fmt.Errorf("%w: what a broken-off import left cannot be removed", ErrSnapshot)
			}
		}
	}
	return nil
}

// build makes a directory to build a snapshot in, with work/ inside.
func (ws *workspace) build() (string, error) {
	dir, err := os.MkdirTemp(ws.dir, tmpPrefix)
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "work"), 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("%w: no directory can be made in the domain", ErrSnapshot)
	}
	return dir, nil
}

func (ws *workspace) close() { ws.lock.Close() }
