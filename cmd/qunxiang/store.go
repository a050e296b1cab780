package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// releaseStore keeps answers as files named by their SHA-256.
type releaseStore struct{ dir string }

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (s releaseStore) path(digest string) (string, error) {
	if !digestPattern.MatchString(digest) {
		return "", errors.New("not a digest")
	}
	return filepath.Join(s.dir, digest+".json"), nil
}

// Put writes the bytes so that they survive a crash: file, then directory.
func (s releaseStore) Put(digest string, body []byte) error {
	path, err := s.path(digest)
	if err != nil {
		return err
	}
	return writeDurably(path, body, 0o600)
}

// Ready says whether there is a place for answers. Whether the disk takes them is seen
// when they are written, and ends the process.
func (s releaseStore) Ready() error {
	f, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return f.Close()
}

// Get reads the bytes of a digest.
func (s releaseStore) Get(digest string) ([]byte, error) {
	path, err := s.path(digest)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("release %s is missing from the store", digest)
	}
	return b, nil
}

// writeDurably replaces a file by way of a temporary one and two fsyncs.
func writeDurably(path string, body []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(body)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
