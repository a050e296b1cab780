package witness_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/witness"
)

func trustKey(t testing.TB, name string, fill byte) (string, note.Signer) {
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, 32))
	text, err := note.NewEd25519VerifierKey(name, k.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		t.Fatal(err)
	}
	return text, trustSigner{v, k}
}

type trustSigner struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s trustSigner) Sign(m []byte) ([]byte, error) { return ed25519.Sign(s.key, m), nil }

func trustWitness(t testing.TB, name string, fill byte) *witness.Cosigner {
	c, err := witness.NewCosigner(name, bytes.Repeat([]byte{fill}, 32), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The grammar of C2SP tlog-policy, and what it refuses.
func TestParseTrust(t *testing.T) {
	log, _ := trustKey(t, "town", 1)
	other, _ := trustKey(t, "town", 2)
	alias, _ := trustKey(t, "village", 1)
	w1, w2, w3 := trustWitness(t, "w1", 3).VerifierKey(), trustWitness(t, "w2", 4).VerifierKey(), trustWitness(t, "w3", 5).VerifierKey()
	sm2, err := witness.NewSM2Signer("town", bytes.Repeat([]byte{9}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"least":   "quorum none\n",
		"one log": "log " + log + "\nquorum none\n",
		"spaces":  "# a comment\n\n \t log\t" + log + "  https://x.example/ \n  # another\nquorum none\n",
		"SM2":     "log " + log + "\nlog " + sm2.VerifierKey() + "\nlog " + other + "\nquorum none\n",
		"groups":  "log " + log + "\nwitness a " + w1 + "\nwitness b " + w2 + " https://w.example\ngroup g 2 a b\ngroup all all g\nquorum all\n",
		"met":     "witness a " + w1 + "\nwitness b " + w2 + "\nwitness c " + w3 + "\ngroup h any a b\ngroup g all h c\nquorum g\n",
		"any":     "witness a " + w1 + "\ngroup g any a\nquorum g\n",
	} {
		if _, err := witness.ParseTrust([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":                "",
		"no quorum":              "log " + log + "\n",
		"one of two":             "witness a " + w1 + "\nwitness b " + w2 + "\ngroup g 1 a b\nquorum g\n",
		"one of three":           "witness a " + w1 + "\nwitness b " + w2 + "\nwitness c " + w3 + "\ngroup g any a b c\nquorum g\n",
		"none in common below":   "witness a " + w1 + "\nwitness b " + w2 + "\nwitness c " + w3 + "\ngroup h any a b\ngroup g 1 h\nquorum g\n",
		"two of three that fall": "witness a " + w1 + "\nwitness b " + w2 + "\nwitness c " + w3 + "\ngroup h any a b\ngroup g 1 h c\nquorum g\n",
		"two quorums":            "quorum none\nquorum none\n",
		"no newline at the end":  "quorum none",
		"carriage return":        "quorum none\r\n",
		"another kind":           "logs " + log + "\nquorum none\n",
		"too many words":         "log " + log + " u v\nquorum none\n",
		"no key":                 "log\nquorum none\n",
		"a broken key":           "log town+00000000+AQ==\nquorum none\n",
		"a witness's key":        "log " + w1 + "\nquorum none\n",
		"a log's key":            "witness a " + log + "\nquorum a\n",
		"a key twice":            "log " + log + "\nlog " + log + "\nquorum none\n",
		"a key by another name":  "log " + log + "\nlog " + alias + "\nquorum none\n",
		"a witness twice":        "witness a " + w1 + "\nwitness b " + w1 + "\nquorum a\n",
		"a name twice":           "witness a " + w1 + "\nwitness a " + w2 + "\nquorum a\n",
		"a name of a group":      "witness a " + w1 + "\ngroup a 1 a\nquorum a\n",
		"the name none":          "witness none " + w1 + "\nquorum none\n",
		"a group of none":        "group g all none\nquorum g\n",
		"a name before its line": "group g 1 a\nwitness a " + w1 + "\nquorum g\n",
		"itself":                 "group g 1 g\nquorum g\n",
		"in two groups":          "witness a " + w1 + "\ngroup g 1 a\ngroup h 1 a\nquorum g\n",
		"twice in a group":       "witness a " + w1 + "\ngroup g 1 a a\nquorum g\n",
		"too many wanted":        "witness a " + w1 + "\ngroup g 2 a\nquorum g\n",
		"none wanted":            "witness a " + w1 + "\ngroup g 0 a\nquorum g\n",
		"another spelling":       "witness a " + w1 + "\ngroup g 01 a\nquorum g\n",
		"an empty group":         "group g all\nquorum g\n",
		"an unknown quorum":      "quorum g\n",
		"too many lines":         strings.Repeat("log\n", 5000) + "quorum none\n",
	} {
		if _, err := witness.ParseTrust([]byte(text)); !errors.Is(err, witness.ErrMalformed) && !errors.Is(err, witness.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who must have signed a checkpoint.
func TestTrustOpens(t *testing.T) {
	log, signer := trustKey(t, "town", 1)
	next, nextSigner := trustKey(t, "town", 2)
	stranger, strange := trustKey(t, "town", 7)
	_, elsewhere := trustKey(t, "village", 1)
	a, b, c := trustWitness(t, "a.example", 3), trustWitness(t, "b.example", 4), trustWitness(t, "c.example", 5)
	sm2, err := witness.NewSM2Signer("town", bytes.Repeat([]byte{9}, 32))
	if err != nil {
		t.Fatal(err)
	}
	head := [32]byte{1, 2, 3}
	second := sm2.WithHead(head)
	text := witness.Checkpoint{Origin: "town", Size: 7, Root: [32]byte{4}}.Text()
	logs := "log " + log + "\nlog " + next + "\n"
	witnesses := fmt.Sprintf("witness A %s\nwitness B %s\nwitness C %s\ngroup AB any A B\ngroup both all AB C\n", a.VerifierKey(), b.VerifierKey(), c.VerifierKey())
	now := time.Now()
	for name, tt := range map[string]struct {
		policy string
		by     []note.Signer
		want   error
	}{
		"the log":                      {logs + "quorum none\n", []note.Signer{signer}, nil},
		"its other key":                {logs + "quorum none\n", []note.Signer{nextSigner}, nil},
		"and somebody":                 {logs + "quorum none\n", []note.Signer{signer, strange}, nil},
		"somebody":                     {logs + "quorum none\n", []note.Signer{strange}, witness.ErrSignature},
		"under another name":           {logs + "quorum none\n", []note.Signer{elsewhere}, witness.ErrSignature},
		"a witness alone":              {logs + witnesses + "quorum A\n", []note.Signer{a}, witness.ErrSignature},
		"one witness":                  {logs + witnesses + "quorum A\n", []note.Signer{signer, a}, nil},
		"another witness":              {logs + witnesses + "quorum A\n", []note.Signer{signer, b}, witness.ErrQuorum},
		"of two groups":                {logs + witnesses + "quorum both\n", []note.Signer{signer, b, c}, nil},
		"all of one and none of other": {logs + witnesses + "quorum both\n", []note.Signer{signer, a, b}, witness.ErrQuorum},
		"no witness":                   {logs + witnesses + "quorum both\n", []note.Signer{signer}, witness.ErrQuorum},
		"none asked":                   {logs + witnesses + "quorum none\n", []note.Signer{signer}, nil},
		"both algorithms":              {logs + "log " + sm2.VerifierKey() + "\nquorum none\n", []note.Signer{signer, second}, nil},
		"SM2 missing":                  {logs + "log " + sm2.VerifierKey() + "\nquorum none\n", []note.Signer{signer}, witness.ErrSecond},
		"SM2 alone":                    {logs + "log " + sm2.VerifierKey() + "\nquorum none\n", []note.Signer{second}, witness.ErrSignature},
		"no key pinned":                {"log " + stranger + "\nquorum none\n", []note.Signer{signer}, witness.ErrSignature},
		"another log pinned":           {"quorum none\n", []note.Signer{signer}, witness.ErrSignature},
	} {
		p, err := witness.ParseTrust([]byte(tt.policy))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: text}, tt.by...)
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Open(signed, now)
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (s.Size != 7 || s.Origin != "town" || len(s.SM2) > 0 && s.Head != head) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	p, err := witness.ParseTrust([]byte(logs + "quorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	extended, _ := note.Sign(&note.Note{Text: text + "more\n"}, signer)
	if _, err := p.Open(extended, now); !errors.Is(err, witness.ErrMalformed) {
		t.Errorf("with an extension: %v", err)
	}
	late, err := witness.ParseTrust([]byte(logs + witnesses + "quorum A\n"))
	if err != nil {
		t.Fatal(err)
	}
	signed, _ := note.Sign(&note.Note{Text: text}, signer, a)
	if _, err := late.Open(signed, now.Add(-time.Hour)); !errors.Is(err, witness.ErrQuorum) {
		t.Errorf("a cosignature of the future: %v", err)
	}
}

// A signature has one spelling, though base64 leaves bits over at its end.
func TestOneSpelling(t *testing.T) {
	log, signer := trustKey(t, "town", 1)
	p, err := witness.ParseTrust([]byte("log " + log + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: witness.Checkpoint{Origin: "town", Size: 7, Root: [32]byte{4}}.Text()}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Open(signed, time.Now()); err != nil {
		t.Fatal(err)
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := bytes.LastIndexByte(signed, '=') - 1
	for bits := 1; bits < 4; bits++ {
		other := bytes.Clone(signed)
		other[at] = digits[strings.IndexByte(digits, signed[at])+bits]
		if _, err := p.Open(other, time.Now()); !errors.Is(err, witness.ErrSignature) {
			t.Errorf("%q for %q: %v", other[at], signed[at], err)
		}
	}
}

// A detached SM2 signature is of one message and one key.
func TestDetachedSM2(t *testing.T) {
	k, err := witness.NewSM2Key(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := k.Sign([]byte("a message"))
	if err != nil || !k.Public().Verify([]byte("a message"), sig) || k.Public().Verify([]byte("another"), sig) || k.Public().Verify([]byte("a message"), sig[:63]) {
		t.Fatalf("%x %v", sig, err)
	}
	for i := range sig {
		sig[i] ^= 1
		if k.Public().Verify([]byte("a message"), sig) {
			t.Errorf("byte %d changed", i)
		}
		sig[i] ^= 1
	}
	public, err := witness.ParseSM2Public(k.Public().Text())
	if err != nil || !public.Verify([]byte("a message"), sig) {
		t.Error(err)
	}
	for _, text := range []string{"", "04", strings.ToUpper(k.Public().Text()), strings.Repeat("00", 65)} {
		if _, err := witness.ParseSM2Public(text); !errors.Is(err, witness.ErrKey) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := witness.NewSM2Key(nil); !errors.Is(err, witness.ErrKey) {
		t.Error(err)
	}
}

// A policy is taken or refused, and one that is taken refuses an unsigned checkpoint.
func FuzzParseTrust(f *testing.F) {
	log, _ := trustKey(f, "town", 1)
	w := trustWitness(f, "w", 3).VerifierKey()
	f.Add([]byte("log " + log + " https://x\nwitness a " + w + "\ngroup g 1 a\nquorum g\n"))
	f.Add([]byte("# only this\nquorum none\n"))
	checkpoint := []byte(witness.Checkpoint{Origin: "town", Size: 7, Root: [32]byte{4}}.Text() + "\n— town AAAAAAAA\n")
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := witness.ParseTrust(text)
		if err != nil {
			if !errors.Is(err, witness.ErrMalformed) && !errors.Is(err, witness.ErrKey) {
				t.Fatal(err)
			}
			return
		}
		if _, err := p.Open(checkpoint, time.Unix(1<<31, 0)); err == nil {
			t.Fatal("an unsigned checkpoint is trusted")
		}
	})
}
