package federation

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// maxItem bounds an item and a posting of any job: the longest is a part of set V of
// 0.74 MB.
const maxItem = 1 << 20

// A posting on the wire: version (1 byte), sort (1), attempt (8, big endian), body.
const (
	postingVersion = 1
	postingHead    = 1 + 1 + 8
)

func appendPosting(b []byte, p federated.Posting) []byte {
	b = append(b, postingVersion, byte(p.Sort))
	b = binary.BigEndian.AppendUint64(b, p.Attempt)
	return append(b, p.Body...)
}

// parsePosting reads a posting; its body is a view of b. federated.ErrWire.
func parsePosting(b []byte) (p federated.Posting, err error) {
	if len(b) < postingHead || b[0] != postingVersion {
		return p, fmt.Errorf("%w: no posting of version %d", federated.ErrWire, postingVersion)
	}
	return federated.Posting{Sort: federated.Sort(b[1]), Attempt: binary.BigEndian.Uint64(b[2:]), Body: b[postingHead:]}, nil
}

// An answer of the feed: "qxf1", epoch (8 bytes), place of the next item (8), number of
// items (2); then for each sort (1), attempt (8), phase (1), kind (1), node (2), chunk
// (2), length of the body (4; all ones for a body that is fetched by its place) and the
// body. All numbers are big endian, and nothing follows the last item.
const (
	feedMagic = "qxf1"
	feedHead  = len(feedMagic) + 8 + 8 + 2
	itemHead  = 1 + 8 + 1 + 1 + 2 + 2 + 4
	byPlace   = math.MaxUint32
	maxFeed   = int64(feedHead + federated.PollItems*(itemHead+federated.Inline))
	// feedBytes is about where an answer ends that has more to say, for slow lines.
	feedBytes = 1 << 20
)

// appendFeed writes the items that fit into about feedBytes. next is the place behind
// the last of all items; the place behind those written is written.
func appendFeed(b []byte, items []federated.Item, next federated.Place) []byte {
	written, size := 0, 0
	for _, it := range items {
		if size += itemHead + len(it.Body); size > feedBytes && written > 0 {
			break
		}
		written++
	}
	b = append(b, feedMagic...)
	b = binary.BigEndian.AppendUint64(b, next.Epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(next.At-len(items)+written))
	b = binary.BigEndian.AppendUint16(b, uint16(written))
	for _, it := range items[:written] {
		b = append(b, byte(it.Sort))
		b = binary.BigEndian.AppendUint64(b, it.Attempt)
		b = append(b, byte(it.Phase), byte(it.Kind))
		b = binary.BigEndian.AppendUint16(b, uint16(it.Node))
		b = binary.BigEndian.AppendUint16(b, uint16(it.Chunk))
		if it.Body == nil {
			b = binary.BigEndian.AppendUint32(b, byPlace)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(it.Body)))
		b = append(b, it.Body...)
	}
	return b
}

// parseFeed reads an answer strictly. The bodies are views of b: what it allocates is
// bounded by PollItems. ErrAnswer.
func parseFeed(b []byte) (items []federated.Item, next federated.Place, err error) {
	bad := func(what string) ([]federated.Item, federated.Place, error) {
		return nil, federated.Place{}, fmt.Errorf("%w: the feed has %s", ErrAnswer, what)
	}
	if len(b) < feedHead || string(b[:len(feedMagic)]) != feedMagic {
		return bad("another form")
	}
	at := binary.BigEndian.Uint64(b[12:])
	n := int(binary.BigEndian.Uint16(b[20:]))
	if next.Epoch = binary.BigEndian.Uint64(b[4:]); at > math.MaxInt32 || n > federated.PollItems || uint64(n) > at {
		return bad("places that cannot be")
	}
	next.At = int(at)
	b = b[feedHead:]
	for range n {
		if len(b) < itemHead {
			return bad("fewer items than it says")
		}
		it := federated.Item{
			Sort: federated.Sort(b[0]), Attempt: binary.BigEndian.Uint64(b[1:]), Phase: secagg.Phase(b[9]), Kind: secagg.Kind(b[10]),
			Node: int(binary.BigEndian.Uint16(b[11:])), Chunk: int(binary.BigEndian.Uint16(b[13:])),
		}
		size := binary.BigEndian.Uint32(b[15:])
		b = b[itemHead:]
		switch {
		case it.Sort < federated.SortApproval || it.Sort > federated.SortEnd || it.Phase > secagg.PhaseAbort || it.Kind > secagg.Opened:
			return bad("an item of no sort")
		case size != byPlace && (size > federated.Inline || int(size) > len(b)):
			return bad("a body that is too long")
		case size != byPlace:
			it.Body, b = b[:size:size], b[size:]
		}
		items = append(items, it)
	}
	if len(b) > 0 {
		return bad("more than it says")
	}
	return items, next, nil
}

// parseJob reads a job's digest: 64 hexadecimal digits in lower case.
func parseJob(s string) (job secagg.Hash, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(job) || hex.EncodeToString(b) != s {
		return job, fmt.Errorf("%w: no digest of a job", ErrAnswer)
	}
	return secagg.Hash(b), nil
}
