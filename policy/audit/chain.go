package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/emmansun/gmsm/sm3"
)

// link is the SM3 (GB/T 32905-2016) that the next leaf must bear: of a leaf without its
// padding.
type link = [sm3.Size]byte

// unpadded are the two parts of the leaf that was parsed last, without its padding.
func (c *cursor) unpadded() (before, behind []byte) { return c.b[:c.padAt], c.b[c.padAt+c.pad:] }

// link reads the chain's member, which leaves of format 1 have not.
func (c *cursor) link(l *leaf) {
	const member = `,"previous":`
	if c.old || c.bad || !bytes.HasPrefix(c.b[c.at:], []byte(member)) {
		return
	}
	l.previous = c.text(member)
	if len(l.previous) != 2*sm3.Size {
		c.bad = true
		return
	}
	c.bad = !unhex(&l.link, l.previous)
}

// unhex reads small hex digits, eight at a time, as there is such a text in every leaf. It
// takes no other byte.
func unhex(into *link, text []byte) bool {
	const ones = 0x0101010101010101
	var other uint64
	for i := range sm3.Size / 4 {
		w := binary.LittleEndian.Uint64(text[8*i:])
		v := w&(ones*15) + 9*(w>>6&ones) // letters have the bit 6
		letter := (v + ones*(128-10)) >> 7 & ones
		other |= w ^ (v + ones*'0' + letter*('a'-10-'0')) | v&(ones*0xf0)
		v = v<<4 | v>>8
		into[4*i], into[4*i+1], into[4*i+2], into[4*i+3] = byte(v), byte(v>>16), byte(v>>32), byte(v>>48)
	}
	return other == 0
}

// chained holds a leaf's link against the leaf before; that of the first is of nothing.
func (b *books) chained(r *Report, at int64, l *leaf) {
	switch {
	case l.previous == nil && b.linked:
		r.find(ChainBroken, at, "the SM3 chain breaks off")
	case l.previous != nil && l.link != b.head:
		r.find(ChainBroken, at, "it is not chained to the leaf before by SM3")
	}
	b.linked = l.previous != nil
}

// new says that a leaf is of format 2. No text of a leaf has a quote, so the name of a
// member occurs once.
func (c *cursor) new() bool { return bytes.Contains(c.b, []byte(`"previous":"`)) }

// content is what an approval of a leaf binds: SHA-256 in hex of the leaf as it would be
// at place 0, at second 0, after nothing and without padding.
func content(leaf []byte) string {
	s := blank(modern(string(leaf)), `"pad":"`, "", func(c byte) bool { return c == '0' })
	s = blank(s, `"index":`, "0", func(c byte) bool { return '0' <= c && c <= '9' })
	s = blank(s, `"time":`, "0", func(c byte) bool { return '0' <= c && c <= '9' })
	s = blank(s, `"previous":"`, zeros[:2*sm3.Size], func(c byte) bool { return c != '"' })
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// modern gives a leaf of format 1 the member that its content has in format 2: previous,
// behind the padding.
func modern(s string) string {
	at := strings.Index(s, `"pad":"`)
	if at < 0 || strings.Contains(s, `"previous":"`) {
		return s
	}
	at += len(`"pad":"`) + strings.IndexByte(s[at+len(`"pad":"`):], '"') + 1
	return s[:at] + `,"previous":""` + s[at:]
}

// blank puts value where a member's value stands.
func blank(s, member, value string, part func(byte) bool) string {
	at := strings.Index(s, member)
	if at < 0 {
		return s
	}
	at += len(member)
	end := at
	for end < len(s) && part(s[end]) {
		end++
	}
	return s[:at] + value + s[end:]
}
