package witness

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

func TestCosignature(t *testing.T) {
	own, err := NewCosigner("w.example/1", seed("w"), at(dawn))
	must(t, err)
	v, err := NewCosignatureVerifier(own.VerifierKey())
	must(t, err)
	b := newTree(t, newEdKey(t, origin, "log")).grow(t, 3, "").checkpoint(t)
	text, _, err := splitNote(b)
	must(t, err)
	sig, err := own.Sign([]byte(text))
	must(t, err)
	// written out as the specification has it
	message := "cosignature/v1\ntime 1795248000\n" + text
	if binary.BigEndian.Uint64(sig) != 1795248000 || !ed25519.Verify(own.key.Public().(ed25519.PublicKey), []byte(message), sig[8:]) {
		t.Error("not the message of the specification")
	}
	if !v.Verify([]byte(text), sig) || v.KeyHash() != own.KeyHash() {
		t.Fatal("the cosignature is refused")
	}
	for i := range len(sig) * 8 {
		sig[i/8] ^= 1 << (i % 8)
		if v.Verify([]byte(text), sig) {
			t.Errorf("bit %d does not count", i)
		}
		sig[i/8] ^= 1 << (i % 8)
	}
	if v.Verify([]byte(text), sig[:71]) || v.Verify([]byte(text), append(sig, 0)) || v.Verify(nil, nil) {
		t.Error("another length")
	}
	for _, text := range []string{"", "x\n", "x\n1\n", "\n\n\n", text[:len(text)-1], strings.Replace(text, "\n3\n", "\n03\n", 1)} {
		if _, err := own.Sign([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("cosigned %q", text)
		}
	}
}

// Times that no clock shows are not taken, though the key has signed them.
func TestCosignatureTimes(t *testing.T) {
	own, err := NewCosigner("w", seed("w"), nil)
	must(t, err)
	text := []byte(Checkpoint{Origin: origin, Root: emptyRoot()}.Text())
	for when, ok := range map[uint64]bool{0: false, 1: true, math.MaxInt64: true, math.MaxInt64 + 1: false, math.MaxUint64: false} {
		sig := binary.BigEndian.AppendUint64(nil, when)
		sig = append(sig, ed25519.Sign(own.key, cosigned(when, text))...)
		if own.Verifier().Verify(text, sig) != ok {
			t.Errorf("time %d: want %v", when, ok)
		}
	}
	own.now = at(time.Unix(-1, 0))
	if _, err := own.Sign(text); !errors.Is(err, ErrState) {
		t.Error("a clock before 1970")
	}
}

func TestPolicy(t *testing.T) {
	b := newTree(t, newEdKey(t, origin, "log")).grow(t, 3, "").checkpoint(t)
	text, _, err := splitNote(b)
	must(t, err)
	var keys []string
	lines := map[string]string{}
	cosign := func(name, of string, when time.Time) string {
		own, err := NewCosigner(name, seed(of), at(when))
		must(t, err)
		sig, err := own.Sign([]byte(text))
		must(t, err)
		return signatureLine(name, own.KeyHash(), sig)
	}
	for _, name := range []string{"a", "b", "c"} {
		own, err := NewCosigner(name, seed(name), nil)
		must(t, err)
		keys = append(keys, own.VerifierKey())
		lines[name] = cosign(name, name, dawn)
	}
	p, err := NewPolicy(keys, 2)
	must(t, err)
	for what, c := range map[string]struct {
		lines string
		have  int
		err   error
	}{
		"none":                     {"", 0, ErrQuorum},
		"one":                      {lines["a"], 1, ErrQuorum},
		"one, twice":               {lines["a"] + lines["a"], 1, ErrQuorum},
		"one, at two times":        {lines["a"] + cosign("a", "a", dawn.Add(time.Second)), 1, ErrQuorum},
		"its key under a name":     {lines["a"] + cosign("b", "a", dawn), 1, ErrQuorum},
		"a stranger":               {lines["a"] + cosign("d", "d", dawn), 1, ErrQuorum},
		"two":                      {lines["a"] + lines["b"], 2, nil},
		"three":                    {lines["c"] + lines["a"] + lines["b"], 3, nil},
		"one of the future":        {lines["a"] + cosign("b", "b", dawn.Add(Skew+time.Second)), 1, ErrQuorum},
		"one from just ahead":      {lines["a"] + cosign("b", "b", dawn.Add(Skew)), 2, nil},
		"one of another text":      {lines["a"] + "— b " + lines["a"][len("— a "):], 1, ErrQuorum},
		"a wrong one of a witness": {lines["a"] + lines["b"][:len(lines["b"])-10] + "AAAAAAA==\n", 0, ErrSignature},
	} {
		found, err := p.Check([]byte(string(b)+c.lines), dawn)
		if len(found) != c.have || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v", what, found, err)
		}
		var short *QuorumError
		if c.err == ErrQuorum && (!errors.As(err, &short) || len(short.Missing) != 3-c.have || !strings.Contains(err.Error(), "c")) {
			t.Errorf("%s: who is missing: %v", what, err)
		}
	}
	if _, err := p.Check([]byte("nothing"), dawn); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if _, err := p.Check([]byte(text+"\n"+lines["a"]+lines["b"]), dawn); err != nil {
		t.Error("the log's own signature is not this policy's matter:", err)
	}
}

// Any bit of a cosigned checkpoint that flips is seen, the unused ones of base64 included;
// those of the log's own line are the log's key's matter.
func TestEveryBitOfCosignedCounts(t *testing.T) {
	l := newTree(t, newEdKey(t, origin, "log")).grow(t, 3, "")
	var keys []string
	var signers []note.Signer
	for _, name := range []string{"a", "b"} {
		own, err := NewCosigner(name, seed(name), at(dawn))
		must(t, err)
		keys, signers = append(keys, own.VerifierKey()), append(signers, own)
	}
	p, err := NewPolicy(keys, 2)
	must(t, err)
	b := l.checkpoint(t, signers...)
	if _, err := p.Check(b, dawn); err != nil {
		t.Fatal(err)
	}
	from := strings.Index(string(b), "\n\n") + 2
	to := from + strings.Index(string(b[from:]), "\n")
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if _, err := p.Check(b, dawn); err == nil && (i < from || i > to) {
				t.Errorf("byte %d, bit %d does not count", i, bit)
			}
			b[i] ^= 1 << bit
		}
	}
}

// One witness is not two, under whatever names and keys it appears.
func TestOneWitnessIsNotTwo(t *testing.T) {
	key := func(name, of string) string {
		own, err := NewCosigner(name, seed(of), nil)
		must(t, err)
		return own.VerifierKey()
	}
	for what, c := range map[string]struct {
		keys   []string
		quorum int
		ok     bool
	}{
		"two":                 {[]string{key("a", "a"), key("b", "b")}, 2, true},
		"one key twice":       {[]string{key("a", "a"), key("a", "a")}, 1, false},
		"one key, two names":  {[]string{key("a", "a"), key("b", "a")}, 1, false},
		"one name, two keys":  {[]string{key("a", "a"), key("a", "b")}, 1, false},
		"none needed":         {[]string{key("a", "a")}, 0, false},
		"more than there are": {[]string{key("a", "a")}, 2, false},
		"a log's key":         {[]string{newEdKey(t, "a", "a").text}, 1, false},
		"nobody":              {nil, 0, false},
		"a negative quorum":   {[]string{key("a", "a")}, -1, false},
	} {
		if _, err := NewPolicy(c.keys, c.quorum); c.ok != (err == nil) || err != nil && !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

var _ note.Signer = (*edKey)(nil)
