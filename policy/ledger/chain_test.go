package ledger_test

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// wal writes leaves as they stand in a log, without asking any rule.
func wal(t *testing.T, leaves ...ledger.Leaf) (records []byte) {
	t.Helper()
	for _, l := range leaves {
		raw, err := ledger.Encode(l)
		must(t, err)
		head := binary.BigEndian.AppendUint32(nil, uint32(len(raw)))
		table := crc32.MakeTable(crc32.Castagnoli)
		sum := crc32.Update(crc32.Checksum(head, table), table, raw)
		records = append(binary.BigEndian.AppendUint32(append(records, head...), sum), raw...)
	}
	return records
}

func link(t *testing.T, l ledger.Leaf) string {
	t.Helper()
	raw, err := ledger.Encode(l)
	must(t, err)
	return ledger.Link(raw)
}

// A log is chained from its first leaf of format 2 on, and never stops being so.
func TestChain(t *testing.T) {
	zeros := strings.Repeat("0", 64)
	g := grant(1000)
	g.Replaces = -1
	first := func(previous string) ledger.Leaf { return ledger.Leaf{Time: dawn, Previous: previous, Body: &g} }
	next := func(previous string) ledger.Leaf {
		return ledger.Leaf{Index: 1, Time: dawn, Previous: previous, Body: &ledger.Snapshot{Snapshot: "s", By: "b"}}
	}
	for name, tt := range map[string]struct {
		leaves []ledger.Leaf
		err    error
	}{
		"chained":              {[]ledger.Leaf{first(zeros), next(link(t, first(zeros)))}, nil},
		"format 1":             {[]ledger.Leaf{first(""), next("")}, nil},
		"a chain begins":       {[]ledger.Leaf{first(""), next(link(t, first("")))}, nil},
		"breaks off":           {[]ledger.Leaf{first(zeros), next("")}, ledger.ErrCorrupt},
		"to another leaf":      {[]ledger.Leaf{first(zeros), next(link(t, next("")))}, ledger.ErrCorrupt},
		"begins with the past": {[]ledger.Leaf{first(link(t, next("")))}, ledger.ErrCorrupt},
	} {
		dir := t.TempDir()
		c := newClock()
		must(t, open(t, options(dir, c)).Close())
		must(t, os.WriteFile(filepath.Join(dir, "wal"), wal(t, tt.leaves...), 0o600))
		l, err := ledger.Open(options(dir, c))
		if tt.err != nil {
			want(t, err, tt.err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = l.Deny(ctx, ledger.Deny{Principal: "p", Rule: "r"}) // whatever is appended is chained
		must(t, err)
		leaf, _, err := l.Leaf(2)
		must(t, err)
		_, raw, err := l.Leaf(1)
		must(t, err)
		if leaf.Previous != ledger.Link(raw) {
			t.Errorf("%s: chained to %s", name, leaf.Previous)
		}
		must(t, l.Close())
	}
}
