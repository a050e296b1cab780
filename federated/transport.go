package federated

import (
	"context"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Sort tells what an item is.
type Sort uint8

// The sorts of items.
const (
	SortApproval Sort = iota + 1 // an owner's approval; Node is its place
	SortNotice                   // a node's notice
	SortMessage                  // a secagg message of Phase, OPEN included
	SortPart                     // a secagg part of Kind and Chunk
	SortEnd                      // the coordinator's reason for ending the job; nobody needs to believe it
)

// Item is one entry of a job's feed. What it says of itself is for finding it only:
// its bytes prove themselves by signature or commitment.
type Item struct {
	Sort    Sort
	Attempt uint64
	Phase   secagg.Phase
	Kind    secagg.Kind
	Node    int
	Chunk   int
	// Body is nil for an item of more than Inline bytes, which is fetched by its place.
	Body []byte
}

// Inline is the most bytes of an item that come with a poll.
const Inline = 16 << 10

// PollItems is the most items of one poll.
const PollItems = 256

// Posting is what a node sends: a signed message, part, approval or notice.
type Posting struct {
	Sort    Sort
	Attempt uint64
	Body    []byte
}

// Place is a place in a coordinator's feed. Epoch changes when the coordinator is
// started again.
type Place struct {
	Epoch uint64
	At    int
}

// Transport carries a node's side to the coordinator and back, by short calls that the
// node makes: nobody calls a node. Calls may fail, be slow, and be made again; every
// error means the same: try again later.
type Transport interface {
	// Post sends a posting; sending the same again does no harm.
	Post(ctx context.Context, p Posting) error
	// Poll gives the feed's items from a place on, at most PollItems, and the place of
	// the next. The zero Place is the start. A place of another epoch reads from the
	// start: a coordinator that was restarted may have published in another order.
	Poll(ctx context.Context, from Place) (items []Item, next Place, err error)
	// Fetch gives the bytes of the item at a place.
	Fetch(ctx context.Context, at Place) ([]byte, error)
}

// Direct is a Transport inside one process.
func Direct(c *Coordinator) Transport { return direct{c} }

type direct struct{ c *Coordinator }

func (d direct) Post(_ context.Context, p Posting) error { return d.c.Post(p) }

func (d direct) Poll(_ context.Context, from Place) ([]Item, Place, error) { return d.c.Poll(from) }

func (d direct) Fetch(_ context.Context, at Place) ([]byte, error) { return d.c.Fetch(at) }
