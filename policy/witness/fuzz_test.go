package witness

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// A request has one spelling: what is read is written again as it was.
func FuzzParseRequest(f *testing.F) {
	key := newEdKey(f, origin, "log")
	l := newTree(f, key).grow(f, 5, "")
	f.Add(l.request(f, 0).Format())
	f.Add(l.request(f, 3).Format())
	f.Add([]byte("old 0\n\nx"))
	f.Add([]byte("old 01\n\n\n"))
	f.Add([]byte("old 9223372036854775807\n" + strings.Repeat("A", 43) + "=\n\n\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		if again := r.Format(); !bytes.Equal(again, b) || len(r.Proof) > 63 {
			t.Errorf("%q became %q", b, again)
		}
	})
}

// A whole witness takes whatever comes without failing, and cosigns only what the log
// has signed.
func FuzzAdd(f *testing.F) {
	key := newEdKey(f, origin, "log")
	o := begin(f, "w", key, at(dawn))
	start := simulated(f, o)
	l := newTree(f, key).grow(f, 5, "")
	f.Add(l.request(f, 0).Format())
	f.Add(l.request(f, 3).Format())
	f.Add([]byte("old 0\n\n" + origin + "\n0\n" + emptyRoot().String() + "\n\n— x AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o.disk = start.restarted(true)
		w := open(t, o)
		defer w.Close()
		r, err := ParseRequest(b)
		if err != nil {
			return
		}
		line, err := w.Add(r)
		if err != nil {
			return
		}
		if _, err := note.Open(r.Checkpoint, note.VerifierList(key)); err != nil || !cosignedBy(o.Cosigner.Verifier(), r.Checkpoint, line) {
			t.Errorf("cosigned %q", b)
		}
	})
}

// A checkpoint's text has one spelling up to its extension lines.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add(Checkpoint{Origin: origin, Root: emptyRoot()}.Text())
	f.Add("a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCheckpoint(text)
		if err != nil {
			return
		}
		if !strings.HasPrefix(text, c.Text()) || c.Size < 0 || c.Size > maxSize {
			t.Errorf("%q became %q", text, c.Text())
		}
	})
}

// Keys and signatures of any bytes are read or refused, never more.
func FuzzSignatures(f *testing.F) {
	own, err := NewCosigner("w", seed("w"), at(dawn))
	must(f, err)
	l := newTree(f, newEdKey(f, origin, "log")).grow(f, 2, "")
	s, err := NewSM2Signer(origin, unhex(f, standardKey))
	must(f, err)
	good := l.checkpoint(f, own, s.WithHead([32]byte{7}))
	f.Add(good, own.VerifierKey())
	f.Add(good, s.VerifierKey())
	f.Add([]byte("x\n\n— w AAAAAAA=\n"), "w+00000000+BA==")
	f.Fuzz(func(t *testing.T, b []byte, key string) {
		v, err := NewVerifier(key)
		if err != nil {
			if !errors.Is(err, ErrKey) {
				t.Errorf("%q: %v", key, err)
			}
			return
		}
		n, err := note.Open(b, note.VerifierList(v))
		if err != nil {
			return
		}
		text, _, _ := splitNote(good)
		if v.KeyHash() == own.KeyHash() && v.Name() == "w" && n.Text != text {
			t.Errorf("a cosignature of %q", n.Text)
		}
	})
}
