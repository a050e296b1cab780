package audit_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// listed are released files in memory.
type listed struct{ fstest.MapFS }

func (l listed) Names() ([]string, error) { return slices.Collect(maps.Keys(l.MapFS)), nil }

// A log that is packed verifies as it does where it lies, while it grows too.
func TestBundleOfALog(t *testing.T) {
	dir, releases := genuine(t, 20)
	before := verify(t, audit.Options{Log: os.DirFS(dir), Releases: releases})
	wal, err := os.OpenFile(filepath.Join(dir, "wal"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = wal.Write([]byte{0, 0, 4, 0, 1, 2, 3, 4, '{'}) // a record that is being written
	must(t, errors.Join(err, wal.Close()))
	releases["notes.txt"] = &fstest.MapFile{Data: []byte("no release")}
	for name, files := range map[string]audit.Released{"with": listed{releases}, "without": nil} {
		var out, again bytes.Buffer
		must(t, audit.WriteBundle(&out, os.DirFS(dir), files))
		must(t, audit.WriteBundle(&again, os.DirFS(dir), files))
		if !bytes.Equal(out.Bytes(), again.Bytes()) {
			t.Error("the same log gives two bundles")
		}
		b, err := audit.ReadBundle(bytes.NewReader(out.Bytes()), int64(out.Len()))
		must(t, err)
		r := verify(t, audit.Options{Log: b.Log, Releases: b.Releases})
		if !r.OK() || r.Root != before.Root || r.Leaves != before.Leaves || (b.Releases == nil) != (files == nil) {
			t.Errorf("%s: %+v", name, r)
		}
		if absent := len(r.Notes) == 1 && r.Notes[0].Code == audit.ReleasesAbsent; absent != (files == nil) {
			t.Errorf("%s: notes %+v", name, r.Notes)
		}
	}
}

// archive is a tar file of given headers.
func archive(t testing.TB, headers ...*tar.Header) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		h.Mode = 0o644
		must(t, w.WriteHeader(h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write(make([]byte, h.Size))
			must(t, err)
		}
	}
	must(t, w.Close())
	return out.Bytes()
}

func plain(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size}
}

// What is no bundle is refused before anything of it is believed.
func TestNoBundle(t *testing.T) {
	digest := strings.Repeat("ab", 32) + ".json"
	named := plain("wal", 5)
	named.PAXRecords = map[string]string{"comment": "x"}
	for name, b := range map[string][]byte{
		"two steps up":        archive(t, plain("../wal", 5)),
		"from the root":       archive(t, plain("/wal", 5)),
		"up among releases":   archive(t, plain("releases/../wal", 5)),
		"a link":              archive(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "wal", Linkname: "/etc/passwd"}),
		"a hard link":         archive(t, &tar.Header{Typeflag: tar.TypeLink, Name: "wal", Linkname: "checkpoint"}),
		"a pipe":              archive(t, &tar.Header{Typeflag: tar.TypeFifo, Name: "wal"}),
		"a device":            archive(t, &tar.Header{Typeflag: tar.TypeChar, Name: "wal"}),
		"a folder":            archive(t, &tar.Header{Typeflag: tar.TypeDir, Name: "wal/"}),
		"releases twice":      archive(t, &tar.Header{Typeflag: tar.TypeDir, Name: "releases/"}, &tar.Header{Typeflag: tar.TypeDir, Name: "releases/"}),
		"a file twice":        archive(t, plain("wal", 5), plain("wal", 6)),
		"a key":               archive(t, plain("log.pub", 5)),
		"another name":        archive(t, plain("releases/notes.txt", 5)),
		"a deeper one":        archive(t, plain("releases/x/"+digest, 5)),
		"in large digits":     archive(t, plain("releases/"+strings.ToUpper(digest[:64])+".json", 5)),
		"a large checkpoint":  archive(t, plain("checkpoint", 1<<17)),
		"more than is there":  archive(t, plain("wal", 4096))[:1024],
		"with a comment":      archive(t, named),
		"a sparse file":       sparseFile(t),
		"a broken header":     flip(archive(t, plain("wal", 5)), 20),
		"a second one behind": append(archive(t, plain("wal", 5)), archive(t, plain("wal", 6))...),
		"much behind":         append(archive(t, plain("wal", 5)), make([]byte, 2<<20)...),
		"zip":                 []byte("PK\x03\x04" + strings.Repeat("x", 600)),
		"a size below nought": bytes.Replace(archive(t, plain("wal", 5)), []byte("00000000005\x00"), []byte("-0000000005\x00"), 1),
	} {
		if _, err := audit.ReadBundle(bytes.NewReader(b), int64(len(b))); !errors.Is(err, audit.ErrBundle) || !errors.Is(err, audit.ErrUnusable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := audit.OpenBundle(os.DevNull); !errors.Is(err, audit.ErrBundle) {
		t.Errorf("a device: %v", err)
	}
}

// sparseFile is a tar file whose one file is a gigabyte of nothing: a PAX 1.0 sparse map,
// put together by hand.
func sparseFile(t testing.TB) []byte {
	var out bytes.Buffer
	record := func(key, value string) string {
		n := len(key) + len(value) + 3
		for len(fmt.Sprint(n))+len(key)+len(value)+3 != n {
			n = len(fmt.Sprint(n)) + len(key) + len(value) + 3
		}
		return fmt.Sprintf("%d %s=%s\n", n, key, value)
	}
	pax := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "wal") + record("GNU.sparse.realsize", "1073741824")
	block := func(name string, kind byte, body string) {
		var h [512]byte
		copy(h[:], name)
		copy(h[100:], "0000644\x000000000\x000000000\x00")
		copy(h[124:], fmt.Sprintf("%011o\x00", len(body)))
		copy(h[136:], "00000000000\x00        ")
		h[156] = kind
		copy(h[257:], "ustar\x0000")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		out.Write(h[:])
		out.WriteString(body)
		out.Write(make([]byte, (512-len(body)%512)%512))
	}
	block("PaxHeaders/wal", 'x', pax)
	block("GNUSparseFile.0/wal", '0', "1\n0\n0\n"+strings.Repeat("\x00", 506))
	out.Write(make([]byte, 1024))
	h, err := tar.NewReader(bytes.NewReader(out.Bytes())).Next()
	if err != nil || h.Size != 1<<30 {
		t.Fatalf("the sparse file is none: %+v %v", h, err)
	}
	return out.Bytes()
}

