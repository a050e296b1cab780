package federated

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Status is how far a job is, for people.
type Status struct {
	Job      secagg.Hash
	Approved int // nodes
	Ready    int
	// Unapproved and Unready are the nodes that the job waits for before it begins.
	Unapproved, Unready []int
	// Waits is what nodes said that they wait for, by place: of those that are not ready,
	// and of those that do not answer an OPEN.
	Waits   map[int]string
	Round   int // from 0; the number of rounds when all are done
	Rounds  int
	Attempt uint64
	Phase   secagg.Phase
	Missing []int // nodes that the phase waits for
	Burnt   int   // attempts that were charged and gave no sum
	Done    bool
	Ended   string // why it stopped without a model
}

// Status says how far the job is.
func (c *Coordinator) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{
		Job: c.job, Approved: len(c.approve), Ready: len(c.ready), Round: c.round, Rounds: c.plan.Rounds(),
		Attempt: c.attempt, Phase: c.phase, Burnt: c.burnt, Done: c.done, Ended: c.ended,
	}
	for i := range c.roster.Nodes {
		if !c.approve[i] {
			s.Unapproved = append(s.Unapproved, i)
		}
		if !c.ready[i] {
			s.Unready = append(s.Unready, i)
		}
	}
	if c.relay != nil && !c.done {
		s.Missing = c.relay.Missing(c.phase)
	}
	s.Waits = map[int]string{}
	for i, reason := range c.waits {
		if !c.ready[i] || c.phase == secagg.PhaseHello && slices.Contains(s.Missing, i) {
			s.Waits[i] = reason
		}
	}
	return s
}

// Poll is the feed from a place on: see Transport.
func (c *Coordinator) Poll(from Place) ([]Item, Place, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if from.Epoch != c.epoch || from.At < 0 || from.At > len(c.feed.items) {
		from = Place{Epoch: c.epoch}
	}
	end := min(from.At+PollItems, len(c.feed.items))
	var out []Item
	for _, it := range c.feed.items[from.At:end] {
		size, err := c.feed.size(it)
		switch {
		case c.gone(it) && errors.Is(err, os.ErrNotExist):
			it.Body, err = forgotten(), nil
		case err == nil && size <= Inline:
			it.Body, err = c.feed.body(it)
		}
		if err != nil {
			return nil, from, err
		}
		out = append(out, it)
	}
	return out, Place{c.epoch, end}, nil
}

// Fetch is the bytes of one item.
func (c *Coordinator) Fetch(at Place) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Epoch != c.epoch || at.At < 0 || at.At >= len(c.feed.items) {
		return nil, fmt.Errorf("%w: no item %d of this epoch", ErrRefused, at.At)
	}
	it := c.feed.items[at.At]
	b, err := c.feed.body(it)
	if c.gone(it) && errors.Is(err, secagg.ErrMissing) {
		return forgotten(), nil
	}
	return b, err
}
