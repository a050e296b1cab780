package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Peer is what is known of a node's ledger: the mark it last showed, and whether
// it has sent a share since. Who has sent a share has charged for it, so the next
// mark must be beyond this one and not the same again.
type Peer struct {
	secagg.Mark
	Charged bool
}

// Follows refuses a mark that is behind, or beside, what is known; of a ledger that
// showed nothing yet any mark will do.
func (p Peer) Follows(m secagg.Mark) error {
	if p == (Peer{}) {
		return nil
	}
	if m.Counter < p.Counter || m.Counter == p.Counter && (m.Head != p.Head || p.Charged) {
		return fmt.Errorf("%w: a ledger shows counter %d after %d", ErrRollback, m.Counter, p.Counter)
	}
	return nil
}

// state is the file that is replaced at every step.
type state struct {
	job      secagg.Hash
	highest  uint64 // attempt ever seen
	finished uint64 // attempts up to here need no share again
	own      Peer   // its newest mark, with every charge that a share is out for
	seen     uint64 // the attempt that showed the peers' marks
	peers    []Peer
}

const magic = "qx-journal/1\n"

const peerBytes = 8 + 32 + 1

func (s state) bytes() []byte {
	b := append([]byte(magic), s.job[:]...)
	b = binary.BigEndian.AppendUint64(b, s.highest)
	b = binary.BigEndian.AppendUint64(b, s.finished)
	b = binary.BigEndian.AppendUint64(b, s.seen)
	for _, p := range append([]Peer{s.own}, s.peers...) {
		b = binary.BigEndian.AppendUint64(b, p.Counter)
		b = append(b, p.Head[:]...)
		if p.Charged {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func parseState(b []byte, nodes int) (s state, err error) {
	want := len(magic) + 32 + 24 + peerBytes*(nodes+1) + 32
	if len(b) != want || !bytes.HasPrefix(b, []byte(magic)) {
		return s, fmt.Errorf("%w: the state is of %d bytes, not %d", ErrDamaged, len(b), want)
	}
	body, sum := b[:len(b)-32], b[len(b)-32:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return s, fmt.Errorf("%w: the state's digest does not match", ErrDamaged)
	}
	body = body[len(magic):]
	copy(s.job[:], body)
	s.highest, s.finished = binary.BigEndian.Uint64(body[32:]), binary.BigEndian.Uint64(body[40:])
	s.seen = binary.BigEndian.Uint64(body[48:])
	body = body[56:]
	for i := range nodes + 1 {
		p := Peer{Charged: body[40] == 1}
		p.Counter = binary.BigEndian.Uint64(body)
		copy(p.Head[:], body[8:40])
		if body = body[peerBytes:]; i == 0 {
			s.own = p
		} else {
			s.peers = append(s.peers, p)
		}
	}
	return s, nil
}
