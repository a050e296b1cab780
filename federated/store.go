package federated

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// folder is a directory of small files, each written whole: by a temporary name,
// fsync and rename. It is a secagg.Store.
type folder string

func openFolder(parts ...string) (folder, error) {
	f := folder(filepath.Join(parts...))
	return f, os.MkdirAll(string(f), 0o700)
}

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// Put keeps bytes under a name, durably.
func (f folder) Put(name string, b []byte) error {
	tmp, err := os.OpenFile(f.path(name+".tmp"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = tmp.Write(b); err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.path(name+".tmp"), f.path(name)); err != nil {
		return err
	}
	d, err := os.Open(string(f))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Get returns what was put; secagg.ErrMissing for nothing.
func (f folder) Get(name string) ([]byte, error) {
	b, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", secagg.ErrMissing, name)
	}
	return b, err
}

func attemptName(n uint64) string { return fmt.Sprintf("attempt-%d", n) }

// messageName and partName are the names in an attempt's folder.
func messageName(f secagg.Phase, node int) string {
	if f == secagg.PhaseOpen {
		return "OPEN"
	}
	return fmt.Sprintf("%v-%d", f, node)
}

func partName(k secagg.Kind, node, chunk int) string {
	return fmt.Sprintf("part-%d-%d-%d", k, node, chunk)
}
