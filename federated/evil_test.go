package federated

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// evil is a coordinator in the middle of one node's wire: it changes what the node
// polls, and what it posts.
type evil struct {
	wire
	items func(Item) []Item
	post  func(Posting) Posting
}

func (e *evil) Poll(ctx context.Context, from Place) ([]Item, Place, error) {
	items, next, err := e.wire.Poll(ctx, from)
	if e.items == nil || err != nil {
		return items, next, err
	}
	for i, it := range items {
		changed := e.items(e.whole(ctx, it, Place{next.Epoch, next.At - len(items) + i}))
		items[i] = changed[0]
	}
	return items, next, nil
}

// Fetch changes an item that is asked for again as it changes the one polled.
func (e *evil) Fetch(ctx context.Context, at Place) ([]byte, error) {
	b, err := e.wire.Fetch(ctx, at)
	if e.items == nil || err != nil || at.At >= len(e.w.c.feed.items) {
		return b, err
	}
	it := e.w.c.feed.items[at.At]
	it.Body = b
	return e.items(it)[0].Body, nil
}

// whole puts the bytes of a large item inline, so that it can be changed.
func (e *evil) whole(ctx context.Context, it Item, at Place) Item {
	if it.Body == nil {
		it.Body, _ = e.wire.Fetch(ctx, at)
	}
	return it
}

func (e *evil) Post(ctx context.Context, p Posting) error {
	if e.post != nil {
		p = e.post(p)
	}
	return e.wire.Post(ctx, p)
}

// noModel wants no model and no share at any node.
func (w *world) noModel(shares bool) {
	w.t.Helper()
	for _, p := range w.parties {
		if p.node == nil {
			continue
		}
		if p.node.Model() != nil {
			w.t.Errorf("%s has a model", p.name)
		}
		if n := len(p.node.Issued()); n > 0 && !shares {
			w.t.Errorf("%s issued %d shares", p.name, n)
		}
	}
}

// turns gives so many turns, with time passing when nothing happens.
func (w *world) turns(n int, wait time.Duration) {
	w.t.Helper()
	for range n {
		if !w.turn() {
			w.now = w.now.Add(wait)
		}
	}
}

// opening is an OPEN that the coordinator signs, of its own choice.
func (w *world) opening(o secagg.Open) secagg.Message {
	w.t.Helper()
	r, err := secagg.NewRelay(w.c.params, w.c.roster, w.coord, o, secagg.Memory{})
	must(w.t, err)
	m, err := r.Message(secagg.PhaseOpen, secagg.Coordinator)
	must(w.t, err)
	return m
}

// resigned is a message with another payload, signed by its sender.
func (w *world) resigned(m secagg.Message, key ed25519.PrivateKey) secagg.Message {
	w.t.Helper()
	m.Body = bytes.Clone(m.Body)
	m.Body[0] ^= 1
	m.Payload = sha(m.Body)
	copy(m.Sig[:], ed25519.Sign(key, signedText(m)))
	must(w.t, m.Statement.Verify(w.card.Roster()))
	return m
}
