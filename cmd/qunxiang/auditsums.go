package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// releasedFiles are all files that the RELEASE leaves of a log name: answers, which are
// in the releases by their digest, and the decrypted sums of training, which are in the
// jobs' folders of the node.
type releasedFiles struct {
	fs.FS
	jobs string
	sums func() map[string]string // file name of a digest to the sum's path
}

func newReleasedFiles(releases, jobs string) *releasedFiles {
	return &releasedFiles{FS: os.DirFS(releases), jobs: jobs, sums: sync.OnceValue(func() map[string]string { return sumsBelow(jobs) })}
}

// sumsBelow finds the sums of a node's jobs by their digests. One that cannot be read
// is not there.
func sumsBelow(jobs string) map[string]string {
	out := map[string]string{}
	files := os.DirFS(jobs) // patterns are of the names below it: its own path may have any characters
	names, err := fs.Glob(files, "*/attempt-*/sum")
	if err != nil {
		return out
	}
	for _, name := range names {
		if b, err := fs.ReadFile(files, name); err == nil {
			out[fmt.Sprintf("%x.json", sha256.Sum256(b))] = filepath.Join(jobs, filepath.FromSlash(name))
		}
	}
	return out
}

// Open opens an answer, or else the sum of that digest.
func (r *releasedFiles) Open(name string) (fs.File, error) {
	f, err := r.FS.Open(name)
	if path, ok := r.sums()[name]; ok && errors.Is(err, fs.ErrNotExist) {
		return os.Open(path)
	}
	return f, err
}

// Names lists the answers and the sums.
func (r *releasedFiles) Names() ([]string, error) {
	entries, err := fs.ReadDir(r.FS, ".")
	if err != nil {
		return nil, err
	}
	names := slices.Collect(maps.Keys(r.sums()))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}
