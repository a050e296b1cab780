package ledger

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/emmansun/gmsm/sm3"
)

// firstLink is Previous of a log's first leaf.
var firstLink = strings.Repeat("0", 2*sm3.Size)

// Link is what the next leaf bears as Previous: the SM3 (GB/T 32905-2016), in hex, of
// a leaf's bytes without their padding, which follows from the rest. The chain stands
// beside the tree of SHA-256 and rests on nothing of it.
func Link(leaf []byte) string {
	sum := sm3.Sum(unpadded(leaf))
	return hex.EncodeToString(sum[:])
}

// unpadded is a leaf's bytes with an empty pad. No text in a leaf has a quote, so the
// first member called pad is the only one.
func unpadded(leaf []byte) []byte {
	const mark = `"pad":"`
	start := bytes.Index(leaf, []byte(mark))
	if start < 0 {
		return leaf
	}
	start += len(mark)
	rest := bytes.TrimLeft(leaf[start:], "0")
	return append(leaf[:start:start], rest...)
}

// chain is the head of the log's SM3 chain.
type chain struct {
	link  string // what the next leaf must bear
	begun bool   // the newest leaf bore one, so every later one does
}

// takes says why a leaf does not go on with the chain, or nil.
func (c chain) takes(l *Leaf) error {
	switch {
	case l.Previous == "" && c.begun:
		return fmt.Errorf("%w: the chain breaks off", ErrLeaf)
	case l.Previous != "" && l.Previous != c.link:
		return fmt.Errorf("%w: it is not chained to the leaf before", ErrLeaf)
	}
	return nil
}

func (c *chain) add(l *Leaf, raw []byte) {
	c.link, c.begun = Link(raw), l.Previous != ""
}

// previous is the link of format 2.
func (f *form) previous(l *Leaf) {
	if !f.old {
		f.text("previous", &l.Previous)
	}
}

func checkLink(l *Leaf) error {
	if l.Previous == "" {
		return checkOld(l.Body)
	}
	if _, err := hex.DecodeString(l.Previous); err != nil || len(l.Previous) != 2*sm3.Size || strings.ToLower(l.Previous) != l.Previous {
		return fmt.Errorf("%w: previous is not an SM3 in small hex digits", ErrLeaf)
	}
	return nil
}

// checkOld refuses in a leaf of format 1 what that had not.
func checkOld(b Body) error {
	switch b := b.(type) {
	case *Approve, *Key, *Delete, *Audit:
	case *Grant:
		if b.By == "" && b.Mode == modeEvaluation {
			return nil
		}
	case *Charge, *Reserve:
		if rules, _ := rulesOf(b); rules == 0 {
			return nil
		}
	case *Resume:
		if b.Since == 0 {
			return nil
		}
	case *Deny:
		if b.Grant == "" && b.Organisation == "" {
			return nil
		}
	default:
		return nil
	}
	return fmt.Errorf("%w: this takes a leaf of format 2", ErrLeaf)
}
