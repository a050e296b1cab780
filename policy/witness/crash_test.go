package witness

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// inode is a file's content, in memory and as far as it was synced.
type inode struct{ now, durable []byte }

// simDisk is a disk on which a name and a content are durable only when they were synced,
// and whose calls fail from the nth on.
type simDisk struct {
	mu             sync.Mutex
	names, durable map[string]*inode
	calls          int
	failAt         int // 0 for never
	short          bool
	dead           bool // after the first failure nothing works
	stays          bool // it fails once and goes on: EIO
}

var errDisk = errors.New("the disk fails")

// simulated is a disk with what is in a witness's folder.
func simulated(t testing.TB, o Options) *simDisk {
	t.Helper()
	d := &simDisk{names: map[string]*inode{}, durable: map[string]*inode{}}
	for _, l := range o.Logs {
		name := filepath.Join(logFolder(o.Dir, l.Origin), checkpointFile)
		b, err := os.ReadFile(name)
		must(t, err)
		d.names[name] = &inode{b, b}
	}
	maps.Copy(d.durable, d.names)
	return d
}

// fails counts a call and says whether it fails.
func (d *simDisk) fails() bool {
	d.calls++
	if d.dead || d.calls == d.failAt {
		d.dead = !d.stays
		return true
	}
	return false
}

// restarted is the disk after the process was killed, or after the power failed.
func (d *simDisk) restarted(power bool) *simDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := d.names
	if power {
		from = d.durable
	}
	after := &simDisk{names: map[string]*inode{}, durable: map[string]*inode{}}
	for name, i := range from {
		b := i.now
		if power {
			b = i.durable
		}
		after.names[name] = &inode{b, b}
	}
	if power {
		maps.Copy(after.durable, after.names)
	} else { // what was not synced is still not
		for name, i := range d.durable {
			after.durable[name] = &inode{i.durable, i.durable}
		}
		for name, i := range after.names {
			i.durable = d.names[name].durable
		}
	}
	return after
}

type simFile struct {
	d *simDisk
	i *inode
}

func (f simFile) Close() error { return nil }
func (f simFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.fails() {
		return errDisk
	}
	f.i.durable = f.i.now
	return nil
}

func (d *simDisk) write(name string, b []byte) (syncer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := &inode{now: slices.Clone(b)}
	if d.fails() {
		if d.short {
			d.names[name] = &inode{now: b[:len(b)/2]}
		}
		return nil, errDisk
	}
	d.names[name] = i
	return simFile{d, i}, nil
}

func (d *simDisk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails() {
		return errDisk
	}
	d.names[to] = d.names[from]
	delete(d.names, from)
	return nil
}

func (d *simDisk) sync(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails() {
		return errDisk
	}
	if i := d.names[name]; i != nil {
		i.durable = i.now
		return nil
	}
	maps.DeleteFunc(d.durable, func(n string, _ *inode) bool { return filepath.Dir(n) == name })
	for n, i := range d.names {
		if filepath.Dir(n) == name {
			d.durable[n] = i
		}
	}
	return nil
}

func (d *simDisk) read(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.names[name]; i != nil {
		return i.now, nil
	}
	return nil, fs.ErrNotExist
}

// Whatever call of the disk a witness is stopped at, what it has answered it still knows
// afterwards, and it goes on.
func TestCrashAtEveryCall(t *testing.T) {
	key := newEdKey(t, origin, "log")
	points := 0
	for _, way := range []struct {
		what                string
		power, short, stays bool
	}{
		{what: "killed"}, {what: "power lost", power: true}, {what: "short write", short: true},
		{what: "EIO, then killed", stays: true}, {what: "EIO, then power lost", stays: true, power: true},
	} {
		for failAt := 1; ; failAt++ {
			o := begin(t, "w", key, at(dawn))
			d := simulated(t, o)
			d.failAt, d.short, d.stays = failAt, way.short, way.stays
			o.disk = d
			reached := stopAt(t, o, fmt.Sprintf("%s at call %d", way.what, failAt), way.power)
			if !reached {
				break
			}
			points++
		}
	}
	if points < 50 {
		t.Errorf("only %d points", points)
	}
	t.Logf("%d points, any violation: %v", points, t.Failed())
}

