package federated

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// restore takes up what the folder holds: what was published, and what was taken and
// not yet published.
func (c *Coordinator) restore() error {
	for i := range c.o.Card.Nodes {
		if err := c.restoreParty(i); err != nil {
			return err
		}
	}
	if why, err := c.dir.Get("ended"); err == nil {
		c.ended = string(why)
		if err := c.feed.add(Item{Sort: SortEnd}); err != nil {
			return err
		}
	}
	for n := uint64(1); ; n++ {
		open, err := folder(c.dir.path(attemptName(n))).Get("OPEN")
		if errors.Is(err, secagg.ErrMissing) {
			break
		}
		if err == nil {
			err = c.restoreAttempt(n, open)
		}
		if err != nil {
			return err
		}
	}
	if c.relay == nil || c.ended != "" {
		return nil
	}
	for n := uint64(1); n <= c.attempt && !c.done; n++ {
		if err := c.finishRound(c.all[n]); err != nil || c.done {
			return err
		}
	}
	if err := c.forget(); err != nil {
		return err
	}
	return c.advance()
}

func (c *Coordinator) restoreParty(i int) error {
	if _, err := c.dir.Get(approvalName(i)); err == nil {
		c.approve[i] = true
		if err := c.feed.add(Item{Sort: SortApproval, Node: i}); err != nil {
			return err
		}
	}
	places := []Item{}
	for _, reason := range waitReasons() {
		places = append(places, Notice{Kind: NoticeWaiting, Text: reason}.item(i))
	}
	for _, kind := range []string{NoticeReady, NoticeRefused, NoticeStopped} {
		places = append(places, Notice{Kind: kind}.item(i))
	}
	for _, place := range places {
		b, err := c.dir.Get(noticeName(place))
		if errors.Is(err, secagg.ErrMissing) {
			continue
		}
		var n Notice
		if err = errors.Join(err, strictly(b, &n)); err != nil {
			return err
		}
		if err := c.feed.add(place); err != nil {
			return err
		}
		if n.Kind == NoticeReady || n.Kind == NoticeWaiting {
			if err := c.heed(i, n); err != nil {
				return err
			}
		} else if _, err := c.dir.Get("ended"); err != nil {
			return c.heed(i, n)
		}
	}
	return nil
}

// restoreAttempt takes up an attempt from its OPEN, and publishes all that is there.
func (c *Coordinator) restoreAttempt(n uint64, stored []byte) error {
	shape := c.shape()
	m, err := shape.ParseMessage(stored)
	if err != nil {
		return err
	}
	before, last := c.open, c.relay
	if c.open, _, _, err = secagg.ParseOpen(m); err != nil {
		return err
	}
	if last != nil && before.Round == c.open.Round && last.Complete(secagg.PhaseConfirm) {
		c.burnt++
	}
	c.round, c.model = int(c.open.Round), c.open.Model
	if err := c.load(n); err != nil {
		return err
	}
	again, err := c.relay.Message(secagg.PhaseOpen, secagg.Coordinator)
	if err != nil || !bytes.Equal(again.Append(nil), stored) {
		return errors.Join(err, fmt.Errorf("%w: attempt %d has another OPEN", ErrOptions, n))
	}
	c.enter(secagg.PhaseHello)
	if err := c.feed.add(Item{Sort: SortMessage, Attempt: n, Phase: secagg.PhaseOpen, Node: secagg.Coordinator}); err != nil {
		return err
	}
	return c.republish(n)
}

// republish publishes everything of an attempt in the order of the phases; what is in
// the feed already is not added again.
func (c *Coordinator) republish(n uint64) error {
	parts := map[secagg.Phase]secagg.Kind{secagg.PhaseCT: secagg.C1, secagg.PhaseShare: secagg.Sealed}
	for f := secagg.PhaseHello; f <= secagg.PhaseAbort; f++ {
		for i := range c.roster.Nodes {
			_, err := c.relay.Message(f, i)
			if err == nil {
				err = c.publish(c.relay, n, f, i)
			}
			if err != nil && !errors.Is(err, secagg.ErrMissing) {
				return err
			}
		}
		if kind, ok := parts[f]; ok {
			if err := c.publishParts(c.relay, n, kind); err != nil {
				return err
			}
		}
	}
	return nil
}
