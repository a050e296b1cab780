package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// told are approvals by a server that shows what it likes, beside a log.
type told struct {
	api.ProposalList
	log  fs.FS
	sent int
}

func (a *told) Proposals(context.Context) (api.ProposalList, error) { return a.ProposalList, nil }
func (a *told) Published(context.Context) fs.FS                     { return a.log }
func (a *told) Close() error                                        { return nil }
func (a *told) Approve(context.Context, ledger.Approve) (int64, error) {
	a.sent++
	return 9, nil
}

// sign is approve sign of one thing, with yes typed where it asks.
func (a *told) sign(s *signing, p api.Proposal) (said string, err error) {
	s.person, s.days, s.key = "Bo", 1, ed25519.NewKeyFromSeed(make([]byte, 32))
	var out bytes.Buffer
	err = s.one(context.Background(), strings.NewReader("yes\n"), &out, a, a.ProposalList, p)
	return out.String(), err
}

// fiveLeaves is a log whose checkpoint covers the leaves 0 to 4, and which shows none.
var fiveLeaves = fstest.MapFS{"checkpoint": {Data: []byte("city\n5\n" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n\n")}}

// Whether a policy's place has to be proven, its own leaf says: a server does not get round
// the proof by leaving out what it replaces, nor by saying that it is in force.
func TestPlaceIsLeftOut(t *testing.T) {
	text := supervisedText(t, func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) })
	old := proposed(t, []byte(strings.Replace(string(text), "retention_days: 183", "retention_days: 184", 1)), -1)
	old.Since = &api.Since{Leaf: 290, Time: time.Now()}
	for name, c := range map[string]struct {
		list     []api.Proposal
		replaces int64
		said     string
		since    *api.Since
	}{
		"nothing is said":               {replaces: 290},
		"what is replaced is not said":  {list: []api.Proposal{old}, replaces: 290},
		"what is replaced is not shown": {replaces: 290, said: old.Digest},
		"the first of the log":          {list: []api.Proposal{old}, replaces: -1, said: old.Digest},
		"the first, and nothing else":   {replaces: -1},
		"said to be in force":           {replaces: 2, since: &api.Since{Leaf: 3, Time: time.Now()}},
		"in force before its time":      {replaces: 290, since: &api.Since{Leaf: 290, Time: time.Now()}},
		"in force, and waiting":         {list: []api.Proposal{old}, replaces: 290, said: old.Digest, since: &api.Since{Leaf: 295, Time: time.Now()}},
	} {
		next := proposed(t, text, c.replaces)
		next.Replaces, next.Since = c.said, c.since
		a := &told{ProposalList: api.ProposalList{Population: "city", Proposals: append(c.list, next)}, log: fiveLeaves}
		for _, yes := range []bool{false, true} {
			if _, err := a.sign(&signing{yes: yes, unproven: true}, next); err == nil || a.sent > 0 {
				t.Errorf("%s, yes %t: signed", name, yes)
			}
		}
	}
}

// What is not proven is said just before the question, and is not signed unread unless that
// is asked for.
func TestUnprovenIsNotSignedUnread(t *testing.T) {
	text := supervisedText(t, func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) })
	old := proposed(t, text, -1)
	old.Since = &api.Since{Leaf: 5, Time: time.Now()}
	next := proposed(t, []byte(strings.Replace(string(text), "retention_days: 183", "retention_days: 184", 1)), 5)
	next.Replaces = old.Digest
	for _, p := range []api.Proposal{old, next} {
		a := &told{ProposalList: api.ProposalList{Population: "city", Proposals: []api.Proposal{old, next}}, log: fiveLeaves}
		_, err := a.sign(&signing{yes: true}, p)
		var exit *exitError
		if !errors.As(err, &exit) || exit.code != exitRefused || !strings.Contains(err.Error(), "NOT PROVEN") || a.sent > 0 {
			t.Errorf("%s: signed unread: %v", p.Name, err)
		}
		said, err := a.sign(&signing{}, p)
		before, _, asked := strings.Cut(said, "Do you, ")
		lines := strings.Split(strings.TrimSpace(before), "\n")
		if err != nil || !asked || a.sent != 1 || !strings.HasPrefix(lines[len(lines)-1], "NOT PROVEN") || strings.Count(before, "NOT PROVEN") != 2 {
			t.Errorf("%s: %v: %s", p.Name, err, said)
		}
		if _, err := a.sign(&signing{yes: true, unproven: true}, p); err != nil || a.sent != 2 {
			t.Errorf("%s: %v", p.Name, err)
		}
		said, err = a.sign(&signing{revoke: true}, p)
		if err != nil || !strings.Contains(said, "NOT PROVEN") || a.sent != 3 {
			t.Errorf("%s is not taken back: %v", p.Name, err)
		}
	}
}
