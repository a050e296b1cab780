package audit

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
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
			if err := onlyZeros(at); err != nil {
				return nil, err
			}
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

// maxPadding is how many zero bytes programs put behind an archive at most.
const maxPadding = 1 << 20

// onlyZeros refuses what another program would take for a second archive.
func onlyZeros(r io.Reader) error {
	rest, err := io.ReadAll(io.LimitReader(r, maxPadding+1))
	if err != nil {
		return badBundle("%v", err)
	}
	if len(rest) > maxPadding || len(bytes.Trim(rest, "\x00")) > 0 {
		return badBundle("there is something behind the archive's end")
	}
	return nil
}