// stopAt runs a witness until its disk fails, restarts it and looks what it knows. It
// says whether the disk failed at all.
func stopAt(t *testing.T, o Options, what string, power bool) bool {
	t.Helper()
	d := o.disk.(*simDisk)
	l := newTree(t, newEdKey(t, origin, "log"))
	answered := int64(0)
	if w, err := Open(o); err == nil {
		for range 4 {
			old := l.size
			l.grow(t, 2, "")
			if _, err := w.Add(l.request(t, old)); err == nil {
				answered = l.size
			}
		}
		must(t, w.Close())
	}
	if d.calls < d.failAt {
		return false
	}
	o.disk = d.restarted(power)
	w, err := Open(o)
	if err != nil {
		t.Errorf("%s: it does not start: %v", what, err)
		return true
	}
	defer w.Close()
	known := w.logs[origin].state.Size
	if known < answered {
		t.Errorf("%s: it answered for %d leaves and knows %d", what, answered, known)
	}
	if answered > 1 {
		other := l.fork(t, answered-1).grow(t, 3, "x")
		if _, err := w.Add(other.request(t, known)); err == nil {
			t.Errorf("%s: cosigned a second history", what)
		}
	}
	if known < l.size {
		if _, err := w.Add(l.request(t, known)); err != nil {
			t.Errorf("%s: it does not go on: %v", what, err)
		}
	}
	return true
}

// After a failed write nothing of that log is cosigned or shown before a restart, for
// nobody knows what is on the disk; and the answer says nothing about the disk.
func TestFailedWriteStops(t *testing.T) {
	key := newEdKey(t, origin, "log")
	o, heard := hearing(begin(t, "w", key, at(dawn)))
	d := simulated(t, o)
	d.failAt, d.stays = 5, true // two syncs at the start, then write, sync, rename
	o.disk = d
	w := open(t, o)
	l := newTree(t, key).grow(t, 2, "")
	rec := post(w.Handler(), l.request(t, 0).Format())
	if rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String(), errDisk.Error()) {
		t.Fatal(rec.Code, rec.Body)
	}
	if rec := post(w.Handler(), l.request(t, 0).Format()); rec.Code != http.StatusInternalServerError {
		t.Error("tried again:", rec.Code, rec.Body)
	}
	if _, err := w.Newest(OriginHash(origin)); !errors.Is(err, ErrState) {
		t.Error("shown:", err)
	}
	if !strings.Contains(heard.String(), errDisk.Error()) {
		t.Error("the operator was not told:", heard)
	}
}

// State that is lost or damaged is refused, not begun again.
func TestLostStateIsRefused(t *testing.T) {
	key := newEdKey(t, origin, "log")
	for what, harm := range map[string]func(t *testing.T, o Options){
		"lost":           func(t *testing.T, o Options) { must(t, os.Remove(stateFile(o))) },
		"the whole lost": func(t *testing.T, o Options) { must(t, os.RemoveAll(filepath.Join(o.Dir, stateFolder))) },
		"empty":          func(t *testing.T, o Options) { must(t, os.WriteFile(stateFile(o), nil, 0o600)) },
		"cut short":      func(t *testing.T, o Options) { change(t, o, func(b []byte) []byte { return b[:len(b)-20] }) },
		"another size": func(t *testing.T, o Options) {
			change(t, o, func(b []byte) []byte { return []byte(strings.Replace(string(b), "\n3\n", "\n2\n", 1)) })
		},
		"a wrong log key": func(t *testing.T, o Options) { change(t, o, flipLogSignature) },
		"unsigned": func(t *testing.T, o Options) {
			must(t, os.WriteFile(stateFile(o), newTree(t, key).checkpoint(t), 0o600))
		},
		"another log's": func(t *testing.T, o Options) {
			must(t, Begin(o.Dir, "elsewhere", o.Cosigner))
			b, err := os.ReadFile(filepath.Join(logFolder(o.Dir, "elsewhere"), checkpointFile))
			must(t, err)
			must(t, os.WriteFile(stateFile(o), b, 0o600))
		},
	} {
		o := begin(t, "w", key, at(dawn))
		w, err := Open(o)
		must(t, err)
		_, err = w.Add(newTree(t, key).grow(t, 3, "").request(t, 0))
		must(t, err)
		must(t, w.Close())
		harm(t, o)
		if w, err := Open(o); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", what, err)
			w.Close()
		}
	}
}

