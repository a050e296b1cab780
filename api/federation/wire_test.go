package federation

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

func drawItem(t *rapid.T) federated.Item {
	it := federated.Item{
		Sort:    federated.Sort(rapid.IntRange(1, 5).Draw(t, "sort")),
		Attempt: rapid.Uint64().Draw(t, "attempt"),
		Phase:   secagg.Phase(rapid.IntRange(0, int(secagg.PhaseAbort)).Draw(t, "phase")),
		Kind:    secagg.Kind(rapid.IntRange(0, int(secagg.Opened)).Draw(t, "kind")),
		Node:    rapid.IntRange(0, secagg.Coordinator).Draw(t, "node"),
		Chunk:   rapid.IntRange(0, secagg.MaxChunks).Draw(t, "chunk"),
	}
	if rapid.Bool().Draw(t, "inline") {
		it.Body = append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "body")...)
	}
	return it
}

// What is written is read, with the difference between an empty body and none.
func TestFeedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items []federated.Item
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			items = append(items, drawItem(t))
		}
		next := federated.Place{Epoch: rapid.Uint64().Draw(t, "epoch"), At: len(items) + rapid.IntRange(0, 1e6).Draw(t, "at")}
		b := appendFeed(nil, items, next)
		got, place, err := parseFeed(b)
		if err != nil || place != next || !reflect.DeepEqual(got, items) {
			t.Fatalf("%v, %v, %v; want %v, %v", got, place, err, items, next)
		}
		if _, _, err := parseFeed(append(b, 0)); err == nil {
			t.Fatal("something behind the last item is read")
		}
	})
}

// Each bound by itself, in an answer that is right otherwise.
func TestFeedBounds(t *testing.T) {
	of := func(items ...federated.Item) []byte {
		return appendFeed(nil, items, federated.Place{Epoch: 1, At: len(items)})
	}
	part := federated.Item{Sort: federated.SortPart}
	inline := func(n int) federated.Item { return federated.Item{Sort: federated.SortPart, Body: make([]byte, n)} }
	few := of(part)
	few[21] = 2
	for name, x := range map[string]struct {
		b  []byte
		ok bool
	}{
		"none":              {of(), true},
		"longest body":      {of(inline(federated.Inline)), true},
		"too long a body":   {of(inline(federated.Inline + 1)), false},
		"most items":        {of(slices.Repeat([]federated.Item{part}, federated.PollItems)...), true},
		"too many items":    {of(slices.Repeat([]federated.Item{part}, federated.PollItems+1)...), false},
		"place before them": {appendFeed(nil, []federated.Item{part, part}, federated.Place{At: 1}), false},
		"place beyond all":  {appendFeed(nil, nil, federated.Place{At: 1 << 40}), false},
		"fewer":             {few, false},
		"another form":      {append([]byte("qxf2"), of()[4:]...), false},
		"no sort":           {of(federated.Item{}), false},
		"phase":             {of(federated.Item{Sort: 3, Phase: secagg.PhaseAbort + 1}), false},
		"kind":              {of(federated.Item{Sort: 4, Kind: secagg.Opened + 1}), false},
		"behind":            {append(of(part), 0), false},
		"empty":             {nil, false},
	} {
		if _, _, err := parseFeed(x.b); (err == nil) != x.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A long answer is cut, and its place says where to go on; it is never empty.
func TestFeedIsCut(t *testing.T) {
	var items []federated.Item
	for i := range federated.PollItems {
		items = append(items, federated.Item{Sort: federated.SortPart, Chunk: i, Body: make([]byte, federated.Inline)})
	}
	end := federated.Place{Epoch: 1, At: 1000 + len(items)}
	rest, seen := items, 0
	for len(rest) > 0 {
		b := appendFeed(nil, rest, end)
		got, next, err := parseFeed(b)
		must(t, err)
		if len(b) > feedBytes+federated.Inline || len(got) == 0 || got[0].Chunk != seen || next.At != 1000+seen+len(got) {
			t.Fatalf("%d bytes, %d items, next %v", len(b), len(got), next)
		}
		seen += len(got)
		rest = rest[len(got):]
	}
	if seen != federated.PollItems {
		t.Errorf("%d items", seen)
	}
}

func TestPostingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := federated.Posting{Sort: federated.Sort(rapid.Byte().Draw(t, "sort")), Attempt: rapid.Uint64().Draw(t, "attempt")}
		p.Body = rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		got, err := parsePosting(appendPosting(nil, p))
		if err != nil || got.Sort != p.Sort || got.Attempt != p.Attempt || !bytes.Equal(got.Body, p.Body) {
			t.Fatalf("%v, %v", got, err)
		}
	})
	for _, b := range [][]byte{nil, make([]byte, postingHead), {postingVersion}} {
		_, err := parsePosting(b)
		mustBe(t, err, federated.ErrWire)
	}
}

