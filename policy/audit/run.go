package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"sync"

	"github.com/qunxiang/qunxiang/policy/audit/lanes"
)

// batch is a block being examined.
type batch struct {
	*block
	first  int64 // place of its first leaf in the log
	leaves []leaf
	hashes []hash
	tops   []hash // by leaf: of the largest subtree that ends with it and begins in the batch
	links  []link
	good   []bool // parsed
	broken int    // spans before the first record whose sum is wrong
	err    error
	done   chan struct{}
}

// sized makes room for n leaves, in what a batch before left where it is enough.
func (b *batch) sized(n int) {
	if cap(b.leaves) < n {
		b.leaves, b.hashes, b.tops, b.links, b.good = make([]leaf, n), make([]hash, n), make([]hash, n), make([]link, n), make([]bool, n)
	}
	b.leaves, b.hashes, b.tops, b.links, b.good = b.leaves[:n], b.hashes[:n], b.tops[:n], b.links[:n], b.good[:n]
}

// run reads blocks, hashes and parses them beside each other, and folds them in
// order.
func (v *verifier) run(ctx context.Context, src source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	v.used = make(chan *batch, 4*workers)
	todo := make(chan *batch, workers)
	order := make(chan *batch, 2*workers)
	var examining sync.WaitGroup
	for range workers {
		examining.Go(func() {
			w := worker{names: namer{seeds: v.books.names.seeds}}
			for b := range todo {
				b.examine(&w)
				close(b.done)
			}
		})
	}
	go func() {
		defer close(order)
		defer close(todo)
		for read := int64(0); ; {
			b := &batch{block: &block{}}
			select {
			case b = <-v.used:
			default:
			}
			if b.err = src.next(b.block); errors.Is(b.err, io.EOF) {
				return
			}
			b.done = make(chan struct{})
			b.first = read
			read += int64(len(b.spans))
			select {
			case order <- b:
			case <-ctx.Done():
				return
			}
			if b.err != nil {
				close(b.done)
				return
			}
			todo <- b
		}
	}()
	err := v.foldAll(ctx, order)
	cancel()
	for range order { // the reader has ended when this has
	}
	examining.Wait()
	return err
}

func (v *verifier) foldAll(ctx context.Context, order <-chan *batch) error {
	v.milestones()
	for b := range order {
		select {
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if b.err != nil {
			return b.err
		}
		if !v.fold(b) {
			return nil
		}
		select {
		case v.used <- b:
		default:
		}
	}
	return ctx.Err()
}

// worker is what examines batches, and keeps its memory from one to the next.
type worker struct {
	cursor cursor
	names  namer
	chain  lanes.Batch
	of     []int // by message in chain: its leaf
}

// examine checks sums, hashes leaves (RFC 6962: a zero byte before each) and
// parses them.
func (b *batch) examine(w *worker) {
	n := len(b.spans)
	b.sized(n)
	w.of = w.of[:0]
	for b.broken = 0; b.broken < n; b.broken++ {
		s := b.spans[b.broken]
		if s.head >= 0 && !s.intact(b.raw) {
			break
		}
		b.good[b.broken] = w.cursor.parse(b.raw[s.from:s.to], &b.leaves[b.broken])
		b.links[b.broken] = link{} // of what is no leaf nothing can be said
		if b.good[b.broken] {
			w.chain.Add(w.cursor.unpadded())
			w.of = append(w.of, b.broken)
			b.leaves[b.broken].names = w.names.leaf(&b.leaves[b.broken])
		}
		b.raw[s.from-1] = 0 // the head has served
		b.hashes[b.broken] = sha256.Sum256(b.raw[s.from-1 : s.to])
	}
	w.chain.Sums(func(n int, sum link) { b.links[w.of[n]] = sum })
	subtrees(b.first, b.hashes[:b.broken], b.tops)
}

// fold takes in a batch; false if the log cannot be read on from here.
func (v *verifier) fold(b *batch) bool {
	v.read ^= v.books.near(b.leaves[:b.broken])
	for i := range b.broken {
		at := v.report.Leaves
		v.tree.join(b.tops[i], within(b.first, i))
		v.hashes = append(v.hashes, b.hashes[i])
		v.report.Leaves++
		if b.good[i] {
			v.books.fold(v.report, at, &b.leaves[i])
			v.timed(at, &b.leaves[i])
			v.beyondAt(at, &b.leaves[i])
			v.file(at, &b.leaves[i])
		} else {
			v.books.place = append(v.books.place, noCharge)
			v.report.find(LeafMalformed, at, "not a leaf in its one canonical form")
		}
		v.books.head = b.links[i]
		v.milestones()
	}
	if b.broken == len(b.spans) && b.torn == 0 {
		return true
	}
	at := v.report.Leaves
	if v.under(at) {
		v.damaged = true
		v.report.find(RecordDamaged, at, "the record cannot be read, nor anything after it")
	} else {
		v.report.find(TornTail, at, "bytes after the last whole record")
	}
	return false
}

// file holds the released file of a RELEASE against it and against its CHARGE.
func (v *verifier) file(at int64, l *leaf) {
	if v.releases == nil {
		return
	}
	switch l.kind {
	case "CHARGE":
		v.claimed(at, l)
	case "ABANDON":
		delete(v.claims, l.ref)
	}
	if l.kind != "RELEASE" {
		return
	}
	c := v.claims[l.ref]
	delete(v.claims, l.ref)
	delete(v.unnamed, string(l.digest)+".json")
	if !v.opened.first(l.names.digest) {
		return // a log may name one large file any number of times; that it does was found
	}
	f, err := v.releases.Open(string(l.digest) + ".json")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) { // a later DELETE may say why
			v.absent = append(v.absent, absent{at, string(l.digest)})
			return
		}
		v.report.find(ReleaseAltered, at, "%s.json cannot be read", l.digest)
		return
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxReleased+1))
	if sum := sha256.Sum256(text); err != nil || hex.EncodeToString(sum[:]) != string(l.digest) {
		v.report.find(ReleaseAltered, at, "%s.json is not what was logged", l.digest)
		return
	}
	if c == nil { // found already: it releases no open charge
		return
	}
	if differs := c.differs(text); differs != "" {
		v.report.find(ReleaseMismatch, at, "%s.json is not the answer to charge %d: %s", l.digest, l.ref, differs)
	}
}
