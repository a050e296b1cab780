//go:build unix

package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"github.com/qunxiang/qunxiang/policy/audit"
)

// memory is a log in memory that is read without being copied first.
type memory struct {
	fstest.MapFS
	wal []byte
}

type walFile struct {
	*bytes.Reader
	fs.File
}

func (f walFile) Read(b []byte) (int, error) { return f.Reader.Read(b) }

func (f walFile) Stat() (fs.FileInfo, error) { return f.File.Stat() }

func (m memory) Open(name string) (fs.File, error) {
	f, err := m.MapFS.Open(name)
	if name == "wal" && err == nil {
		return walFile{bytes.NewReader(m.wal), f}, nil
	}
	return f, err
}

// BenchmarkVerify sets the examination of a log against SHA-256 of the same
// bytes, read in the same way, in the same process: times-SHA-256 is the ratio
// to watch. Half of the leaves are charges, which take the longest, and all are chained by
// SM3. QUNXIANG_LONG makes it a million leaves.
func BenchmarkVerify(b *testing.B) {
	leaves := 200_000
	if os.Getenv("QUNXIANG_LONG") != "" {
		leaves = 1_000_000
	}
	f := begun(b)
	f.leaves = f.leaves[:0]
	limit := members{"rho": fmt.Sprint(1 << 60), "delta": fmt.Sprint(1 << 60)}
	caps := terms("caps", members{"year": limit, "life": limit}, "approvers", []string{}, "by", "", "cosigners", members{"keys": []string{}, "quorum": 0},
		"grants", []members{granted("g-1", "organisation", "Insurer A")}, "k", "20", "persons", []string{}, "retention_days", 0)
	add := func(kind string, m members) { f.add(kind, with(m, "previous", f.quickLink())) }
	add("GRANT", caps)
	add("SNAPSHOT", members{"by": "x", "snapshot": "s-1", "time": start})
	for i := 0; len(f.leaves) < leaves; i++ {
		id := fmt.Sprintf("%032d", i)
		add("CHARGE", charged(id, "time", start+3*i, "due", start+3*i+2, "idempotency", id, "key", fmt.Sprintf("%064d", i), "request", fmt.Sprintf("%064d", i)))
		add("RELEASE", released(id, len(f.leaves)-1, "time", start+3*i+2, "digest", fmt.Sprintf("%064d", i)))
	}
	wal := f.wal()
	o := audit.Options{Key: verifierKey(b), Log: memory{f.log(), wal}}
	b.SetBytes(int64(len(wal)))
	n := int64(len(f.leaves))
	f.leaves = nil
	plain, full := time.Hour, time.Hour // the best of all rounds: others may be using the machine
	var plainCPU, fullCPU time.Duration
	for b.Loop() {
		began, used := time.Now(), cpu(b)
		if _, err := io.Copy(sha256.New(), bytes.NewReader(wal)); err != nil {
			b.Fatal(err)
		}
		plain, plainCPU = min(plain, time.Since(began)), plainCPU+cpu(b)-used
		began, used = time.Now(), cpu(b)
		r, err := audit.Verify(context.Background(), o)
		if err != nil || !r.OK() || r.Leaves != n {
			b.Fatalf("%v %+v", err, r)
		}
		full, fullCPU = min(full, time.Since(began)), fullCPU+cpu(b)-used
	}
	b.ReportMetric(float64(full)/float64(plain), "times-SHA-256")
	b.ReportMetric(float64(fullCPU)/float64(plainCPU), "times-its-CPU")
	b.ReportMetric(float64(n)/full.Seconds(), "leaves/s")
}

// quickLink is link without parsing.
func (f *forge) quickLink() string {
	if len(f.leaves) == 0 {
		return f.link()
	}
	head, tail, _ := bytes.Cut(f.leaves[len(f.leaves)-1], []byte(`"pad":"`))
	sum := sm3.Sum(slices.Concat(head, []byte(`"pad":"`), bytes.TrimLeft(tail, "0")))
	return hex.EncodeToString(sum[:])
}

// cpu is what this process has used so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