// A folder is a bundle too, and nothing outside of it is reached through it.
func TestFolderBundle(t *testing.T) {
	from, releases := genuine(t, 4)
	dir := t.TempDir()
	copyTo := func(name string, b []byte) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	for _, name := range []string{"wal", "checkpoint"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		must(t, err)
		copyTo(name, b)
	}
	one := ""
	for name, f := range releases {
		copyTo("releases/"+name, f.Data)
		one = name
	}
	look := func() (*audit.Report, error) {
		b, err := audit.OpenBundle(dir)
		must(t, err)
		defer b.Close()
		return audit.Verify(context.Background(), audit.Options{Log: b.Log, Releases: b.Releases, Key: verifierKey(t)})
	}
	if r, err := look(); err != nil || !r.OK() {
		t.Fatalf("%v %+v", err, r)
	}
	for _, name := range []string{"notes.txt", "wal2", "releases/notes.txt"} {
		copyTo(name, []byte("no part of it"))
		if _, err := audit.OpenBundle(dir); !errors.Is(err, audit.ErrBundle) {
			t.Errorf("with %s: %v", name, err)
		}
		must(t, os.Remove(filepath.Join(dir, name)))
	}
	outside := filepath.Join(t.TempDir(), "outside")
	must(t, os.WriteFile(outside, releases[one].Data, 0o600))
	link := func(name, to string) {
		must(t, os.Remove(filepath.Join(dir, name)))
		must(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	link("releases/"+one, outside)
	if r, err := look(); err != nil || codes(r) != "release-altered " {
		t.Errorf("a release is a link: %v %+v", err, r)
	}
	must(t, os.Rename(filepath.Join(dir, "wal"), filepath.Join(dir, "handover-9")))
	must(t, os.Symlink("handover-9", filepath.Join(dir, "wal")))
	if _, err := look(); !errors.Is(err, audit.ErrUnusable) {
		t.Errorf("the log is a link within: %v", err)
	}
	link("wal", filepath.Join(from, "wal"))
	if _, err := look(); !errors.Is(err, audit.ErrUnusable) {
		t.Errorf("the log is a link: %v", err)
	}
	link("checkpoint", filepath.Join(from, "checkpoint"))
	if _, err := look(); !errors.Is(err, audit.ErrUnusable) {
		t.Errorf("the checkpoint is a link: %v", err)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "releases")))
	must(t, os.Symlink(from, filepath.Join(dir, "releases")))
	if _, err := audit.OpenBundle(dir); !errors.Is(err, audit.ErrBundle) {
		t.Errorf("the releases are a link: %v", err)
	}
}

// Any bit of a bundle flipped is found, or changes nothing that is looked at.
func TestEveryBitOfABundle(t *testing.T) {
	whole := bundles(t)["clean"].tar(t)
	clean, err := read(whole, t)
	must(t, err)
	if !clean.OK() {
		t.Fatal(clean.Findings)
	}
	missed := 0
	for at := range whole {
		whole[at] ^= 1 << (at % 8)
		if r, err := read(whole, t); err == nil && r.OK() {
			if missed++; r.Root != clean.Root || r.Leaves != clean.Leaves {
				t.Fatalf("bit %d of byte %d: another log, and nothing found", at%8, at)
			}
		}
		whole[at] ^= 1 << (at % 8)
	}
	if missed > len(whole)/4 { // tar's own padding, and the parts of its headers that mean nothing
		t.Errorf("%d of %d flips changed nothing", missed, len(whole))
	}
}

