package ledger_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// old is a copy of a log that was written before leaves were chained: a release, a
// refusal, three abandoned charges with a resumption, a repeat, and an open charge that
// no checkpoint covers. 52e-12 of rho are spent, of 1000.
func old(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "format1"))))
	return dir
}

// A log of format 1 is read as it is, and goes on with a chain: nothing that was spent,
// answered or refused is forgotten.
func TestFormat1GoesOn(t *testing.T) {
	dir := old(t)
	s, err := ledger.Read(dir, verifier(t))
	must(t, err)
	if s.Size() != 14 || s.Spent(life).Rho != 52 || len(s.Find("key-1")) != 1 {
		t.Fatalf("read: %d leaves, %v spent", s.Size(), s.Spent(life))
	}
	c := newClock()
	c.step(time.Hour)
	o := options(dir, c)
	o.Create = false
	l := open(t, o)
	if r := l.Requests(); !r[len(r)-1].Abandoned || l.Spent(life).Rho != 52 {
		t.Fatal("the open charge is not burnt")
	}
	charged, released := answer(t, l, c, "new", 10)
	must(t, l.Close())
	l = open(t, o)
	defer l.Close()
	if l.Spent(life).Rho != 62 || charged != 15 || released != 16 {
		t.Fatalf("after the upgrade: %v spent, leaf %d", l.Spent(life), charged)
	}
	before, raw, err := l.Leaf(13)
	must(t, err)
	after, _, err := l.Leaf(14)
	must(t, err)
	if before.Previous != "" || after.Previous != ledger.Link(raw) {
		t.Error("the chain does not begin where the old format ends")
	}
	_, err = l.Charge(ctx, charge("too much", 939, c.now()))
	want(t, err, ledger.ErrBudget)
}

// record frames a leaf as the wal has it.
func record(leaf []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(leaf)))
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), leaf)
	return append(binary.BigEndian.AppendUint32(b, sum), leaf...)
}

// What a newer version has written, whole in itself, is refused with a word about it, and
// nothing is written: neither is the log cut, nor a charge burnt.
func TestNewerLeaves(t *testing.T) {
	for name, change := range map[string][2]string{
		"a type":   {`"type":"CHARGE"`, `"type":"FUTURE"`},
		"a member": {`"pad":"00000000000000`, `"new":0,"pad":"000000`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := old(t)
			wal, err := os.ReadFile(filepath.Join(dir, "wal"))
			must(t, err)
			last := bytes.Replace(wal[len(wal)-1024:], []byte(change[0]), []byte(change[1]), 1)
			newer := append(wal[:len(wal)-1024-8:len(wal)-1024-8], record(last)...)
			if bytes.Equal(newer, wal) || len(newer) != len(wal) {
				t.Fatal("it is none")
			}
			must(t, os.WriteFile(filepath.Join(dir, "wal"), newer, 0o600))
			_, err = ledger.Read(dir, verifier(t))
			want(t, err, ledger.ErrCorrupt)
			o := options(dir, newClock())
			_, err = ledger.Open(o)
			want(t, err, ledger.ErrCorrupt)
			if !strings.Contains(err.Error(), "leaf 13") || !strings.Contains(err.Error(), "a newer version may have written it") {
				t.Errorf("it does not say so: %v", err)
			}
			now, err := os.ReadFile(filepath.Join(dir, "wal"))
			must(t, err)
			if _, err := os.Stat(filepath.Join(dir, "tile")); !bytes.Equal(now, newer) || err == nil {
				t.Error("something was written")
			}
		})
	}
}
