package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// errBackup says that a file is no backup, or not a whole one.
var errBackup = errors.New("not a whole backup")

// unpackAll unpacks the backups of one domain and gives what that of its log says.
func unpackAll(dir string, files []string) (*contents, error) {
	for _, sub := range []string{"keys", "releases", "snapshots", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	var main, keys *contents
	for _, file := range files {
		c, err := unpack(dir, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		switch {
		case c.Part == partDomain && main == nil:
			main = c
		case c.Part == partKeys && keys == nil:
			keys = c
		default:
			return nil, &exitError{exitUsage, fmt.Errorf("%s: a second backup of the same part", file)}
		}
	}
	switch {
	case main == nil:
		return nil, &exitError{exitUsage, errors.New("--from names no backup of the domain, only of its keys")}
	case keys == nil:
		return nil, &exitError{exitUsage, errors.New("the keys are not in the backup of a domain: give theirs too (qunxiang backup --keys), with a second --from")}
	case main.Population != keys.Population:
		return nil, &exitError{exitUsage, fmt.Errorf("the keys are those of population %s, the backup is of %s", keys.Population, main.Population)}
	}
	return main, nil
}

// unpack unpacks a backup and holds every file against what it says of itself.
func unpack(dir, file string) (*contents, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := tar.NewReader(f)
	var found []packed
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: its end is missing", errBackup)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBackup, err)
		}
		if h.Name == contentsFile {
			return readContents(in, found)
		}
		if h.Typeflag != tar.TypeReg || !fs.ValidPath(h.Name) || strings.Contains(h.Name, `\`) {
			return nil, fmt.Errorf("%w: %q does not belong into one", errBackup, h.Name)
		}
		p, err := unpackFile(filepath.Join(dir, filepath.FromSlash(h.Name)), in)
		if err != nil {
			return nil, err
		}
		p.Name = h.Name
		found = append(found, p)
	}
}

// unpackFile writes a file that is not there yet.
func unpackFile(to string, r io.Reader) (p packed, err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return p, err
	}
	mode := fs.FileMode(0o600)
	if path.Ext(to) == ".pub" {
		mode = 0o644
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return p, err
	}
	sum := sha256.New()
	p.Size, err = io.Copy(io.MultiWriter(f, sum), r)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: its end is missing", errBackup)
	}
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return p, errors.Join(err, f.Close())
}

// readContents reads what the backup says of itself; found must be just that.
func readContents(r io.Reader, found []packed) (*contents, error) {
	text, err := io.ReadAll(io.LimitReader(r, 1<<30))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBackup, err)
	}
	var format struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(text, &format); err != nil {
		return nil, fmt.Errorf("%w: %s cannot be read", errBackup, contentsFile)
	}
	if format.Format != backupFormat {
		return nil, fmt.Errorf("%w: it is of the format %.60q, this program reads %s", errBackup, format.Format, backupFormat)
	}
	c := &contents{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errBackup, contentsFile, err)
	}
	if !slices.Equal(c.Files, found) {
		return nil, fmt.Errorf("%w: its files are not those that it lists", errBackup)
	}
	return c, nil
}

// syncTree makes a folder and all below it durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(at)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
