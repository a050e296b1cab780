package audit

import (
	"io"
	"io/fs"
	"slices"
	"time"
)

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
