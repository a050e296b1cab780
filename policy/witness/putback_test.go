package witness

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A log whose disk was put back is told so by the proof of one witness, whoever else
// would cosign, and that stands.
func TestPutBack(t *testing.T) {
	key := newEdKey(t, origin, "log")
	peers := threePeers(t, key)
	l := newTree(t, key).grow(t, 5, "")
	q, _ := quorumOf(t, key, 3, peers...)
	_, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
	must(t, err)
	for name, c := range map[string]struct {
		log  *tree
		want error
	}{
		"shorter":                  {l.fork(t, 4), ErrAhead},
		"empty":                    {l.fork(t, 0), ErrAhead},
		"shorter, another history": {l.fork(t, 2).grow(t, 2, "x"), ErrAhead},
		"as long, another history": {l.fork(t, 4).grow(t, 1, "x"), ErrFork},
		"longer, another history":  {l.fork(t, 4).grow(t, 9, "x"), ErrFork},
	} {
		back, told := quorumOf(t, key, 1, peers[0])
		_, err := back.Cosign(ctx, c.log.checkpoint(t), c.log.prove)
		var ahead *AheadError
		var fork *ForkError
		var proof []byte
		switch {
		case c.want == ErrAhead && errors.As(err, &ahead) && ahead.Size == 5 && ahead.Ours == c.log.size && ahead.Witness == "a":
			proof = ahead.Checkpoint
		case c.want == ErrFork && errors.As(err, &fork) && fork.Size == 5 && fork.Witness == "a":
			proof = fork.Checkpoint
		default:
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n, err := note.Open(proof, note.VerifierList(key, peers[0].o.Cosigner.Verifier())); err != nil || len(n.Sigs) != 2 {
			t.Errorf("%s: no proof: %v", name, err)
		}
		if _, again := back.Cosign(ctx, l.checkpoint(t), l.prove); !errors.Is(again, c.want) {
			t.Errorf("%s: forgotten: %v", name, again)
		}
		if !strings.Contains(told.String(), "a: ") {
			t.Errorf("%s: silent", name)
		}
		// and so before anything is written to it
		start, _ := quorumOf(t, key, 2, peers...)
		if err := start.Continues(ctx, c.log.checkpoint(t), c.log.prove); !errors.Is(err, c.want) || !proven(err) {
			t.Errorf("%s, at the start: %v", name, err)
		}
		if _, again := start.Cosign(ctx, l.checkpoint(t), l.prove); !errors.Is(again, c.want) {
			t.Errorf("%s, after the start: %v", name, again)
		}
	}
	for _, log := range []*tree{l, l.fork(t, 5).grow(t, 4, "")} {
		start, told := quorumOf(t, key, 2, peers...)
		if err := start.Continues(ctx, log.checkpoint(t), log.prove); err != nil || told.String() != "" {
			t.Errorf("%d leaves, as they were: %v, %s", log.size, err, told)
		}
	}
	newest, err := q.Newest(ctx)
	must(t, err)
	if c, _, err := q.ours(newest); err != nil || c.Size != 5 || c.Root != l.root(t) {
		t.Error(c, err)
	}
}

// A witness that only says it knows more is one witness less, and no proof.
func TestSaidToBeAhead(t *testing.T) {
	key := newEdKey(t, origin, "log")
	peers := threePeers(t, key)
	forged := newTree(t, newEdKey(t, origin, "another key")).grow(t, 99, "")
	own := peers[0].o.Cosigner
	for what, shown := range map[string]func(rw http.ResponseWriter){
		"and shows nothing": func(rw http.ResponseWriter) { rw.WriteHeader(404) },
		"and shows what the log never signed": func(rw http.ResponseWriter) {
			_, _ = rw.Write(forged.checkpoint(t, own))
		},
		"and knows nothing": func(rw http.ResponseWriter) { rw.WriteHeader(204) },
	} {
		peers[0].set(func(next http.Handler, rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				shown(rw)
				return
			}
			rw.Header().Set("Content-Type", "text/x.tlog.size")
			rw.WriteHeader(http.StatusConflict)
			fmt.Fprintln(rw, 99)
		})
		l := newTree(t, key).grow(t, 5, "")
		alone, _ := quorumOf(t, key, 1, peers[0])
		_, err := alone.Cosign(ctx, l.checkpoint(t), l.prove)
		var ahead *AheadError
		if !errors.Is(err, ErrQuorum) || !errors.As(err, &ahead) || ahead.Checkpoint != nil || ahead.Size != 99 {
			t.Errorf("%s: %v", what, err)
		}
		if alone.over() != nil {
			t.Errorf("%s: taken for proven", what)
		}
		most, _ := quorumOf(t, key, 2, peers...)
		if _, err := most.Cosign(ctx, l.checkpoint(t), l.prove); err != nil {
			t.Errorf("%s: the others are enough: %v", what, err)
		}
	}
}

