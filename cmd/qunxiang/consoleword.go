package main

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// How long the coordinator's word holds, how long it is asked, for how long one that did not
// answer is not asked again, and how long a page waits for what is being asked.
const (
	statusHolds    = 2 * time.Second
	statusWaits    = 3 * time.Second
	statusRests    = 15 * time.Second
	statusPatience = time.Second
)

// jobTeller is what is asked of a coordinator; *federation.Client is one.
type jobTeller interface {
	Jobs(context.Context) ([]federation.JobStatus, error)
	Card(context.Context, secagg.Hash) (*federated.Card, error)
	Close()
}

// word is what a coordinator said last. It is asked for all visitors by one of them, who
// may have gone by the time it answers.
type word struct {
	dial     func() (jobTeller, error)
	patience time.Duration

	mu     sync.Mutex
	said   []federation.JobStatus
	cards  map[string]*federated.Card // of the jobs that it spoke of last
	at     time.Time                  // when it said so
	next   time.Time                  // before it is not asked again
	begun  time.Time                  // to be asked
	asking chan struct{}              // closed when it has been asked, nil where it is not
}

func newWord(dial func() (jobTeller, error)) *word {
	return &word{dial: dial, patience: statusPatience, cards: map[string]*federated.Card{}}
}

// ask has the coordinator's word, fresh or from a moment ago; nothing where it does not
// answer. A visitor waits for one that hangs no longer than the patience from when it was
// asked, and goes on with what it said before.
func (w *word) ask(ctx context.Context) ([]federation.JobStatus, map[string]*federated.Card) {
	w.mu.Lock()
	if now := time.Now(); w.asking == nil && !now.Before(w.next) {
		w.asking, w.begun = make(chan struct{}), now
		go w.hear(context.WithoutCancel(ctx), w.asking)
	}
	asking, left := w.asking, w.patience-time.Since(w.begun)
	w.mu.Unlock()
	if asking != nil && left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-asking:
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.at) >= statusRests {
		return nil, nil
	}
	return w.said, maps.Clone(w.cards)
}

// hear asks the coordinator, and keeps what it says until the next time.
func (w *word) hear(ctx context.Context, asked chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, statusWaits)
	defer cancel()
	w.mu.Lock()
	known := w.cards
	w.mu.Unlock()
	said, cards, err := w.listen(ctx, known)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said, w.cards, w.at, w.next = said, cards, time.Now(), time.Now().Add(statusHolds)
	if err != nil {
		w.said, w.cards, w.next = nil, known, time.Now().Add(statusRests)
	}
	w.asking = nil
	close(asked)
}

// listen gives the jobs and their cards, of which those that are known are not fetched and
// those that nobody speaks of any more are gone. A card is checked against its digest.
func (w *word) listen(ctx context.Context, known map[string]*federated.Card) ([]federation.JobStatus, map[string]*federated.Card, error) {
	client, err := w.dial()
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	said, err := client.Jobs(ctx)
	if err != nil {
		return nil, nil, err
	}
	cards := map[string]*federated.Card{}
	for _, s := range said {
		if cards[s.Job] = known[s.Job]; cards[s.Job] != nil {
			continue
		}
		delete(cards, s.Job)
		if digest, err := s.Digest(); err == nil {
			if card, err := client.Card(ctx, digest); err == nil {
				cards[s.Job] = card
			}
		}
	}
	return said, cards, nil
}
