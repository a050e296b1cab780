package federation

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A whole job of three nodes over HTTPS, with client certificates required: the
// coordinator is stopped and started again in the middle, and one node is. All end with the
// same model.
func TestWholeJobOverHTTPS(t *testing.T) {
	w := newWorld(t, func(w *world) { w.require = true })
	t.Cleanup(w.closeLedgers)
	w.enrolAll()
	job := w.job()
	list, err := w.node(0).Jobs(ctx)
	must(t, err)
	if len(list) != 1 || list[0].Job != job.String() || list[0].Name != "claim-frequency" || len(list[0].Unapproved) != 3 {
		t.Fatalf("jobs: %+v", list)
	}
	card, err := w.node(1).Card(ctx, job)
	must(t, err)
	if d, _ := card.Digest(); d != job {
		t.Fatal("another card")
	}

	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	nodes := make([]*federated.Node, 3)
	for i := range nodes {
		nodes[i] = w.open(i, w.node(i).Transport(job))
	}
	w.until(limit, nodes, secagg.PhaseCTCom)
	w.stop()
	for _, n := range nodes { // nobody answers: an error, and the node goes on later
		if _, err := n.Step(limit); err == nil {
			t.Fatal("a step without a coordinator")
		}
	}
	w.start()
	w.until(limit, nodes, secagg.PhaseShare)
	must(t, nodes[1].Close())
	nodes[1] = w.open(1, w.node(1).Transport(job))

	var group sync.WaitGroup
	errs := make([]error, len(nodes))
	for i, n := range nodes {
		group.Go(func() { errs[i] = n.Run(limit, 5*time.Millisecond) })
	}
	group.Wait()
	must(t, errors.Join(errs...))
	for i, n := range nodes {
		if !n.Done() || n.State().Hash() != nodes[0].State().Hash() {
			t.Errorf("node %d: done %v, stopped %q", i, n.Done(), n.Stopped())
		}
		must(t, n.Close())
	}
	s, err := w.admin().Status(ctx, job)
	must(t, err)
	if !s.Done || s.Round != 2 || s.Ended != "" || len(s.Missing) != 0 {
		t.Errorf("%+v", s)
	}
	if s, err := w.node(2).Status(ctx, job); err != nil || !s.Done {
		t.Errorf("a member's status: %+v, %v", s, err)
	}
}

// until lets the nodes take turns until the first has come to a phase.
func (w *world) until(ctx context.Context, nodes []*federated.Node, phase secagg.Phase) {
	w.t.Helper()
	for nodes[0].Status().Phase < phase {
		for _, n := range nodes {
			if _, err := n.Step(ctx); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// A node behaves over HTTP as with federated.Direct: a posting that will never be taken
// is dropped, and what may be taken later is not.
func TestTransportKeepsFinalErrors(t *testing.T) {
	w := newWorld(t)
	job := w.job()
	c, _ := w.host.Job(job)
	direct, remote := federated.Direct(c), w.node(0).Transport(job)
	long := make([]byte, c.MaxPosting()+1)
	for name, x := range map[string]struct {
		p    federated.Posting
		want error
	}{
		"no sort":       {federated.Posting{Sort: 9}, federated.ErrWire},
		"no approval":   {federated.Posting{Sort: federated.SortApproval, Body: []byte("{}")}, federated.ErrWire},
		"no notice":     {federated.Posting{Sort: federated.SortNotice, Body: []byte("x")}, federated.ErrWire},
		"no attempt":    {federated.Posting{Sort: federated.SortMessage, Attempt: 3, Body: []byte("x")}, federated.ErrRefused},
		"an empty body": {federated.Posting{Sort: federated.SortPart, Attempt: 0}, federated.ErrRefused},
		"a long notice": {federated.Posting{Sort: federated.SortNotice, Body: long}, federated.ErrWire},
	} {
		near, far := direct.Post(ctx, x.p), remote.Post(ctx, x.p)
		if !errors.Is(near, x.want) || !errors.Is(far, x.want) {
			t.Errorf("%s: direct %v, remote %v, want %v", name, near, far, x.want)
		}
	}
	_, err := remote.Fetch(ctx, federated.Place{Epoch: 1})
	mustBe(t, err, federated.ErrRefused)
	items, next, err := remote.Poll(ctx, federated.Place{})
	if _, want, _ := direct.Poll(ctx, federated.Place{}); err != nil || next != want || len(items) != 0 {
		t.Errorf("poll: %v, %v, %v", items, next, err)
	}
	a, err := federated.Approve(w.card, "node-0", w.parties[0].owner)
	must(t, err)
	must(t, remote.Post(ctx, federated.Posting{Sort: federated.SortApproval, Body: canonical(t, a)}))
	items, next, err = remote.Poll(ctx, next)
	if err != nil || len(items) != 1 || next.At != 1 || items[0].Sort != federated.SortApproval || string(items[0].Body) != string(canonical(t, a)) {
		t.Errorf("poll: %v, %v, %v", items, next, err)
	}
	b, err := remote.Fetch(ctx, federated.Place{Epoch: next.Epoch})
	if err != nil || string(b) != string(canonical(t, a)) {
		t.Errorf("fetch: %q, %v", b, err)
	}

	w.stop()
	if err := remote.Post(ctx, federated.Posting{Sort: 9}); err == nil || errors.Is(err, federated.ErrWire) {
		t.Errorf("nobody answers: %v", err)
	}
}

// What a node waits for reaches whoever asks for the job's status, by the node's name.
func TestStatusSaysWhatNodesWaitFor(t *testing.T) {
	w := newWorld(t)
	p, err := federated.WaitNotice(w.card, "node-1", federated.WaitBudget, w.parties[1].key)
	must(t, err)
	must(t, w.node(1).Transport(w.job()).Post(ctx, p))
	s, err := w.admin().Status(ctx, w.job())
	if err != nil || len(s.Waits) != 1 || s.Waits["node-1"] != federated.WaitBudget {
		t.Errorf("%v, %v", s.Waits, err)
	}
}

// A status says in which minute a member was last heard from, and of no one else: neither a
// refused request counts nor the administrator's look.
func TestStatusSaysWhoWasHeardFrom(t *testing.T) {
	w := newWorld(t)
	job := w.job()
	status := func() JobStatus {
		t.Helper()
		s, err := w.admin().Status(ctx, job)
		must(t, err)
		return s
	}
	if s := status(); len(s.Seen) != 0 {
		t.Fatalf("before anybody has asked: %v", s.Seen)
	}
	path := root + "jobs/" + job.String() + "/feed?epoch=0&at=0"
	if code, _ := w.send(raw{method: "GET", path: path, key: newKey(t)}); code != 403 {
		t.Fatal(code)
	}
	if s := status(); len(s.Seen) != 0 {
		t.Fatalf("after a stranger has asked: %v", s.Seen)
	}
	before := time.Now().UTC().Truncate(time.Minute)
	if code, _ := w.send(raw{method: "GET", path: path, key: w.parties[1].key}); code != 200 {
		t.Fatal(code)
	}
	s := status()
	at, ok := s.Seen[w.card.Nodes[1].Name]
	if len(s.Seen) != 1 || !ok || at.Before(before) || at.After(time.Now()) || !at.Equal(at.Truncate(time.Minute)) {
		t.Errorf("after node 1 has asked: %v", s.Seen)
	}
}
