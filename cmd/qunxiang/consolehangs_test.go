package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// hanging is a coordinator that answers when it is let, whatever becomes of its visitors.
type hanging struct {
	let   chan struct{}
	asked atomic.Int64
	cards atomic.Int64
	mu    sync.Mutex
	jobs  []federation.JobStatus
}

func (h *hanging) Jobs(ctx context.Context) ([]federation.JobStatus, error) {
	h.asked.Add(1)
	<-h.let
	if errors.Is(ctx.Err(), context.Canceled) { // by a visitor; how long it takes is the machine's matter
		return nil, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.jobs), nil
}

func (h *hanging) Card(context.Context, secagg.Hash) (*federated.Card, error) {
	h.cards.Add(1)
	return &federated.Card{}, nil
}

func (h *hanging) Close() {}

// offers says which jobs there are from now on.
func (h *hanging) offers(jobs ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.jobs = nil
	for _, j := range jobs {
		h.jobs = append(h.jobs, federation.JobStatus{Job: j})
	}
}

// awaits waits for a condition.
func awaits(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// A coordinator that hangs is asked once for all visitors, none of whom waits longer than
// the patience; who goes ends nothing for the others. What it says then holds for the next,
// and cards of jobs that it no longer speaks of are forgotten.
func TestHangingCoordinatorHoldsUpNobody(t *testing.T) {
	t.Parallel()
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	h := &hanging{let: make(chan struct{})}
	h.offers(one, two)
	w := newWord(func() (jobTeller, error) { return h, nil })
	w.patience = 0
	for range 3 { // it hangs all the while, and they come back by themselves and go
		visit, leave := context.WithTimeout(t.Context(), 20*time.Second)
		if said, _ := w.ask(visit); said != nil || visit.Err() != nil {
			t.Fatal("it has said something before it answered, or was waited for")
		}
		leave()
	}
	w.patience = time.Hour
	gone, leave := context.WithCancel(t.Context())
	leave()
	w.ask(gone) // comes back: its visitor has gone
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if said, cards := w.ask(t.Context()); len(said) != 2 || cards[one] == nil || cards[two] == nil {
				t.Errorf("a visitor who waits has %d jobs and %d cards", len(said), len(cards))
			}
		})
	}
	awaits(t, "nobody asks", func() bool { return h.asked.Load() == 1 })
	close(h.let)
	all.Wait()
	if n := h.asked.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	h.offers(two)
	w.mu.Lock()
	w.next = time.Time{}
	w.mu.Unlock()
	said, cards := w.ask(t.Context())
	if len(said) != 1 || cards[one] != nil || cards[two] == nil || len(w.cards) != 1 || h.cards.Load() != 2 {
		t.Errorf("of two jobs one is left: %d jobs, %d cards, fetched %d times", len(said), len(w.cards), h.cards.Load())
	}
	w.mu.Lock()
	w.at, w.next = time.Now().Add(-statusRests), time.Now().Add(time.Hour) // and since then it did not answer
	w.mu.Unlock()
	if said, _ := w.ask(t.Context()); said != nil {
		t.Error("a word of long ago is passed on")
	}
}

// A coordinator that cannot be reached, or refuses, is left alone for a while.
func TestCoordinatorThatIsAwayRests(t *testing.T) {
	t.Parallel()
	dials := 0
	w := newWord(func() (jobTeller, error) { dials++; return nil, errors.New("away") })
	for range 5 {
		if said, _ := w.ask(t.Context()); said != nil {
			t.Error("it says something")
		}
		awaits(t, "it is asked for ever", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.asking == nil })
	}
	if dials != 1 {
		t.Errorf("it was asked %d times", dials)
	}
}

// A job that takes long to verify, or cannot be, holds up no other's page, and is verified
// once for all who look. What is gone is forgotten.
func TestSlowJobHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "D")
	d, err := synthDomain(t.Context(), dir, synthOptions{persons: 20, settlements: 40, seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	slow, quick, mad := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
	for _, job := range []string{slow, quick, mad} {
		if err := os.MkdirAll(nodeFolderOf(dir).path("jobs", job, "round-1"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	k, let := newProofs(d), make(chan struct{})
	var verified atomic.Int64
	k.verify = func(dir string, _ federated.VerifyOptions) (*federated.Verified, error) {
		switch filepath.Base(dir) {
		case slow:
			verified.Add(1)
			<-let
		case mad:
			panic("bytes of somebody else's")
		}
		return &federated.Verified{}, nil
	}
	var all sync.WaitGroup
	look := func() {
		if p, err := k.of(t.Context(), slow); err != nil || p.proof == nil {
			t.Errorf("the slow job: %+v, %v", p, err)
		}
	}
	for range 5 {
		all.Go(look)
	}
	awaits(t, "nobody verifies", func() bool { return verified.Load() == 1 })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.of(gone, slow); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone waits on: %v", err)
	}
	visit, leave := context.WithTimeout(t.Context(), 20*time.Second)
	defer leave()
	if p, err := k.of(visit, quick); err != nil || p.proof == nil {
		t.Errorf("the quick job beside it: %+v, %v", p, err)
	}
	if _, err := k.of(visit, mad); !errors.Is(err, errProof) {
		t.Errorf("the mad job: %v", err)
	}
	close(let)
	all.Wait()
	look()
	if n := verified.Load(); n != 1 {
		t.Errorf("one state of a folder was verified %d times", n)
	}
	k.only([]string{quick})
	if len(k.kept) != 1 || k.kept[quick].proof == nil {
		t.Errorf("%d jobs are kept", len(k.kept))
	}
}
