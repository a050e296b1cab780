package secagg

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// record is what a node keeps when it crosses the barrier: enough to send its
// share again, byte for byte, and to open everybody's, and nothing to make
// another share. The sealing key it holds opens shares that are meant for this
// node.
type record struct {
	open       Open
	self       int
	ctx, root  Hash
	sealSecret Hash
	seals      [][]byte // sealing public keys
	c0         [][]Hash // commitments by node and chunk
	shares     [][]Hash // share hashes by node and chunk
	share      Message  // own SHARE
	sealed     [][]byte // own shares, sealed, by chunk
}

func recordMagic() []byte { return []byte(protocol + " barrier\n") }

// recordBytes is the exact length of a record.
func (s Shape) recordBytes() int {
	chunks := s.Params.Chunks(s.Length)
	return len(recordMagic()) + openBytes + 2 + 3*32 + s.Nodes*32 + 2*32*s.Nodes*chunks +
		headBytes + s.BodyBytes(PhaseShare) + chunks*s.PartBytes(Sealed) + sha256.Size
}

func (r record) bytes(s Shape, roster Hash) []byte {
	b := append(make([]byte, 0, s.recordBytes()), recordMagic()...)
	b = append(b, r.open.body(s.Params.ID(), roster)...)
	b = append(b, byte(r.self>>8), byte(r.self))
	for _, h := range []Hash{r.ctx, r.root, r.sealSecret} {
		b = append(b, h[:]...)
	}
	for _, k := range r.seals {
		b = append(b, k...)
	}
	for _, lists := range [][][]Hash{r.c0, r.shares} {
		for _, list := range lists {
			for _, h := range list {
				b = append(b, h[:]...)
			}
		}
	}
	b = r.share.Append(b)
	for _, p := range r.sealed {
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// parseRecord reads a record made with the same parameters, roster and place. What
// it returns is a view of b.
func parseRecord(p *Params, roster Roster, self int, b []byte) (r record, s Shape, err error) {
	bad := func(what string) (record, Shape, error) {
		return record{}, Shape{}, fmt.Errorf("%w: record: %s", ErrWire, what)
	}
	head := len(recordMagic()) + openBytes
	if len(b) < head+sha256.Size || !bytes.HasPrefix(b, recordMagic()) {
		return bad("not one")
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return bad("damaged")
	}
	m := Message{Body: body[len(recordMagic()):head]}
	open, params, digest, err := ParseOpen(m)
	if err != nil {
		return record{}, Shape{}, err
	}
	s = Shape{p, len(roster.Nodes), int(open.Length)}
	if params != p.ID() || digest != roster.Digest() || len(b) != s.recordBytes() {
		return bad("of other parameters or another roster")
	}
	r.open = open
	next := body[head:]
	take := func(n int) []byte { v := next[:n]; next = next[n:]; return v }
	at := take(2)
	if r.self = int(at[0])<<8 | int(at[1]); r.self != self {
		return bad("of another node")
	}
	r.ctx, r.root, r.sealSecret = Hash(take(32)), Hash(take(32)), Hash(take(32))
	for range s.Nodes {
		r.seals = append(r.seals, take(32))
	}
	chunks := p.Chunks(s.Length)
	for _, lists := range []*[][]Hash{&r.c0, &r.shares} {
		for range s.Nodes {
			list := make([]Hash, chunks)
			for k := range list {
				list[k] = Hash(take(32))
			}
			*lists = append(*lists, list)
		}
	}
	if r.share, err = s.ParseMessage(take(headBytes + s.BodyBytes(PhaseShare))); err != nil {
		return record{}, Shape{}, err
	}
	for range chunks {
		r.sealed = append(r.sealed, take(s.PartBytes(Sealed)))
	}
	return r, s, nil
}
