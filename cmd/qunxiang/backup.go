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
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// backupFormat is the first line of what a backup says of itself.
const backupFormat = "qunxiang-backup/1"

// contentsFile is the last file of a backup: a backup without it was cut off.
const contentsFile = "backup.json"

// Parts of a domain, each in a backup of its own.
const (
	partDomain = "domain" // all but the keys
	partKeys   = "keys"
)

// contents is what a backup says of itself.
type contents struct {
	Format     string    `json:"format"`
	Part       string    `json:"part"`
	Population string    `json:"population"`
	Made       time.Time `json:"made"`
	Leaves     int64     `json:"leaves"`    // of the log
	Snapshots  bool      `json:"snapshots"` // personal data are in it
	Files      []packed  `json:"files"`
}

type packed struct {
	Name   string `json:"name"` // with slashes, below the domain's directory
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func backupCommand() *cobra.Command {
	var dir, to string
	var snapshots, onlyKeys bool
	c := &cobra.Command{
		Use: "backup", Short: "Copy a domain into one file, also while it is served", Args: cobra.NoArgs,
		Long: `Copy a domain into one tar file: a beginning of its log that is whole in itself, every
answer that it names, the policies, opt-outs and tokens' digests. It may run beside
the server. What is charged later is not in it: qunxiang restore finds that out from
the witnesses, or the copy outside, and refuses to forget it.

What is not in it, unless you ask:
  keys        make a backup of them with --keys, once and after every change, and keep
              it apart: with it and a snapshot persons can be told, with it alone logs
              can be forged. Neither file is encrypted: --to - writes to a pipe.
  snapshots   personal data, with --snapshots. Without them the restored domain gives
              its answers, and takes new questions once the data were imported again.
  node/       what a node has sent in training must not be forgotten: enrol it again.`,
		Example: `  qunxiang backup --domain D --to B.tar
  qunxiang backup --domain D --keys --to keys.tar
  tar -xf keys.tar -C D keys/person.key        # puts back one lost key
  qunxiang backup --domain D --snapshots --to - | age -r KEY > B.tar.age`,
		RunE: func(c *cobra.Command, _ []string) error {
			b := &backup{dir: dir, part: partDomain, snapshots: snapshots}
			if onlyKeys {
				b.part = partKeys
			}
			if onlyKeys && snapshots {
				return &exitError{exitUsage, errors.New("--keys and --snapshots go into two files")}
			}
			if to == "-" {
				return withCode(b.write(c.OutOrStdout()))
			}
			return withCode(b.file(to))
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "domain", "", "directory of the domain")
	f.StringVar(&to, "to", "", "file to make, which must not be there yet, or - for standard output")
	f.BoolVar(&onlyKeys, "keys", false, "the domain's keys, and nothing else")
	f.BoolVar(&snapshots, "snapshots", false, "also the snapshots: personal data")
	_ = c.MarkFlagRequired("domain")
	_ = c.MarkFlagRequired("to")
	return c
}

// backup is one under way.
type backup struct {
	dir, part string
	snapshots bool

	out  *tar.Writer
	said contents
}

// file writes the backup to a file that is whole or not there.
func (b *backup) file(to string) error {
	if exists(to) {
		return &exitError{exitUsage, fmt.Errorf("%s is there already", to)}
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".backup-*") // mode 0600
	if err != nil {
		return err
	}
	err = b.write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Link(f.Name(), to) // unlike a rename it replaces nothing
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// write writes the log first: whatever its leaves name was on the disk before them.
func (b *backup) write(w io.Writer) error {
	if !exists(filepath.Join(b.dir, "policy.yaml")) {
		return fmt.Errorf("%s: %w", b.dir, errNoDomain)
	}
	keys, err := logKeys(b.dir)
	if err != nil {
		return err
	}
	log, err := ledger.ReadCopy(filepath.Join(b.dir, "ledger"), keys...)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(b.dir, "ledger"), err)
	}
	b.out = tar.NewWriter(w)
	b.said = contents{Format: backupFormat, Part: b.part, Population: log.Population(), Made: time.Now().UTC().Truncate(time.Second),
		Leaves: log.Size(), Snapshots: b.snapshots, Files: []packed{}}
	if b.part == partKeys {
		err = b.folder("keys", nil)
	} else {
		err = b.domain(log)
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(b.said, "", "  ")
	if err != nil {
		return err
	}
	if err := b.bytes(contentsFile, text); err != nil {
		return err
	}
	return b.out.Close()
}

// domain packs all but the keys.
func (b *backup) domain(log *ledger.Copy) error {
	if err := b.bytes("ledger/checkpoint", log.Checkpoint); err != nil {
		return err
	}
	if err := b.stream("ledger/wal", log.Bytes); err != nil {
		return err
	}
	for n := 1; ; n++ {
		name := "ledger/" + ledger.HandoverName(n)
		text, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err == nil {
			err = b.bytes(name, text)
		}
		if err != nil {
			return err
		}
	}
	if err := b.releases(log); err != nil {
		return err
	}
	if b.snapshots {
		for _, s := range log.Registered() {
			if err := b.folder(path.Join("snapshots", s.Snapshot), nil); err != nil {
				return err
			}
		}
	}
	return b.folder(".", []string{"ledger", "releases", "snapshots", "keys", "node", "tmp"})
}

// releases packs the answers that the copied log names, and decrypted sums like them.
func (b *backup) releases(log *ledger.Copy) error {
	files := newReleasedFiles(filepath.Join(b.dir, "releases"), nodeFolderOf(b.dir).path("jobs"))
	seen := map[string]bool{}
	for _, r := range log.Requests() {
		if r.Release < 0 || r.Deleted || seen[r.Digest] {
			continue
		}
		seen[r.Digest] = true
		body, err := fs.ReadFile(files, r.Digest+".json")
		if err != nil {
			return fmt.Errorf("release %s is missing from the store", r.Digest)
		}
		if err := b.bytes("releases/"+r.Digest+".json", body); err != nil {
			return err
		}
	}
	return nil
}

// folder packs the plain files of a folder and below, without the folders that are left
// out and without what is being written.
func (b *backup) folder(name string, without []string) error {
	return filepath.WalkDir(filepath.Join(b.dir, filepath.FromSlash(name)), func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(b.dir, at)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case rel != "." && slices.Contains(without, rel) && e.IsDir():
			return fs.SkipDir
		case e.IsDir(), e.Name()[0] == '.':
			return nil
		case !e.Type().IsRegular():
			return fmt.Errorf("%s is no plain file: a backup holds none of them", at)
		}
		if b.snapshots && e.Name() == "data.duckdb" {
			info, err := e.Info()
			if err != nil {
				return err
			}
			return b.stream(rel, info.Size())
		}
		body, err := os.ReadFile(at) // such files are replaced whole, or only grow
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a proposal that is done by now
		}
		if err != nil {
			return err
		}
		return b.bytes(rel, body)
	})
}

func (b *backup) bytes(name string, body []byte) error {
	return b.add(name, bytes.NewReader(body), int64(len(body)))
}

// stream packs the first bytes of a file.
func (b *backup) stream(name string, size int64) error {
	f, err := os.Open(filepath.Join(b.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) && size == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return b.add(name, io.LimitReader(f, size), size)
}

func (b *backup) add(name string, r io.Reader, size int64) error {
	if err := b.out.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(b.out, sum), r)
	if err == nil && n != size {
		err = fmt.Errorf("%s became shorter while it was read", name)
	}
	b.said.Files = append(b.said.Files, packed{name, size, hex.EncodeToString(sum.Sum(nil))})
	return err
}
