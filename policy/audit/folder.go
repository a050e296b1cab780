package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// openFolder opens a bundle that lies in a folder. Nothing outside of it is reached.
func openFolder(name string) (*Bundle, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	b := &Bundle{Log: plainFiles{root, "", maxHandover}, Closer: root}
	if err := onlyNamed(root, ".", func(name string) bool {
		return name == checkpointName || name == walName || name == releasesName || handoverFile.MatchString(name)
	}); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	info, err := root.Lstat(releasesName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return b, nil
	case err == nil && info.IsDir():
		b.Releases = plainFiles{root, releasesName, maxReleased}
		if err := onlyNamed(root, releasesName, releasedName.MatchString); err != nil {
			return nil, errors.Join(err, root.Close())
		}
		return b, nil
	}
	return nil, errors.Join(badBundle("%s is no folder", releasesName), root.Close())
}

// onlyNamed refuses a folder with names that do not belong into a bundle.
func onlyNamed(root *os.Root, folder string, belongs func(string) bool) error {
	f, err := root.Open(folder)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	defer f.Close()
	for n := 0; ; {
		names, err := f.Readdirnames(1000)
		if n += len(names); n > maxBundleFiles {
			return badBundle("%q has more than %d files", folder, maxBundleFiles)
		}
		for _, name := range names {
			if !belongs(name) {
				return badBundle("%q does not belong into one", path.Join(folder, name))
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnusable, err)
		}
	}
}

// plainFiles are the files of a folder below a root, none of them a link or special.
type plainFiles struct {
	root  *os.Root
	below string
	limit int64 // bytes, but for the log
}

// Open opens a plain file.
func (p plainFiles) Open(name string) (fs.File, error) {
	full := path.Join(p.below, name)
	if !fs.ValidPath(name) || path.Base(name) != name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	info, err := p.root.Lstat(full)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > p.limit && full != walName {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return p.root.Open(full)
}

// ReadDir lists the folder.
func (p plainFiles) ReadDir(string) ([]fs.DirEntry, error) {
	return fs.ReadDir(p.root.FS(), path.Join(".", p.below))
}
