package audit

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

func (c *cursor) lit(s string) {
	if c.bad || len(c.b)-c.at < len(s) || string(c.b[c.at:c.at+len(s)]) != s {
		c.bad = true
		return
	}
	c.at += len(s)
}

// maybe is a text after its member's name; it may be empty.
func (c *cursor) maybe(name string) []byte {
	c.lit(name)
	c.lit(`"`)
	if c.bad {
		return nil
	}
	n := bytes.IndexByte(c.b[c.at:], '"')
	if n < 0 || n > 512 {
		c.bad = true
		return nil
	}
	s := c.b[c.at : c.at+n]
	c.at += n + 1
	return s
}

func (c *cursor) text(name string) []byte {
	s := c.maybe(name)
	if len(s) == 0 {
		c.bad = true
	}
	return s
}

// digits reads a number without sign or leading zero, at most limit.
func (c *cursor) digits(limit uint64) int64 {
	start, n := c.at, uint64(0)
	for !c.bad && c.at < len(c.b) && '0' <= c.b[c.at] && c.b[c.at] <= '9' && c.at-start < 19 {
		n = n*10 + uint64(c.b[c.at]-'0')
		c.at++
	}
	if c.at == start || n > limit || (c.b[start] == '0' && c.at-start > 1) {
		c.bad = true
	}
	return int64(n)
}

func (c *cursor) count(name string) int64 {
	c.lit(name)
	return c.digits(1<<53 - 1)
}

func (c *cursor) decimal(name string) int64 {
	c.lit(name)
	c.lit(`"`)
	n := c.digits(math.MaxInt64)
	c.lit(`"`)
	return n
}

// place is the index of a leaf, or -1 for none.
func (c *cursor) place(name string) int64 {
	if !c.bad && bytes.HasPrefix(c.b[c.at:], []byte(name+"-1")) {
		c.at += len(name) + len("-1")
		return -1
	}
	return c.count(name)
}

// has says whether a member comes next.
func (c *cursor) has(name string) bool { return !c.bad && bytes.HasPrefix(c.b[c.at:], []byte(name)) }

// list are the not empty elements of a list; appended to out.
func (c *cursor) list(name string, out [][]byte) [][]byte {
	c.lit(name)
	c.lit(`[`)
	first := len(out)
	for !c.bad && c.at < len(c.b) && c.b[c.at] != ']' {
		sep := ``
		if len(out) > first {
			sep = `,`
		}
		out = append(out, c.text(sep))
	}
	c.lit(`]`)
	return out
}

// texts are the distinct elements of a list. A leaf has room for thousands: each is looked
// up once and not compared with all the others.
func (c *cursor) texts(name string) map[string]bool {
	list := c.list(name, nil)
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[string(s)] = true
	}
	c.bad = c.bad || len(m) < len(list)
	return m
}

// ordered are the elements of a list in strict order.
func (c *cursor) ordered(name string, out [][]byte) [][]byte {
	out = c.list(name, out)
	for i := 1; i < len(out); i++ {
		c.bad = c.bad || bytes.Compare(out[i-1], out[i]) >= 0
	}
	return out
}

// zeros is what padding is compared with.
var zeros = strings.Repeat("0", math.MaxUint16)

func (c *cursor) padding() {
	c.lit(`,"pad":"`)
	if c.bad {
		return
	}
	n := bytes.IndexByte(c.b[c.at:], '"')
	if n < 0 || string(c.b[c.at:c.at+n]) != zeros[:n] {
		c.bad = true
		return
	}
	c.padAt, c.pad, c.at = c.at, n, c.at+n
	c.lit(`"`)
}

// sigmas is an object of channels, in order, with positive numbers.
func (c *cursor) sigmas(name string) (noise float64) {
	c.lit(name)
	c.lit(`{`)
	var last []byte
	for n := 0; !c.bad && c.at < len(c.b) && c.b[c.at] != '}'; n++ {
		sep := `,`
		if n == 0 {
			sep = ``
		}
		channel := c.text(sep)
		value := c.text(`:`)
		if c.bad || bytes.Compare(last, channel) >= 0 {
			c.bad = true
			return 0
		}
		if r := &c.recent[n%len(c.recent)]; r.text != string(value) {
			*r = c.number(value)
		}
		noise += c.recent[n%len(c.recent)].least
		last = channel
	}
	c.bad = c.bad || last == nil
	c.lit(`}`)
	return noise
}

// sigma is a standard deviation as it is written, and 1/(2 sigma^2).
type sigma struct {
	text  string
	least float64
}

// number wants a positive number in its shortest form.
func (c *cursor) number(value []byte) sigma {
	if least, seen := c.numbers[string(value)]; seen {
		return sigma{string(value), least}
	}
	s := string(value)
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(x > 0) || math.IsInf(x, 0) || strconv.FormatFloat(x, 'g', -1, 64) != s {
		c.bad = true
		return sigma{}
	}
	if c.numbers == nil || len(c.numbers) >= 1000 {
		c.numbers = map[string]float64{}
	}
	c.numbers[s] = 1 / (2 * x * x)
	return sigma{s, c.numbers[s]}
}

func (c *cursor) day(name string) int64 {
	s := string(c.text(name))
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Format(time.DateOnly) != s {
		c.bad = true
	}
	return t.AddDate(0, 0, 1).Unix()
}

// plain says that b is UTF-8 without control characters and backslashes; eight
// bytes at a time, as every byte of the log passes here.
func plain(b []byte) bool {
	if bytes.IndexByte(b, '\\') >= 0 || bytes.IndexByte(b, 0x7f) >= 0 {
		return false
	}
	const ones, high = 0x0101010101010101, 0x8080808080808080
	var low, wide uint64
	rest := b
	for ; len(rest) >= 8; rest = rest[8:] {
		w := binary.LittleEndian.Uint64(rest)
		low |= (w - ones*0x20) &^ w // its high bits: some byte is below 0x20
		wide |= w
	}
	for _, x := range rest {
		if x < 0x20 {
			return false
		}
		wide |= uint64(x)
	}
	return low&high == 0 && (wide&high == 0 || utf8.Valid(b))
}
