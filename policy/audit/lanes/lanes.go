package lanes

import (
	"encoding/binary"

	"github.com/emmansun/gmsm/sm3"
)

const (
	width     = 8  // lanes
	blockSize = 64 // bytes that SM3 takes in at a time
)

// first is where SM3 begins.
var first = [8]uint32{0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e}

// Batch is messages that wait to be hashed. The zero Batch is empty. It keeps its memory
// for the next messages, and is for one goroutine.
type Batch struct {
	buf      []byte // padded messages, one behind another
	messages []message
	lanes    *lanes
}

// message is a padded message in the buffer.
type message struct{ at, blocks int64 }

// lanes are what eight messages at a time have come to, word by word.
type lanes struct {
	state [8][width]uint32
	at    [width]int64 // the next block of each, in the buffer
	left  [width]int64 // blocks
	which [width]int   // message, -1 for none
}

// Add puts in one message, which consists of two parts.
func (b *Batch) Add(one, two []byte) {
	at := len(b.buf)
	b.buf = append(append(b.buf, one...), two...)
	bits := uint64(len(b.buf)-at) * 8
	b.buf = append(b.buf, 0x80)
	zeros := (2*blockSize - 8 - (len(b.buf)-at)%blockSize) % blockSize
	b.buf = append(b.buf, make([]byte, zeros)...)
	b.buf = binary.BigEndian.AppendUint64(b.buf, bits)
	b.messages = append(b.messages, message{int64(at), int64(len(b.buf)-at) / blockSize})
}

// Len is how many messages wait.
func (b *Batch) Len() int { return len(b.messages) }

// Sums hashes the messages, calls each with the number of every one, in no order, and its
// hash, and empties the batch.
func (b *Batch) Sums(each func(n int, sum [sm3.Size]byte)) {
	if wide() {
		b.beside(each)
	} else {
		b.alone(each)
	}
	b.buf, b.messages = b.buf[:0], b.messages[:0]
}

// alone hashes one message after another.
func (b *Batch) alone(each func(int, [sm3.Size]byte)) {
	for i, m := range b.messages {
		end := m.at + m.blocks*blockSize
		bytes := int64(binary.BigEndian.Uint64(b.buf[end-8:])) / 8
		each(i, sm3.Sum(b.buf[m.at:m.at+bytes]))
	}
}

// beside hashes eight messages at a time; where one ends, the next takes its lane.
func (b *Batch) beside(each func(int, [sm3.Size]byte)) {
	if b.lanes == nil {
		b.lanes = new(lanes)
	}
	l, next, busy := b.lanes, 0, 0
	for i := range width {
		l.which[i], l.left[i], l.at[i] = -1, 0, 0
	}
	for {
		for i := range width {
			if l.left[i] == 0 && next < len(b.messages) {
				l.begin(i, next, b.messages[next])
				next, busy = next+1, busy+1
			}
		}
		if busy == 0 {
			return
		}
		blocks := l.shortest()
		compress(l, b.buf, blocks)
		for i := range width {
			if l.which[i] < 0 {
				l.at[i] = 0 // it takes in anything: nobody looks at it
				continue
			}
			l.at[i] += blocks * blockSize
			if l.left[i] -= blocks; l.left[i] == 0 {
				each(l.which[i], l.sum(i))
				l.which[i], l.at[i], busy = -1, 0, busy-1
			}
		}
	}
}

func (l *lanes) begin(i, n int, m message) {
	for w := range first {
		l.state[w][i] = first[w]
	}
	l.which[i], l.at[i], l.left[i] = n, m.at, m.blocks
}

// shortest is how many blocks all that is hashed has at least. A lane without a message
// begins again at the buffer's start, which is as long as any message.
func (l *lanes) shortest() (blocks int64) {
	for i := range width {
		if l.which[i] >= 0 && (blocks == 0 || l.left[i] < blocks) {
			blocks = l.left[i]
		}
	}
	return blocks
}

func (l *lanes) sum(i int) (sum [sm3.Size]byte) {
	for w := range first {
		binary.BigEndian.PutUint32(sum[4*w:], l.state[w][i])
	}
	return sum
}
