package witness

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// disk is what a witness asks of a file system; osDisk is the real one, tests have one
// that fails and one that forgets what was not synced.
type disk interface {
	// write makes a new file with mode 0600, replacing one of the name, and gives it
	// with the content written but not synced.
	write(name string, b []byte) (syncer, error)
	rename(from, to string) error
	// sync makes a file's content, or the names in a directory, durable.
	sync(name string) error
	read(name string) ([]byte, error)
}

// syncer is a written file.
type syncer interface {
	Sync() error
	io.Closer
}

// replace puts a file in place of another, whole or not at all, and durably.
func replace(d disk, name string, b []byte) error {
	f, err := d.write(name+".new", b)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := d.rename(name+".new", name); err != nil {
		return err
	}
	return d.sync(filepath.Dir(name))
}

type osDisk struct{}

func (osDisk) write(name string, b []byte) (syncer, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(b); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) sync(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (osDisk) read(name string) ([]byte, error) { return os.ReadFile(name) }
