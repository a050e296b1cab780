package ledger

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxCount is the largest whole number JSON carries exactly; anything that can
// be larger is written as a decimal string.
const maxCount = 1<<53 - 1

// form walks the members of a leaf in the order of RFC 8785 and either writes
// or reads them, so that the two can never disagree. No text in a leaf needs an
// escape (check.go), so a text is its bytes between quotes.
type form struct {
	buf     []byte
	pos     int // reading: the next byte
	reading bool
	old     bool // format 1: no chain
	padAt   int  // writing: where the padding goes
	padded  int  // reading: how much padding there was
	err     error
}

func (f *form) walk(l *Leaf) {
	f.lit("{")
	l.Body.members(f, l)
	f.lit("}")
}

func (f *form) fail(what string) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: byte %d: want %s", ErrLeaf, f.pos, what)
	}
}

// lit is a piece of JSON that is always the same.
func (f *form) lit(s string) {
	switch {
	case f.err != nil:
	case !f.reading:
		f.buf = append(f.buf, s...)
	case len(f.buf)-f.pos >= len(s) && string(f.buf[f.pos:f.pos+len(s)]) == s:
		f.pos += len(s)
	default:
		f.fail(s)
	}
}

// name is a member's name, with the comma before it where it is not the first.
func (f *form) name(n string) {
	end := len(f.buf)
	if f.reading {
		end = f.pos
	}
	if f.err == nil && f.buf[end-1] != '{' {
		f.lit(`,`)
	}
	f.lit(`"`)
	f.lit(n)
	f.lit(`":`)
}

// quoted is a string value.
func (f *form) quoted(v *string) {
	f.lit(`"`)
	if f.err == nil && f.reading {
		n := bytes.IndexByte(f.buf[f.pos:], '"')
		if n < 0 || !safe(f.buf[f.pos:f.pos+n]) {
			f.fail("text without escapes")
			return
		}
		*v = string(f.buf[f.pos : f.pos+n])
		f.pos += n
	} else if f.err == nil {
		f.buf = append(f.buf, *v...)
	}
	f.lit(`"`)
}

func (f *form) text(name string, v *string) {
	f.name(name)
	f.quoted(v)
}

// count is a whole number from 0 to 2^53-1.
func (f *form) count(name string, v *int64) {
	f.name(name)
	if f.err != nil {
		return
	}
	if !f.reading {
		f.buf = strconv.AppendInt(f.buf, *v, 10)
		return
	}
	end := f.pos
	for end < len(f.buf) && '0' <= f.buf[end] && f.buf[end] <= '9' {
		end++
	}
	n, err := whole(string(f.buf[f.pos:end]))
	if err != nil || n > maxCount {
		f.fail("a whole number")
		return
	}
	*v, f.pos = n, end
}

// place is the index of a leaf, or -1 for none.
func (f *form) place(name string, v *int64) {
	none := *v < 0
	if f.reading && f.err == nil {
		none = bytes.HasPrefix(f.buf[f.pos:], []byte(`,"`+name+`":-1`))
	}
	if !none {
		f.count(name, v)
		return
	}
	f.name(name)
	f.lit("-1")
	*v = -1
}

// decimal is a number that may pass 2^53, as a string of digits.
func (f *form) decimal(name string, v *int64) {
	s := strconv.FormatInt(*v, 10)
	f.text(name, &s)
	if f.reading && f.err == nil {
		n, err := whole(s)
		if err != nil {
			f.fail("a string of digits")
		}
		*v = n
	}
}

func whole(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && (n < 0 || strconv.FormatInt(n, 10) != s) {
		err = strconv.ErrSyntax
	}
	return n, err
}

// seconds is a time as whole seconds since 1970 in UTC.
func (f *form) seconds(name string, v *time.Time) {
	s := v.Unix()
	f.count(name, &s)
	if f.reading {
		*v = time.Unix(s, 0).UTC()
	}
}

// flag is true or false.
func (f *form) flag(name string, v *bool) {
	f.name(name)
	if f.reading && f.err == nil {
		*v = f.pos < len(f.buf) && f.buf[f.pos] == 't'
	}
	f.lit(strconv.FormatBool(*v))
}

func (f *form) texts(name string, v *[]string) {
	list(f, name, v, f.quoted)
}

// list is an array; one reads or writes an element.
func list[T any](f *form, name string, v *[]T, one func(*T)) {
	f.name(name)
	f.lit("[")
	if !f.reading {
		for i := range *v {
			if i > 0 {
				f.lit(",")
			}
			one(&(*v)[i])
		}
	} else {
		for f.err == nil && f.pos < len(f.buf) && f.buf[f.pos] != ']' {
			if len(*v) > 0 {
				f.lit(",")
			}
			var e T
			one(&e)
			*v = append(*v, e)
		}
	}
	f.lit("]")
}

// sigmas is an object from channel to standard deviation, written in the
// shortest form that reads back the same.
func (f *form) sigmas(name string, v *map[string]float64) {
	f.name(name)
	f.lit("{")
	if !f.reading {
		for _, k := range sortedKeys(*v) {
			s := strconv.FormatFloat((*v)[k], 'g', -1, 64)
			f.text(k, &s)
		}
		f.lit("}")
		return
	}
	*v = map[string]float64{}
	for last := ""; f.err == nil && f.pos < len(f.buf) && f.buf[f.pos] != '}'; {
		if len(*v) > 0 {
			f.lit(",")
		}
		var k, s string
		f.quoted(&k)
		f.lit(":")
		f.quoted(&s)
		x, err := strconv.ParseFloat(s, 64)
		if f.err == nil && (err != nil || strconv.FormatFloat(x, 'g', -1, 64) != s || cmp.Compare(last, k) >= 0) {
			f.fail("a number in its shortest form, channels in order")
		}
		(*v)[k], last = x, k
	}
	f.lit("}")
}

// pad is the member that brings the leaf to its size.
func (f *form) pad() {
	f.name("pad")
	f.lit(`"`)
	f.padAt = len(f.buf)
	for start := f.pos; f.reading && f.err == nil && f.pos < len(f.buf) && f.buf[f.pos] == '0'; {
		f.pos++
		f.padded = f.pos - start
	}
	f.lit(`"`)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// safe says that b is UTF-8 that JSON carries as it is.
func safe(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c == '"' || c == '\\' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

func finite(x float64) bool { return x > 0 && !math.IsInf(x, 1) }