func read(b []byte, t testing.TB) (*audit.Report, error) {
	bundle, err := audit.ReadBundle(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return audit.Verify(context.Background(), audit.Options{Log: bundle.Log, Releases: bundle.Releases, Key: verifierKey(t), SM2: sm2Signer(t).VerifierKey()})
}

// The verifier ends with a report or an error, whatever it is given.
func FuzzBundle(f *testing.F) {
	all := bundles(f)
	for _, name := range []string{"clean", "clean-rotated", "clean-handed-over", "rules-lost", "training-unfounded", "release-unlogged", "leaf-malformed", "torn-tail"} {
		f.Add(all[name].tar(f), 0, byte(0))
	}
	f.Add(sparseFile(f), 0, byte('n'))
	f.Fuzz(func(t *testing.T, b []byte, at int, to byte) {
		if at >= 0 && at < len(b) {
			b[at] = to
		}
		r, err := read(b, t)
		if (r == nil) == (err == nil) {
			t.Fatal(r, err)
		}
	})
}

// The history of a scope has every charge to it, and adds up to what the ledger has.
func TestHistory(t *testing.T) {
	dir, _ := genuine(t, 30)
	s, err := ledger.Read(dir, verifierKey(t))
	must(t, err)
	for _, scope := range []string{"life", population + "/2017"} {
		r := verify(t, audit.Options{Log: os.DirFS(dir), History: scope})
		full := r.Scope(scope).Name
		if len(r.History) != len(s.Requests()) || full == "" {
			t.Fatalf("%s: %d charges", scope, len(r.History))
		}
		var total audit.Cost
		for i, h := range r.History {
			total.Rho, total.Delta = total.Rho+h.Cost.Rho, total.Delta+h.Cost.Delta
			c := s.Requests()[i]
			if h.Total != total || h.Leaf != c.Index || h.Time != c.Time.Unix() || h.Principal != c.Principal || h.Template != c.Template || h.Cap.Rho != 1<<40 {
				t.Fatalf("%+v, the ledger has %+v", h, c)
			}
		}
		spent := s.Spent(full)
		if total != (audit.Cost{Rho: spent.Rho, Delta: spent.Delta}) || r.Scope(scope).Spent != total {
			t.Errorf("%s: %+v, the ledger has %+v", scope, total, spent)
		}
	}
	if r := verify(t, audit.Options{Log: os.DirFS(dir), History: "2031"}); r.History != nil || r.Scope("2031").Spent != (audit.Cost{}) {
		t.Errorf("a year that nobody asked about: %+v", r.History)
	}
}

// Every code of a finding is explained.
func TestEveryCodeIsExplained(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	must(t, err)
	declared := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok && d.Lparen.IsValid() && d.Tok == token.CONST {
			for _, s := range d.Specs {
				declared[strings.Trim(s.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value, `"`)] = true
			}
		}
		return true
	})
	for _, d := range audit.Codes() {
		if !declared[string(d.Code)] || d.Text == "" {
			t.Errorf("%s: %q", d.Code, d.Text)
		}
		delete(declared, string(d.Code))
	}
	if len(declared) > 0 {
		t.Errorf("not explained: %v", declared)
	}
}

// A key signs from the leaf after its KEY leaf on, and the one before it until then.
func TestKeysInForce(t *testing.T) {
	next := nextSigners(t)
	for name, tt := range map[string]struct {
		leaves int
		since  int // leaves under an older checkpoint by the first key, or, if below 0, by the next
		next   bool
		want   string
	}{
		"the first before":         {10, 0, false, ""},
		"the next before":          {11, 0, true, "key-retired "},
		"the first under it":       {11, 0, false, ""},
		"the first after":          {12, 0, false, "key-retired "},
		"the next after":           {12, 0, true, ""},
		"since by the first":       {12, 9, true, ""},
		"since by the next":        {12, -9, true, "key-retired "},
		"since after, the first's": {12, 12, true, "key-retired "},
	} {
		f := rotated(t)
		f.leaves = f.leaves[:tt.leaves]
		if tt.next {
			f.by = next
		}
		o := audit.Options{Log: fstest.MapFS{"wal": {Data: f.wal()}, "checkpoint": {Data: f.checkpoint()}}, Trust: trusted(t)}
		if n := max(tt.since, -tt.since); n > 0 {
			old := *rotated(t)
			old.leaves, old.by = old.leaves[:n], nil
			if tt.since < 0 {
				old.by = next
			}
			o.Since = old.checkpoint()
		}
		r, err := audit.Verify(context.Background(), o)
		must(t, err)
		if codes(r) != tt.want {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
}

func nextSigners(t testing.TB) []note.Signer {
	v, err := note.NewVerifier(nextKey(t))
	must(t, err)
	return []note.Signer{nextSigner{v}}
}

// trusted pins both Ed25519 keys of the log.
func trusted(t testing.TB) *witness.Trust {
	trust, err := witness.ParseTrust(fmt.Appendf(nil, "log %s\nlog %s\nquorum none\n", verifierKey(t), nextKey(t)))
	must(t, err)
	return trust
}
