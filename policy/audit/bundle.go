package audit

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"time"
)

// ErrBundle says that a bundle is none: another kind of archive, or something in it that
// does not belong there. It comes with ErrUnusable.
var ErrBundle = errors.New("not a bundle of a log")

// Limits of a bundle.
const (
	maxCheckpoint  = 1 << 16 // bytes
	maxReleased    = 1 << 28 // bytes of one released file
	maxBundleFiles = 1 << 22
)

// What lies in a bundle: the signed note, the log, and the released files by digest.
const (
	checkpointName = "checkpoint"
	walName        = "wal"
	releasesName   = "releases"
)

var handoverFile = regexp.MustCompile(`^handover-[1-9][0-9]{0,3}$`)

var releasedName = regexp.MustCompile(`^[0-9a-f]{64}\.json$`)

// Bundle is what an auditor was handed: a log, and the released files or not. No key in
// it would be believed, so there is none.
type Bundle struct {
	Log      fs.FS
	Releases fs.FS // nil for a bundle without them
	io.Closer
}

// OpenBundle opens a bundle: a tar file as WriteBundle writes it, or a folder of the same
// files. It reads where they lie and unpacks nothing. Links, special files, other names
// and what is written twice are refused with ErrBundle.
func OpenBundle(name string) (*Bundle, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	if info.IsDir() {
		return openFolder(name)
	}
	if !info.Mode().IsRegular() {
		return nil, badBundle("%s is no file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	b, err := ReadBundle(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b.Closer = f
	return b, nil
}

func badBundle(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %s", ErrUnusable, ErrBundle, fmt.Sprintf(format, args...))
}

// ReadBundle reads a tar file of so many bytes.
func ReadBundle(r io.ReaderAt, size int64) (*Bundle, error) {
	at := io.NewSectionReader(r, 0, size)
	archive := tar.NewReader(at)
	log, releases, some := packed{}, packed{}, false
	for n := 0; ; n++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badBundle("%v", err)
		}
		dir, name := path.Split(h.Name)
		into, limit := log, size
		switch {
		case n == maxBundleFiles:
			return nil, badBundle("more than %d files", maxBundleFiles)
		case h.Typeflag == tar.TypeDir && h.Name == releasesName+"/" && !some:
			some = true
			continue
		case h.Typeflag != tar.TypeReg:
			return nil, badBundle("%q is no plain file", h.Name)
		case dir == "" && name == checkpointName:
			limit = maxCheckpoint
		case dir == "" && handoverFile.MatchString(name):
			limit = maxHandover
		case dir == "" && name == walName:
		case dir == releasesName+"/" && releasedName.MatchString(name):
			into, limit, some = releases, maxReleased, true
		default:
			return nil, badBundle("%q does not belong into one", h.Name)
		}
		for key := range h.PAXRecords {
			if key != "size" { // among them those of sparse files, which are larger than they are
				return nil, badBundle("%q has a %q", h.Name, key)
			}
		}
		from, err := at.Seek(0, io.SeekCurrent)
		if err != nil || h.Size < 0 || h.Size > limit || from > size-h.Size {
			return nil, badBundle("%q is too large", h.Name)
		}
		if _, twice := into[name]; twice {
			return nil, badBundle("%q is there twice", h.Name)
		}
		into[name] = io.NewSectionReader(r, from, h.Size)
	}
	b := &Bundle{Log: log, Closer: io.NopCloser(nil)}
	if some {
		b.Releases = releases
	}
	return b, nil
}

// packed is a flat folder inside an archive.
type packed map[string]*io.SectionReader

var (
	_ fs.FS        = packed{}
	_ fs.ReadDirFS = packed{}
)

// Open opens a file where it lies.
func (p packed) Open(name string) (fs.File, error) {
	at, ok := p[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &packedFile{io.NewSectionReader(at, 0, at.Size()), packedInfo{name, at.Size()}}, nil
}

// ReadDir lists the files; there is the one folder ".".
func (p packed) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var names []string
	for n := range p {
		names = append(names, n)
	}
	slices.Sort(names)
	var out []fs.DirEntry
	for _, n := range names {
		out = append(out, fs.FileInfoToDirEntry(packedInfo{n, p[n].Size()}))
	}
	return out, nil
}

type packedFile struct {
	*io.SectionReader
	info packedInfo
}

func (f *packedFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *packedFile) Close() error               { return nil }

type packedInfo struct {
	name string
	size int64
}

func (i packedInfo) Name() string       { return i.name }
func (i packedInfo) Size() int64        { return i.size }
func (i packedInfo) Mode() fs.FileMode  { return 0o444 }
func (i packedInfo) ModTime() time.Time { return time.Time{} }
func (i packedInfo) IsDir() bool        { return false }
func (i packedInfo) Sys() any           { return nil }

// openFolder opens a bundle that lies in a folder. Nothing outside of it is reached.
func openFolder(name string) (*Bundle, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	b := &Bundle{Log: plainFiles{root, "", maxHandover}, Closer: root}
	info, err := root.Lstat(releasesName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return b, nil
	case err == nil && info.IsDir():
		b.Releases = plainFiles{root, releasesName, maxReleased}
		return b, nil
	}
	return nil, errors.Join(badBundle("%s is no folder", releasesName), root.Close())
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