func change(t *testing.T, o Options, f func([]byte) []byte) {
	b, err := os.ReadFile(stateFile(o))
	must(t, err)
	must(t, os.WriteFile(stateFile(o), f(b), 0o600))
}

// flipLogSignature changes the log's signature, which stands first.
func flipLogSignature(b []byte) []byte {
	at := strings.Index(string(b), "— "+origin) + len("— "+origin) + 20
	b[at] ^= 'A' ^ 'B' ^ 'C'
	if b[at] < '0' || b[at] > 'z' {
		b[at] = 'A'
	}
	return b
}

// Any bit of the state's text or of the cosignature that flips is seen.
func TestEveryBitOfTheStateCounts(t *testing.T) {
	key := newEdKey(t, origin, "log")
	o := begin(t, "w", key, at(dawn))
	w, err := Open(o)
	must(t, err)
	_, err = w.Add(newTree(t, key).grow(t, 3, "").request(t, 0))
	must(t, err)
	must(t, w.Close())
	good, err := os.ReadFile(stateFile(o))
	must(t, err)
	d := simulated(t, o)
	unseen := 0
	for i := range len(good) * 8 {
		b := slices.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		s := &simDisk{names: map[string]*inode{stateFile(o): {b, b}}, durable: d.durable}
		o.disk = s
		if w, err := Open(o); err == nil {
			unseen++
			if w.logs[origin].state.Size != 3 {
				t.Errorf("bit %d: another state", i)
			}
			must(t, w.Close())
		}
	}
	// what makes the log's line one of an unknown key, or an unused bit of base64, changes
	// nothing that is known
	if unseen > 8*(len(origin)+8)+8 {
		t.Errorf("%d bits do not count", unseen)
	}
	t.Logf("%d of %d bits unseen", unseen, len(good)*8)
}

func TestFolderInUse(t *testing.T) {
	key := newEdKey(t, origin, "log")
	o := begin(t, "w", key, nil)
	w := open(t, o)
	if _, err := Open(o); !errors.Is(err, ErrInUse) {
		t.Error("opened twice:", err)
	}
	files, err := os.ReadDir(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files { // a lock that can be removed is none
		if f.Type().IsRegular() {
			_ = os.Remove(filepath.Join(o.Dir, f.Name()))
		}
	}
	if err := Begin(o.Dir, "elsewhere", o.Cosigner); !errors.Is(err, ErrInUse) {
		t.Error("begun beside it:", err)
	}
	must(t, w.Close())
	if err := Begin(o.Dir, origin, o.Cosigner); !errors.Is(err, fs.ErrExist) {
		t.Error("begun again:", err)
	}
	for what, logs := range map[string][]Log{
		"no key": {{Origin: origin}}, "twice": {o.Logs[0], o.Logs[0]},
		"a witness's key": {{origin, []string{o.Cosigner.VerifierKey()}}}, "no such key": {{origin, []string{"x"}}},
	} {
		if _, err := Open(Options{Dir: o.Dir, Cosigner: o.Cosigner, Logs: logs}); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Open(Options{Dir: o.Dir}); !errors.Is(err, ErrKey) {
		t.Error("without a key:", err)
	}
}
