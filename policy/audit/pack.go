package audit

import (
	"archive/tar"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// Released are files of a log's releases, by their names <digest>.json.
type Released interface {
	fs.FS
	// Names lists them.
	Names() ([]string, error)
}

// WriteBundle packs a log, and its released files unless they are nil, into a tar file for
// OpenBundle. It may run beside the process that writes the log. The same log gives the
// same bytes.
func WriteBundle(w io.Writer, log fs.FS, releases Released) error {
	// The files first, then the checkpoint, then the log: each knows the one before.
	var names []string
	if releases != nil {
		all, err := releases.Names()
		if err != nil {
			return err
		}
		names = slices.DeleteFunc(all, func(n string) bool { return !releasedName.MatchString(n) })
		slices.Sort(names)
		names = slices.Compact(names)
	}
	checkpoint, err := fs.ReadFile(log, checkpointName)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	out := tar.NewWriter(w)
	if err := pack(out, checkpointName, int64(len(checkpoint)), func(w io.Writer) error { _, err := w.Write(checkpoint); return err }); err != nil {
		return err
	}
	for n := 1; n <= maxHandovers; n++ {
		name := fmt.Sprint(handoverName, n)
		err := packFile(out, log, name, name, -1)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := packLog(out, log); err != nil {
		return err
	}
	if releases != nil {
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: releasesName + "/", Mode: 0o755}); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := packFile(out, releases, name, releasesName+"/"+name, -1); err != nil {
			return err
		}
	}
	return out.Close()
}

func pack(out *tar.Writer, name string, size int64, write func(io.Writer) error) error {
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}); err != nil {
		return err
	}
	return write(out)
}

// packFile packs a file's first size bytes, all of it where size is below 0.
func packFile(out *tar.Writer, from fs.FS, name, as string, size int64) error {
	f, err := from.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if size < 0 {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		size = info.Size()
	}
	return pack(out, as, size, func(w io.Writer) error { _, err := io.CopyN(w, f, size); return err })
}

// packLog packs the wal up to its last whole record: what is behind may be a write that
// goes on.
func packLog(out *tar.Writer, log fs.FS) error {
	size, err := wholeRecords(log)
	if errors.Is(err, fs.ErrNotExist) { // a log just begun
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnusable, walName, err)
	}
	return packFile(out, log, walName, walName, size)
}

// wholeRecords is where the last record ends that is all there; all of a wal whose
// records do not follow one another, for the auditor to see.
func wholeRecords(log fs.FS) (int64, error) {
	f, err := log.Open(walName)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	seeker, ok := f.(io.ReadSeeker)
	if !ok {
		return info.Size(), nil
	}
	var head [headSize]byte
	for at := int64(0); ; {
		if info.Size()-at < headSize {
			return at, nil
		}
		if _, err := io.ReadFull(seeker, head[:]); err != nil {
			return 0, err
		}
		n := int64(binary.BigEndian.Uint32(head[:]))
		if !slices.Contains(leafSizes[:], int(n)) {
			return info.Size(), nil
		}
		if info.Size()-at-headSize < n {
			return at, nil
		}
		at += headSize + n
		if _, err := seeker.Seek(at, io.SeekStart); err != nil {
			return 0, err
		}
	}
}
