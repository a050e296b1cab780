package audit

import "bytes"

// leafSizes are the sizes a leaf is padded to.
var leafSizes = [...]int{1024, 4096, 16384, 65535}

// cursor reads canonical JSON (RFC 8785) whose members and their order are
// known beforehand. What differs from that one form sets bad.
type cursor struct {
	b       []byte
	at      int
	pad     int
	bad     bool
	padAt   int
	old     bool               // a GRANT, DENY or RESUME of format 1
	numbers map[string]float64 // 1/(2 sigma^2) of sigmas found to be in order, as few differ
	recent  *[8]sigma          // those of the CHARGE before
}

// parse reads a leaf; false if it is not in its one form.
func (c *cursor) parse(b []byte, l *leaf) bool {
	*l = leaf{list: l.list[:0]}
	*c = cursor{b: b, numbers: c.numbers, recent: c.recent}
	if c.recent == nil {
		c.recent = new([8]sigma)
	}
	l.raw = b
	end := len(b) - len(`"}`)
	if end < 0 {
		return false
	}
	switch string(b[bytes.LastIndexByte(b[:end], '"')+1 : end]) {
	case "CHARGE":
		c.charge(l)
	case "RELEASE":
		c.release(l)
	case "REPLAY":
		c.replay(l)
	case "ABANDON":
		l.kind = "ABANDON"
		l.ref = c.count(`{"charge":`)
		l.index = c.count(`,"index":`)
		c.padding()
		c.link(l)
	case "DENY":
		c.old = !c.new()
		c.deny(l)
	case "SNAPSHOT":
		c.snapshot(l)
	case "GRANT":
		c.old = !c.new()
		c.grant(l)
	case "RESUME":
		c.old = !c.new()
		c.resume(l)
	case "RESERVE":
		c.reserve(l)
	case "CLOSE":
		c.close(l)
	case "APPROVE":
		c.approve(l)
	case "KEY":
		c.key(l)
	case "DELETE":
		c.deletion(l)
	case "AUDIT":
		c.audit(l)
	default:
		return false
	}
	l.time = c.count(`,"time":`)
	c.lit(`,"type":"`)
	c.lit(l.kind)
	c.lit(`"}`)
	// What is padding was seen to be nothing but zeros.
	return !c.bad && c.at == len(b) && fits(len(b), c.pad) && plain(b[:c.padAt]) && plain(b[c.padAt+c.pad:])
}

// fits says that a leaf of that size with that much padding has the smallest
// size it could have.
func fits(size, pad int) bool {
	below := 0
	for _, s := range leafSizes {
		if size == s {
			return size-pad > below
		}
		below = s
	}
	return false
}
