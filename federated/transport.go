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

// Transport carries a node's side to the coordinator and back, by short calls that the
// node makes: nobody calls a node. Calls may fail, be slow, and be made again; every
// error means the same: try again later.
type Transport interface {
	// Post sends a posting; sending the same again does no harm.
	Post(ctx context.Context, p Posting) error
	// Poll gives the feed's items from place since on, at most PollItems, and the place
	// of the next. If the feed is shorter, next is 0: read again from the start.
	Poll(ctx context.Context, since int) (items []Item, next int, err error)
	// Fetch gives the bytes of the item at a place.
	Fetch(ctx context.Context, at int) ([]byte, error)
}

// Direct is a Transport inside one process.
func Direct(c *Coordinator) Transport { return direct{c} }

type direct struct{ c *Coordinator }

func (d direct) Post(_ context.Context, p Posting) error { return d.c.Post(p) }

func (d direct) Poll(_ context.Context, since int) ([]Item, int, error) { return d.c.Poll(since) }

func (d direct) Fetch(_ context.Context, at int) ([]byte, error) { return d.c.Fetch(at) }
