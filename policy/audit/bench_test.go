//go:build unix

package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
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

// BenchmarkVerify sets the examination of a log against SHA-256 of its bytes by one thread,
// in the same process: times-SHA-256 is the ratio to watch, times-its-CPU says what all
// threads did together, peak-MB what memory was needed beside the log's own bytes. Half of
// the leaves are charges, which take the longest, with digests, scopes and noise as real
// ones have them; and as a supervised domain is what the authority runs, so it is once with
// approvals that each of them rests on. QUNXIANG_LONG makes it a million leaves.
func BenchmarkVerify(b *testing.B) {
	for _, name := range []string{"evaluation", "supervised"} {
		b.Run(name, func(b *testing.B) { verifyLong(b, name == "supervised") })
	}
}

func verifyLong(b *testing.B, watched bool) {
	leaves := 100_000
	if os.Getenv("QUNXIANG_LONG") != "" {
		leaves = 1_000_000
	}
	wal, o := longLog(b, leaves, watched)
	b.SetBytes(int64(len(wal)))
	var plain, full, plainCPU, fullCPU []time.Duration
	peak := uint64(0)
	for b.Loop() {
		began, used := time.Now(), cpu(b)
		sha256.Sum256(wal)
		plain, plainCPU = append(plain, time.Since(began)), append(plainCPU, cpu(b)-used)
		highest := watchMemory()
		began, used = time.Now(), cpu(b)
		r, err := audit.Verify(context.Background(), o)
		full, fullCPU = append(full, time.Since(began)), append(fullCPU, cpu(b)-used)
		peak = max(peak, highest())
		if err != nil || !r.OK() || r.Leaves != int64(leaves) {
			b.Fatalf("%v %+v", err, r)
		}
	}
	b.ReportMetric(float64(middle(full))/float64(middle(plain)), "times-SHA-256")
	b.ReportMetric(float64(middle(fullCPU))/float64(middle(plainCPU)), "times-its-CPU")
	b.ReportMetric(float64(peak)/1e6, "peak-MB")
	b.ReportMetric(float64(leaves)/middle(full).Seconds(), "leaves/s")
}

func middle(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// watchMemory begins to look at how much of the heap is in use; what it gives ends that and
// says how much was added at the most.
func watchMemory() func() uint64 {
	runtime.GC()
	heap := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	first, stop, done := heap(), make(chan struct{}), make(chan uint64)
	go func() {
		highest := first
		for {
			select {
			case <-stop:
				done <- max(highest, heap()) - first
				return
			case <-time.After(time.Millisecond):
				highest = max(highest, heap())
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}

// longLog is a log of so many leaves, an even number, that the auditor finds nothing in:
// a GRANT, a SNAPSHOT, and charges each with its release; with all approvals, where people
// watch it.
func longLog(t testing.TB, leaves int, watched bool) ([]byte, audit.Options) {
	limit := members{"rho": fmt.Sprint(1 << 60), "delta": fmt.Sprint(1 << 60)}
	digest := func(s string) string { return digestOf([]byte(s)) }
	f := &forge{t: t}
	terms := terms("caps", members{"year": limit, "life": limit}, "approvers", []string{}, "by", "", "cosigners", members{"keys": []string{}, "quorum": 0},
		"grants", []members{granted("g-1", "organisation", "Insurer A")}, "k", "20", "persons", []string{}, "retention_days", 0)
	of := members{"by": "steward-s", "snapshot": digest("snapshot"), "time": start}
	if watched {
		terms, f.cosign = overseen(t, "caps", members{"year": limit, "life": limit}), []string{"w.example"}
	}
	if f.chained("GRANT", terms); watched {
		f.approved("grant", contentOf(t, "GRANT", terms), "ada", "bo").approved("snapshot", contentOf(t, "SNAPSHOT", of), "ada", "bo").approved("template", digest("template"), "bo", "cy")
	}
	f.chained("SNAPSHOT", of)
	charge := sheet(t, "CHARGE", charged("q-@hex32@", "catalogue", "I3", "due", "@due@", "epoch", "@epoch@", "idempotency", "@hex64@", "index", "@index@", "key", "@hex64@",
		"policy", 0, "rules", 1, "previous", "@previous@", "request", "@hex64@", "scopes", []string{population + "/2016", population + "/2017", population + "/life"},
		"sigmas", members{"cost/rows": "210.875", "cost/squares": "3.797890625e+07", "cost/sum": "5.0859375e+08", "people": "17.328125"},
		"rho", "1999121043000", "snapshot", digest("snapshot"), "template_digest", digest("template"), "time", "@time@"))
	release := sheet(t, "RELEASE", with(released("q-@hex32@", 0), "charge", "@charge@", "digest", "@hex64@", "index", "@index@", "previous", "@previous@", "time", "@time@"))
	previous := f.link()
	wal := append(make([]byte, 0, leaves*(8+1024)+1<<13), f.wal()...)
	for i := len(f.leaves); i < leaves; i++ {
		now := start + 3*(i/2)
		lot := digest(fmt.Sprint(i / 2))
		of := []string{"@hex32@", lot[:32], "@hex64@", lot, "@index@", fmt.Sprint(i), "@previous@", previous, "@due@", fmt.Sprint(now + 2)}
		page := charge
		if i%2 == 0 {
			of = append(of, "@time@", fmt.Sprint(now), "@epoch@", fmt.Sprint((now+8*3600)/(24*3600)))
		} else {
			page = release
			of = append(of, "@time@", fmt.Sprint(now+2), "@charge@", fmt.Sprint(i-1))
		}
		text := strings.NewReplacer(of...).Replace(page)
		sum := sm3.Sum([]byte(text))
		previous = hex.EncodeToString(sum[:])
		text = strings.Replace(text, `"pad":"`, `"pad":"`+strings.Repeat("0", 1024-len(text)), 1)
		wal = append(wal, (&forge{leaves: [][]byte{[]byte(text)}}).wal()...)
		f.raw(wal[len(wal)-1024:]) // there is room: it stays where it is
	}
	f.at = start + int64(3*leaves/2)
	now := func() time.Time { return time.Unix(f.at, 0) } // a long log goes on beyond today
	o := audit.Options{Key: verifierKey(t), Now: now, Log: memory{fstest.MapFS{"wal": {Data: wal}, "checkpoint": {Data: f.checkpoint()}}, wal}}
	return wal, o
}

// sheet is a leaf without padding, its numbers still names between @.
func sheet(t testing.TB, kind string, m members) string {
	m["pad"], m["type"] = "", kind
	text := string(marshal(t, m))
	for _, name := range []string{"due", "epoch", "index", "time", "charge"} {
		text = strings.ReplaceAll(text, `"@`+name+`@"`, "@"+name+"@")
	}
	return text
}

// cpu is what this process has used so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
