package audit_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/qunxiang/qunxiang/policy/audit"
)

// counted counts how often its files are opened.
type counted struct {
	fstest.MapFS
	opened map[string]int
}

func (c counted) Open(name string) (fs.File, error) {
	c.opened[name]++
	return c.MapFS.Open(name)
}

// A log that names one file over and over has it read once, however large it is.
func TestFileIsReadOnce(t *testing.T) {
	charge := charged("r-1")
	answer := answerTo(t, charge)
	f := begun(t).add("CHARGE", charge)
	for range 50 {
		f.add("RELEASE", released("r-1", 2, "digest", digestOf(answer)))
	}
	files := counted{fstest.MapFS{digestOf(answer) + ".json": {Data: answer}}, map[string]int{}}
	r := verify(t, audit.Options{Log: f.log(), Releases: files})
	if files.opened[digestOf(answer)+".json"] != 1 {
		t.Errorf("opened %d times", files.opened[digestOf(answer)+".json"])
	}
	if got := r.Found(); !slices.Equal(got, []string{string(audit.SecondRelease)}) {
		t.Errorf("found %v", got)
	}
}

// Small files of a log are read as far as they may reach and no further.
func TestSmallFilesHaveLimits(t *testing.T) {
	examine := func(log fs.FS, entries bool) error {
		_, err := audit.Verify(context.Background(), audit.Options{Log: log, Key: verifierKey(t), Entries: entries})
		return err
	}
	whole := begun(t).log()
	long := fstest.MapFS{"wal": whole["wal"], "checkpoint": {Data: append(bytes.Clone(whole["checkpoint"].Data), make([]byte, 1<<16)...)}}
	if err := examine(long, false); !errors.Is(err, audit.ErrTooLarge) || !errors.Is(err, audit.ErrUnusable) {
		t.Errorf("a long checkpoint: %v", err)
	}
	dir, _ := genuine(t, 100)
	name := filepath.Join(dir, "tile/entries/000")
	if err := examine(os.DirFS(dir), true); err != nil {
		t.Fatal(err)
	}
	must(t, os.WriteFile(name, make([]byte, 256*(1<<16+1)+1), 0o600))
	if err := examine(os.DirFS(dir), true); !errors.Is(err, audit.ErrTooLarge) || !errors.Is(err, audit.ErrUnusable) {
		t.Errorf("a long tile: %v", err)
	}
	// A handover that is too long shows nothing, as any other that is none.
	must(t, os.WriteFile(filepath.Join(dir, "handover-1"), make([]byte, 1<<18+1), 0o600))
	if err := examine(os.DirFS(dir), false); err != nil {
		t.Errorf("a long handover: %v", err)
	}
}