// Whether the disk was put back is known only with an answer of one witness of every
// quorum.
func TestNewestNeedsEveryQuorum(t *testing.T) {
	key := newEdKey(t, origin, "log")
	peers := threePeers(t, key)
	q, _ := quorumOf(t, key, 2, peers...)
	if b, err := q.Newest(ctx); b != nil || err != nil {
		t.Errorf("nothing was cosigned: %q, %v", b, err)
	}
	l := newTree(t, key).grow(t, 5, "")
	peers[2].set(away)
	_, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
	must(t, err)
	peers[2].between.Store(nil)
	for who, c := range map[string]struct {
		away []int
		ok   bool
	}{"all there": {nil, true}, "one away": {[]int{0}, true}, "the late one away": {[]int{2}, true}, "two away": {[]int{0, 1}, false}} {
		for i, p := range peers {
			p.between.Store(nil)
			if slices.Contains(c.away, i) {
				p.set(away)
			}
		}
		b, err := q.Newest(ctx)
		start := q.Continues(ctx, l.checkpoint(t), l.prove)
		if c.ok != (start == nil) || start != nil && !errors.Is(start, ErrQuorum) {
			t.Errorf("%s: at the start: %v", who, start)
		}
		if c.ok && (err != nil || !bytes.Contains(b, []byte("\n5\n"))) || !c.ok && !errors.Is(err, ErrQuorum) {
			t.Errorf("%s: %q, %v", who, b, err)
		}
	}
	// one that does not know the log has not answered
	peers[0].set(func(_ http.Handler, rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(404) })
	peers[1].between.Store(peers[0].between.Load())
	if _, err := q.Newest(ctx); !errors.Is(err, ErrQuorum) {
		t.Error("from witnesses that do not know the log:", err)
	}
}

// Losing a witness: the quorum goes on without it, a new one takes its place and knows
// the log from its first checkpoint on, and the key of the lost one does not count.
func TestLostWitness(t *testing.T) {
	key := newEdKey(t, origin, "log")
	peers := threePeers(t, key)
	l := newTree(t, key).grow(t, 5, "")
	q, _ := quorumOf(t, key, 2, peers...)
	_, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
	must(t, err)
	for q.Standings()[0].Size == 0 { // the quorum did not wait for it
		time.Sleep(time.Millisecond)
	}
	peers[0].server.CloseClientConnections()
	peers[0].server.Close()
	lost, err := q.Cosign(ctx, l.grow(t, 1, "").checkpoint(t), l.prove)
	must(t, err)
	replaced := []*peer{newPeer(t, "d", key), peers[1], peers[2]}
	after, told := quorumOf(t, key, 3, replaced...)
	_, err = after.Cosign(ctx, l.grow(t, 1, "").checkpoint(t), l.prove)
	must(t, err)
	if told.String() != "" {
		t.Error("told:", told)
	}
	for _, s := range after.Standings() {
		if s.Size != 7 || s.Err != nil || s.Cosigned.IsZero() {
			t.Errorf("%+v", s)
		}
	}
	if s := q.Standings()[0]; s.Witness != "a" || s.Err == nil || s.Size != 5 {
		t.Errorf("%+v", s)
	}
	if found, err := after.policy.Check(lost, time.Now()); !errors.Is(err, ErrQuorum) || len(found) != 2 {
		t.Error("of the time before:", found, err)
	}
}

// A witness whose folder was put back cosigns what continues its older copy, which is
// why a quorum needs more than one; and whoever asks it is told that it forgot.
func TestWitnessPutBack(t *testing.T) {
	key := newEdKey(t, origin, "log")
	p := newPeer(t, "a", key)
	l := newTree(t, key).grow(t, 3, "")
	q, told := quorumOf(t, key, 1, p)
	_, err := q.Cosign(ctx, l.checkpoint(t), l.prove)
	must(t, err)
	older, err := os.ReadFile(stateFile(p.o))
	must(t, err)
	_, err = q.Cosign(ctx, l.grow(t, 3, "").checkpoint(t), l.prove)
	must(t, err)
	must(t, p.w.Close())
	must(t, os.WriteFile(stateFile(p.o), older, 0o600))
	p.w = open(t, p.o)
	_, err = q.Cosign(ctx, l.grow(t, 3, "").checkpoint(t), l.prove)
	must(t, err)
	if !strings.Contains(told.String(), "a: the witness's state cannot be used: it cosigned 6 leaves and knows 3 now") {
		t.Error("told:", told)
	}
}
