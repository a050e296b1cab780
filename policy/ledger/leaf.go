package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// Type names what a leaf records.
type Type string

// The types of leaf.
const (
	TypeCharge   Type = "CHARGE"
	TypeRelease  Type = "RELEASE"
	TypeReplay   Type = "REPLAY"
	TypeAbandon  Type = "ABANDON"
	TypeDeny     Type = "DENY"
	TypeSnapshot Type = "SNAPSHOT"
	TypeGrant    Type = "GRANT"
	TypeResume   Type = "RESUME"
	TypeReserve  Type = "RESERVE"
	TypeClose    Type = "CLOSE"
	TypeApprove  Type = "APPROVE"
	TypeKey      Type = "KEY"
	TypeDelete   Type = "DELETE"
	TypeAudit    Type = "AUDIT"
)

// sizes are the lengths a leaf is padded to, in bytes; the last is the most
// that tlog-tiles allows.
var sizes = [...]int{1024, 4096, 16384, 65535}

// Leaf is one entry of the log.
type Leaf struct {
	Index int64     // its place, from 0
	Time  time.Time // UTC, whole seconds
	// Previous chains the leaf to the one before: see Link. Logs of format 1, which
	// had no chain, are read and go on with one; their old leaves have "" here.
	Previous string
	Body     Body // *Charge, *Release, ...
}

// Body is what a leaf of one type carries. The types of this package are the
// only ones.
type Body interface {
	// Type names the leaf's type.
	Type() Type
	members(f *form, l *Leaf)
	check() error
}

func blank(t Type) Body {
	switch t {
	case TypeCharge:
		return new(Charge)
	case TypeRelease:
		return new(Release)
	case TypeReplay:
		return new(Replay)
	case TypeAbandon:
		return new(Abandon)
	case TypeDeny:
		return new(Deny)
	case TypeSnapshot:
		return new(Snapshot)
	case TypeGrant:
		return new(Grant)
	case TypeResume:
		return new(Resume)
	case TypeReserve:
		return new(Reserve)
	case TypeClose:
		return new(Close)
	case TypeApprove:
		return new(Approve)
	case TypeKey:
		return new(Key)
	case TypeDelete:
		return new(Delete)
	case TypeAudit:
		return new(Audit)
	}
	return nil
}

// Encode gives the one byte string that stands for the leaf: canonical JSON
// (RFC 8785), padded to 1024, 4096, 16384 or 65535 bytes. It refuses with
// ErrLeaf what Decode would refuse.
func Encode(l Leaf) ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	f := &form{buf: make([]byte, 0, sizes[0]), old: l.Previous == ""}
	f.walk(&l)
	if f.err != nil {
		return nil, f.err
	}
	for _, size := range sizes {
		if n := size - len(f.buf); n >= 0 {
			return slices.Insert(f.buf, f.padAt, bytes.Repeat([]byte{'0'}, n)...), nil
		}
	}
	return nil, fmt.Errorf("%w: %d bytes, the most is %d", ErrLeaf, len(f.buf), sizes[len(sizes)-1])
}

// Decode reads a leaf strictly: exactly the members of its type, in canonical
// form, in range and padded to the smallest size that fits. Anything else is
// ErrLeaf. Encode of the result gives the same bytes.
func Decode(raw []byte) (Leaf, error) {
	const mark = `"type":"`
	start := bytes.LastIndex(raw, []byte(mark))
	if start < 0 || !bytes.HasSuffix(raw, []byte(`"}`)) || start+len(mark) > len(raw)-2 {
		return Leaf{}, fmt.Errorf("%w: no type", ErrLeaf)
	}
	l := Leaf{Body: blank(Type(raw[start+len(mark) : len(raw)-2]))}
	if l.Body == nil {
		return Leaf{}, fmt.Errorf("%w: unknown type", ErrLeaf)
	}
	f := &form{buf: raw, reading: true, old: !bytes.Contains(raw, []byte(`"previous":"`))}
	f.walk(&l)
	switch {
	case f.err != nil:
		return Leaf{}, f.err
	case f.pos != len(raw):
		return Leaf{}, fmt.Errorf("%w: %d bytes too many", ErrLeaf, len(raw)-f.pos)
	case !padded(len(raw), f.padded):
		return Leaf{}, fmt.Errorf("%w: padded to the wrong size", ErrLeaf)
	}
	return l, l.check()
}

// padded says whether a leaf of that length, with that much padding in it, has
// the smallest size that fits.
func padded(length, padding int) bool {
	i := slices.Index(sizes[:], length)
	return i >= 0 && (i == 0 || length-padding > sizes[i-1])
}

func (l *Leaf) check() error {
	switch {
	case l.Body == nil:
		return fmt.Errorf("%w: no body", ErrLeaf)
	case l.Index < 0 || l.Index > maxCount:
		return fmt.Errorf("%w: index out of range", ErrLeaf)
	}
	for _, err := range []error{checkTime("time", l.Time), checkLink(l)} {
		if err != nil {
			return err
		}
	}
	return l.Body.check()
}
