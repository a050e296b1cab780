package federated

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

func openHost(t *testing.T, w *world, dir string) *Host {
	t.Helper()
	h, err := OpenHost(HostOptions{Dir: dir, Key: w.coord, Now: w.clock})
	must(t, err)
	return h
}

func cardText(t *testing.T, c *Card) []byte {
	t.Helper()
	b, err := c.JSON()
	must(t, err)
	return b
}

// A job is made once, found by its digest, and there again after a restart, with what
// it has taken, also when it is over.
func TestHostKeepsJobs(t *testing.T) {
	w := newWorld(t, 1, 3)
	dir := filepath.Join(w.dir, "jobs")
	h := openHost(t, w, dir)
	text := cardText(t, w.card)
	job, err := h.Create(text)
	must(t, err)
	again, err := h.Create(text)
	must(t, err)
	if want := sha(text); job != want || again != want || len(h.Jobs()) != 1 {
		t.Fatalf("%s and %s, want %s; %d jobs", job, again, want, len(h.Jobs()))
	}
	other := newWorld(t, 1, 3) // with a coordinator of its own
	foreign := cardText(t, other.card)
	_, err = h.Create(foreign)
	mustBe(t, err, ErrRefused)

	c, ok := h.Job(job)
	if !ok {
		t.Fatal("the job is not found")
	}
	must(t, h.Tick())
	word, err := makeNotice(job, "node-1", NoticeStopped, "enough", w.parties[1].key)
	must(t, err)
	b, err := canonical(word)
	must(t, err)
	must(t, c.Post(Posting{Sort: SortNotice, Body: b}))
	must(t, h.Close())
	if _, ok := h.Job(job); ok {
		t.Error("a closed host has jobs")
	}

	h = openHost(t, w, dir)
	defer func() { must(t, h.Close()) }()
	c, ok = h.Job(job)
	if !ok || len(h.Jobs()) != 1 || h.Jobs()[0] != c {
		t.Fatalf("%v jobs after a restart", h.Jobs())
	}
	items, _, err := c.Poll(Place{})
	must(t, err)
	if s := c.Status(); s.Ended != "node-1 stopped: enough" || len(items) != 2 || string(items[1].Body) != s.Ended {
		t.Errorf("status %+v, %d items", s, len(items))
	}
	must(t, h.Tick())
}

func TestHostRefuses(t *testing.T) {
	w := newWorld(t, 1, 3)
	text := string(cardText(t, w.card))
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":     {"", ErrWire},
		"not json":    {"{", ErrWire},
		"spaces":      {text + " ", ErrWire},
		"unknown":     {strings.Replace(text, `{`, `{"a":1,`, 1), ErrWire},
		"twice":       {strings.Replace(text, `"job":"claim-frequency"`, `"job":"x","job":"claim-frequency"`, 1), ErrWire},
		"bad card":    {strings.Replace(text, `"until":"2099-12-31"`, `"until":"someday"`, 1), ErrCard},
		"coordinator": {strings.Replace(text, b64(w.coord), b64(newKey(t)), 1), ErrRefused},
	} {
		dir := filepath.Join(t.TempDir(), "jobs")
		h := openHost(t, w, dir)
		if _, err := h.Create([]byte(c.text)); err == nil || !strings.HasPrefix(err.Error(), c.want.Error()) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if len(h.Jobs()) != 0 {
			t.Errorf("%s: a job came of it", name)
		}
		must(t, h.Close())
		if left, _ := filepath.Glob(filepath.Join(dir, "*-*")); len(left) > 0 {
			t.Errorf("%s left %v", name, left)
		}
	}
	_, err := OpenHost(HostOptions{Key: w.coord})
	mustBe(t, err, ErrOptions)
	_, err = OpenHost(HostOptions{Dir: t.TempDir()})
	mustBe(t, err, ErrOptions)
}

// Two processes never serve one folder; a crash in Create leaves nothing in the way; and
// a folder under another job's name is not served.
func TestHostFolder(t *testing.T) {
	w := newWorld(t, 1, 3)
	dir := filepath.Join(w.dir, "jobs")
	h := openHost(t, w, dir)
	_, err := OpenHost(HostOptions{Dir: dir, Key: w.coord})
	mustBe(t, err, ledger.ErrInUse)
	job := sha(cardText(t, w.card))
	must(t, h.Close())

	must(t, os.MkdirAll(filepath.Join(dir, job.String()), 0o700)) // a crash before the card was kept
	h = openHost(t, w, dir)
	if _, ok := h.Job(job); ok {
		t.Error("a job without a card")
	}
	got, err := h.Create(cardText(t, w.card))
	must(t, err)
	if got != job {
		t.Fatal("another job")
	}
	must(t, h.Close())

	must(t, os.Rename(filepath.Join(dir, job.String()), filepath.Join(dir, secagg.Hash{1}.String())))
	_, err = OpenHost(HostOptions{Dir: dir, Key: w.coord})
	mustBe(t, err, ErrOptions)
	if !strings.Contains(err.Error(), secagg.Hash{1}.String()) {
		t.Errorf("%v does not name the job", err)
	}
	must(t, os.Rename(filepath.Join(dir, secagg.Hash{1}.String()), filepath.Join(dir, job.String())))
	_, err = OpenHost(HostOptions{Dir: dir, Key: newKey(t)})
	mustBe(t, err, ErrRefused)
}

// The longest posting of a real job is as long as MaxPosting says.
func TestMaxPosting(t *testing.T) {
	w := newWorld(t, 1, 3)
	var lengths []int
	for i := range w.parties {
		w.parties[i].transport = &evil{wire: wire{w}, post: func(p Posting) Posting {
			lengths = append(lengths, len(p.Body))
			return p
		}}
	}
	w.openNodes().run()
	w.sameModel()
	if most := slices.Max(lengths); most != w.c.MaxPosting() {
		t.Errorf("the longest has %d bytes, MaxPosting is %d", most, w.c.MaxPosting())
	}
	s := w.c.Status()
	if len(s.Unapproved)+len(s.Unready) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestStatusNamesWhoIsMissing(t *testing.T) {
	w := newWorld(t, 1, 3)
	w.openNode(1)
	w.wake()
	_, err := w.parties[1].node.Step(ctx)
	must(t, err)
	if s := w.c.Status(); !slices.Equal(s.Unapproved, []int{0, 2}) || !slices.Equal(s.Unready, []int{0, 2}) {
		t.Errorf("%+v", s)
	}
}
