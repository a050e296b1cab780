package main

import (
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/api/federation"
)

func TestStateOfJobs(t *testing.T) {
	for _, c := range []struct {
		s    federation.JobStatus
		want string
	}{
		{federation.JobStatus{Nodes: []string{"a", "b", "c"}, Approved: 1}, "waiting: 1 of 3 owners have approved, 0 nodes are ready"},
		{federation.JobStatus{Nodes: []string{"a", "b", "c"}, Approved: 1, Unapproved: []string{"b", "c"}, Unready: []string{"a", "b", "c"}}, "waiting: 1 of 3 owners have approved, 0 nodes are ready; to approve and serve: b, c"},
		{federation.JobStatus{Nodes: []string{"a", "b"}, Approved: 2, Ready: 1, Unready: []string{"a"}}, "waiting: 2 of 2 owners have approved, 1 nodes are ready; to serve, or still reading their rows: a"},
		{federation.JobStatus{Rounds: 5, Round: 1, Attempt: 3, Phase: "CT", Missing: []string{"a", "b"}}, "round 2 of 5, attempt 3, CT; waiting for a, b"},
		{federation.JobStatus{Rounds: 5, Attempt: 1, Phase: "HELLO", Missing: []string{"a"}, Waits: map[string]string{"a": "room in its privacy budget"}},
			"round 1 of 5, attempt 1, HELLO; waiting for a; a says that it waits for room in its privacy budget"},
		{federation.JobStatus{Rounds: 5, Round: 5, Attempt: 6, Done: true}, "done: 5 rounds, 6 attempts"},
		{federation.JobStatus{Rounds: 5, Ended: "a node was lost"}, "stopped without a model: a node was lost"},
	} {
		if got := stateOf(c.s); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// A coordinator may be anybody: what it says of a job cannot move the cursor.
func TestStatusIsSafeForATerminal(t *testing.T) {
	var b strings.Builder
	printStatus(&b, []federation.JobStatus{{Job: "\x1b[2J", Name: "a\rb", Ended: "x\x1b]0;title\x07\ny"}})
	if strings.ContainsAny(b.String(), "\x1b\r\x07") || strings.Count(b.String(), "\n") != 2 {
		t.Errorf("%q", b.String())
	}
}