// sampleFeed is an answer with every sort of item in it.
func sampleFeed() []byte {
	var items []federated.Item
	for s := federated.SortApproval; s <= federated.SortEnd; s++ {
		items = append(items, federated.Item{Sort: s, Attempt: 1, Node: 2, Body: bytes.Repeat([]byte{byte(s)}, 100*int(s))}, federated.Item{Sort: s})
	}
	return appendFeed(nil, items, federated.Place{Epoch: 5, At: len(items)})
}

// garble changes bytes as a malicious coordinator might.
func garble(random *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + random.IntN(3) {
		i := random.IntN(len(b))
		switch random.IntN(6) {
		case 0:
			b[i] ^= 1 << random.IntN(8)
		case 1:
			b[i] = byte(random.UintN(256))
		case 2:
			b = b[:i+1]
		case 3:
			b = append(b, b[:i]...)
		case 4:
			b = append(b[:i], b[i+1:]...)
			b = append(b, 0)
		case 5:
			for j := i; j < min(i+8, len(b)); j++ {
				b[j] = 0xff
			}
		}
	}
	return b
}

// checkFeed wants either an error or items within every bound.
func checkFeed(t testing.TB, b []byte) {
	t.Helper()
	items, next, err := parseFeed(b)
	if err != nil {
		if !errors.Is(err, ErrAnswer) || items != nil {
			t.Fatalf("%v with %d items", err, len(items))
		}
		return
	}
	if len(items) > federated.PollItems || next.At < len(items) {
		t.Fatalf("%d items, next %v", len(items), next)
	}
	for _, it := range items {
		if len(it.Body) > federated.Inline || it.Node < 0 || it.Node > secagg.Coordinator || it.Sort < 1 || it.Sort > federated.SortEnd {
			t.Fatalf("%+v", it)
		}
	}
	if again := appendFeed(nil, items, next); len(b) <= feedBytes && !bytes.Equal(again, b) {
		t.Fatal("two answers for the same items")
	}
}

// 100,000 garbled answers: no panic, and no allocation beyond the items' list.
func TestAttackGarbledFeeds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	good := sampleFeed()
	refused := 0
	for range 100_000 {
		b := garble(random, good)
		checkFeed(t, b)
		if _, _, err := parseFeed(b); err != nil {
			refused++
		}
	}
	if refused < 50_000 || refused == 100_000 {
		t.Errorf("%d of 100,000 were refused: the mutations are not worth much", refused)
	}
	liar := appendFeed(nil, nil, federated.Place{At: 1 << 20})
	liar[20], liar[21] = 0xff, 0xff // 65,535 items that are not there
	if n := testing.AllocsPerRun(100, func() { _, _, _ = parseFeed(liar) }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseFeed(f *testing.F) {
	f.Add(sampleFeed())
	f.Add([]byte(feedMagic))
	f.Fuzz(func(t *testing.T, b []byte) { checkFeed(t, b) })
}

func FuzzParsePosting(f *testing.F) {
	f.Add(appendPosting(nil, federated.Posting{Sort: 3, Attempt: 4, Body: []byte("x")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := parsePosting(b); err == nil && !bytes.Equal(appendPosting(nil, p), b) {
			t.Error("two postings for the same bytes")
		}
	})
}

// No message or part of any job is longer than an item may be at the node.
func TestItemsFit(t *testing.T) {
	for _, make := range []func() (*secagg.Params, error){secagg.GLM, secagg.Vector} {
		p, err := make()
		must(t, err)
		s := secagg.Shape{Params: p, Nodes: secagg.MaxNodes, Length: secagg.MaxChunks * p.Capacity()}
		for f := secagg.PhaseOpen; f <= secagg.PhaseAbort; f++ {
			if n := len(secagg.Message{}.Append(nil)) + s.BodyBytes(f, 0); n > maxItem || n < 100 {
				t.Errorf("%s: %v has %d bytes", p.Name(), f, n)
			}
		}
		for k := secagg.C0; k <= secagg.Opened; k++ {
			if n := len(secagg.Part{}.Append(nil)) + s.PartBytes(k); n > maxItem || n < 1000 {
				t.Errorf("%s: part %d has %d bytes", p.Name(), k, n)
			}
		}
	}
}
