package audit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qunxiang/qunxiang/policy/audit"
)

// tiles are a log as a server publishes it, of at most 256 leaves.
func (f *forge) tiles() fstest.MapFS {
	var b []byte
	for _, leaf := range f.leaves {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(leaf))), leaf...)
	}
	return fstest.MapFS{"checkpoint": {Data: f.checkpoint()}, fmt.Sprintf("tile/entries/000.p/%d", len(f.leaves)): {Data: b}}
}

// overTiles are the codes of a published log, by the first key.
func overTiles(t *testing.T, log fstest.MapFS) string {
	t.Helper()
	return codes(verify(t, audit.Options{Log: log, Entries: true}))
}

// A checkpoint that no pinned key signed has the same code over tiles as in a bundle, and of
// a key that was lost the verifier says which one to ask for.
func TestUnpinnedOverTiles(t *testing.T) {
	lost := changed(t, true)
	for _, log := range []fstest.MapFS{lost.tiles(), lost.log()} {
		r := verify(t, audit.Options{Log: log, Entries: log["wal"] == nil})
		if codes(r) != "key-unpinned " || !strings.Contains(r.Findings[0].Text, thirdKey(t)) {
			t.Errorf("%+v", r.Findings)
		}
	}
	f := watched(t)
	if got := overTiles(t, f.tiles()); got != "" {
		t.Errorf("a sound log: %s", got)
	}
	none := f.tiles()
	none["checkpoint"] = &fstest.MapFile{Data: []byte("x")}
	if got := overTiles(t, none); got != "checkpoint-invalid " {
		t.Errorf("a checkpoint that is none: %s", got)
	}
	elsewhere := f.tiles()
	elsewhere["checkpoint"] = lost.tiles()["checkpoint"]
	if got := overTiles(t, elsewhere); got != "log-unusable checkpoint-invalid " {
		t.Errorf("the checkpoint of another log: %s", got)
	}
	huge := f.tiles()
	huge["checkpoint"].Data = bytes.Replace(huge["checkpoint"].Data, []byte("\n8\n"), []byte("\n9223372036854775807\n"), 1)
	if got := overTiles(t, huge); got != "log-unusable checkpoint-invalid " {
		t.Errorf("a checkpoint that speaks of more than there is: %s", got)
	}
}

// Any bit of a published checkpoint or of its tiles flipped is found, with a code.
func TestEveryBitOverTiles(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	log := watched(t).tiles()
	for name, file := range log {
		for at := 0; at < len(file.Data); at++ {
			if name != "checkpoint" {
				at += random.IntN(200)
			}
			if at >= len(file.Data) {
				break
			}
			bit := byte(1) << random.IntN(8)
			file.Data[at] ^= bit
			if got := overTiles(t, log); got == "" {
				t.Errorf("%s: bit %d of byte %d: nothing found", name, bit, at)
			}
			file.Data[at] ^= bit
		}
	}
}

// Whatever is taken out of a bundle is found: the log is short, or there is none to examine.
func TestPartsOfABundle(t *testing.T) {
	f := watched(t)
	f.chained("CHARGE", asked("r-1")).chained("RELEASE", f.sent(asked("r-1"), 8))
	whole := f.pack()
	b := whole.tar(t)
	without := func(change func(p *packed)) []byte { p := whole; change(&p); return p.tar(t) }
	noWAL := without(func(p *packed) { p.wal = nil })
	noWAL = append(bytes.Clone(noWAL[:bytes.Index(noWAL, []byte("wal\x00"))]), noWAL[bytes.Index(noWAL, []byte("releases/")):]...)
	for name, tt := range map[string]struct {
		bundle []byte
		want   string // codes, "unusable" for no report
	}{
		"whole":                     {b, ""},
		"no checkpoint":             {without(func(p *packed) { p.checkpoint = nil }), "unusable"},
		"no wal":                    {noWAL, "log-short release-unlogged "},
		"an empty wal":              {without(func(p *packed) { p.wal = nil }), "log-short release-unlogged "},
		"no releases":               {without(func(p *packed) { p.releases = nil }), "releases-absent "},
		"none of them":              {without(func(p *packed) { p.releases = map[string]string{} }), "release-missing "},
		"a damaged header":          {flip(b, 20), "unusable"},
		"a damaged header of a log": {flip(b, bytes.Index(b, []byte("wal\x00"))+110), "unusable"},
		"empty":                     {nil, "unusable"},
		"cut off in the checkpoint": {b[:600], "unusable"},
		"cut off in the log":        {b[:4000], "unusable"},
	} {
		r, err := read(tt.bundle, t)
		got := "unusable"
		if err == nil {
			got = codes(r)
		} else if !errors.Is(err, audit.ErrUnusable) {
			t.Errorf("%s: %v", name, err)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s (%v)", name, got, tt.want, err)
		}
	}
	end := len(bytes.TrimRight(b, "\x00")) // behind it is but padding
	for at := 0; at < end; at += 97 {
		if r, err := read(b[:at], t); err == nil && r.OK() {
			t.Errorf("cut off at byte %d: nothing found", at)
		}
	}
}

// A domain whose folder of releases was removed is found, and so is a log with releases for
// which nobody gave the folder, unless it was not asked for: that is a note.
func TestReleasesAreAskedFor(t *testing.T) {
	dir, _ := genuine(t, 3)
	look := func(o audit.Options) *audit.Report {
		t.Helper()
		o.Log, o.Key = os.DirFS(dir), verifierKey(t)
		r, err := audit.Verify(context.Background(), o)
		must(t, err)
		return r
	}
	if r := look(audit.Options{}); codes(r) != "releases-absent " {
		t.Errorf("none given: %+v", r.Findings)
	}
	if r := look(audit.Options{WithoutReleases: true}); !r.OK() || noted(r) != "releases-absent " {
		t.Errorf("not asked for: %+v %+v", r.Findings, r.Notes)
	}
	if r := look(audit.Options{Releases: os.DirFS(filepath.Join(t.TempDir(), "gone"))}); r.OK() || r.Findings[0].Code != audit.ReleaseMissing {
		t.Errorf("removed: %+v", r.Findings)
	}
	if r, err := audit.Verify(context.Background(), audit.Options{Log: watched(t).log(), Key: verifierKey(t)}); err != nil || !r.OK() || len(r.Notes) > 0 {
		t.Errorf("a log without a release: %v %+v", err, r)
	}
}
