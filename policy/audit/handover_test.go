package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
)

var third = ed25519.NewKeyFromSeed([]byte("a third Ed25519 seed for testing"))

type keySigner struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s keySigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

func signedBy(t testing.TB, key ed25519.PrivateKey) []note.Signer {
	text, err := note.NewEd25519VerifierKey(population, key.Public().(ed25519.PublicKey))
	must(t, err)
	v, err := note.NewVerifier(text)
	must(t, err)
	return []note.Signer{keySigner{v, key}}
}

func thirdKey(t testing.TB) string {
	text, err := note.NewEd25519VerifierKey(population, third.Public().(ed25519.PublicKey))
	must(t, err)
	return text
}

// changed is a log whose leaf 10 puts a key in force that nobody has pinned, and whose
// checkpoint of 12 leaves that key has signed.
func changed(t testing.TB, lost bool) *forge {
	m := members{"algorithm": "ed25519", "by": "steward-c", "lost": lost, "public": thirdKey(t), "signs": "log", "time": start}
	f := watched(t).approvedLeaf("key", "KEY", m, "ada", "bo").chained("KEY", m).chained("CHARGE", asked("r-1"))
	f.by = signedBy(t, third)
	return f
}

// handover is that of the first n leaves, the last of them a KEY leaf, by the first key.
func (f *forge) handover(n int, by ...note.Signer) []byte { return f.handoverOf(n-1, n, by...) }

// handoverOf proves a leaf under the checkpoint of n leaves.
func (f *forge) handoverOf(index, n int, by ...note.Signer) []byte {
	old := *f
	old.leaves, old.by, old.sm2 = f.leaves[:n], by, nil
	head, err := hex.DecodeString(old.link())
	must(f.t, err)
	if f.otherChain {
		head[0] ^= 1
	}
	old.sm2 = fixedSM2{sm2Signer(f.t), head}
	var stored hashes
	for i, leaf := range old.leaves {
		more, err := tlog.StoredHashes(int64(i), leaf, stored)
		must(f.t, err)
		stored = append(stored, more...)
	}
	proof, err := tlog.ProveRecord(int64(n), int64(index), stored)
	must(f.t, err)
	var b bytes.Buffer
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(old.leaves[index]), index)
	for _, h := range proof {
		fmt.Fprintf(&b, "%s\n", h)
	}
	return append(append(b.Bytes(), '\n'), old.checkpoint()...)
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(at []int64) (out []tlog.Hash, err error) {
	for _, i := range at {
		out = append(out, h[i])
	}
	return out, nil
}

// Whoever pinned the first key follows the log to the next by what the first one handed
// over, and by nothing else.
func TestHandover(t *testing.T) {
	first, err := witness.ParseTrust(fmt.Appendf(nil, "log %s\nquorum none\n", verifierKey(t)))
	must(t, err)
	asks, err := witness.ParseTrust(fmt.Appendf(nil, "log %s\nwitness w %s\nquorum w\n", verifierKey(t), cosigner(t, "w.example").VerifierKey()))
	must(t, err)
	good := changed(t, false).handover(11)
	edit := func(old, with string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("no %q in a handover", old)
		}
		return bytes.Replace(bytes.Clone(good), []byte(old), []byte(with), 1)
	}
	unapproved := watched(t).chained("KEY", members{"algorithm": "ed25519", "by": "steward-c", "lost": false, "public": thirdKey(t), "signs": "log", "time": start}).
		chained("CHARGE", asked("r-1"))
	unapproved.by = signedBy(t, third)
	elsewhere := changed(t, false)
	elsewhere.leaves[9] = elsewhere.leaves[8]
	receipt := watched(t).chained("KEY", members{"algorithm": "ed25519", "by": "steward-c", "lost": false, "public": thirdKey(t), "signs": "receipt", "time": start}).
		chained("CHARGE", asked("r-1"))
	receipt.by = signedBy(t, third)
	uncosigned := changed(t, false)
	uncosigned.cosign = nil
	never := watched(t).chained("CHARGE", asked("r-1"))
	never.by = signedBy(t, third)
	unlogged := bytes.Split(never.handover(8), []byte("\n"))
	unlogged[1] = append([]byte("extra "), base64.StdEncoding.EncodeToString(changed(t, false).leaves[10])...)
	type files = map[string][]byte
	for name, tt := range map[string]struct {
		log   *forge
		files files
		trust *witness.Trust
		want  string
	}{
		"handed over":              {changed(t, false), files{"handover-1": good}, first, ""},
		"and cosigned":             {changed(t, false), files{"handover-1": good}, asks, ""},
		"by nobody":                {changed(t, false), nil, first, "key-unpinned "},
		"by itself":                {changed(t, false), files{"handover-1": changed(t, false).handover(11, signedBy(t, third)...)}, first, "key-unpinned "},
		"by a stranger":            {changed(t, false), files{"handover-1": changed(t, false).handover(11, nextSigners(t)...)}, first, "key-unpinned "},
		"without the witness":      {changed(t, false), files{"handover-1": uncosigned.handover(11)}, asks, "key-unpinned "},
		"not of the last leaf":     {changed(t, false), files{"handover-1": changed(t, false).handover(12)}, first, "key-unpinned "},
		"of the last but one":      {changed(t, false), files{"handover-1": changed(t, false).handoverOf(10, 12)}, first, "key-unpinned "},
		"of a leaf never logged":   {never, files{"handover-1": bytes.Join(unlogged, []byte("\n"))}, first, "checkpoint-invalid "},
		"another place":            {changed(t, false), files{"handover-1": edit("index 10", "index 9")}, first, "key-unpinned "},
		"cut off":                  {changed(t, false), files{"handover-1": good[:40]}, first, "key-unpinned "},
		"another leaf":             {changed(t, false), files{"handover-1": edit("extra eyJhbGdv", "extra eyJhbGdw")}, first, "key-unpinned "},
		"of a receipt key":         {receipt, files{"handover-1": receipt.handover(9)}, first, "not-approved checkpoint-invalid "},
		"of a lost key":            {changed(t, true), files{"handover-1": changed(t, true).handover(11)}, first, "key-unpinned "},
		"of what nobody approved":  {unapproved, files{"handover-1": unapproved.handover(9)}, first, "not-approved "},
		"in another history":       {changed(t, false), files{"handover-1": elsewhere.handover(11)}, first, "root-mismatch "},
		"of a longer log":          {&forge{t: t, leaves: changed(t, false).leaves[:10], cosign: []string{"w.example"}}, files{"handover-1": good}, first, "log-short "},
		"behind one that is none":  {changed(t, false), files{"handover-1": []byte("x"), "handover-2": good}, first, ""},
		"a log that goes on by it": {&forge{t: t, leaves: changed(t, false).leaves, cosign: []string{"w.example"}}, files{"handover-1": good}, first, "key-retired "},
	} {
		log := fstest.MapFS{"wal": {Data: tt.log.wal()}, "checkpoint": {Data: tt.log.checkpoint()}}
		for n, b := range tt.files {
			log[n] = &fstest.MapFile{Data: b}
		}
		r, err := audit.Verify(context.Background(), audit.Options{Log: log, Trust: tt.trust})
		must(t, err)
		if codes(r) != tt.want {
			t.Errorf("%s: %+v, want %s", name, r.Findings, tt.want)
		}
	}
}

// The SM2 signature of a handover is over the chain as it was then.
func TestHandoverOverAnotherChain(t *testing.T) {
	pinned, err := witness.ParseTrust(fmt.Appendf(nil, "log %s\nlog %s\nquorum none\n", verifierKey(t), sm2Signer(t).VerifierKey()))
	must(t, err)
	for other, want := range map[bool]string{false: "", true: "sm2-invalid "} {
		f := changed(t, false)
		f.otherChain = other
		p := f.pack()
		log := fstest.MapFS{"wal": {Data: p.wal}, "checkpoint": {Data: p.checkpoint}, "handover-1": {Data: f.handover(11)}}
		r, err := audit.Verify(context.Background(), audit.Options{Log: log, Trust: pinned})
		must(t, err)
		if codes(r) != want {
			t.Errorf("another chain %v: %+v", other, r.Findings)
		}
	}
}

// A key that was lost hands nothing over. The verifier says so, and which key to ask for;
// once that is pinned, by another way, all is well. It signs its own leaf, too.
func TestLostKey(t *testing.T) {
	pin := func(keys ...string) *witness.Trust {
		trust, err := witness.ParseTrust([]byte("log " + strings.Join(keys, "\nlog ") + "\nquorum none\n"))
		must(t, err)
		return trust
	}
	for name, tt := range map[string]struct {
		lost   bool
		leaves int
		pinned []string
		want   string
	}{
		"not pinned":                   {true, 12, []string{verifierKey(t)}, "key-unpinned "},
		"pinned":                       {true, 12, []string{verifierKey(t), thirdKey(t)}, ""},
		"alone":                        {true, 12, []string{thirdKey(t)}, ""},
		"under its leaf":               {true, 11, []string{thirdKey(t)}, ""},
		"before":                       {true, 10, []string{thirdKey(t)}, ""}, // nobody knows there what comes
		"under its leaf, and not lost": {false, 11, []string{thirdKey(t)}, "key-retired "},
	} {
		f := changed(t, tt.lost)
		f.leaves = f.leaves[:tt.leaves]
		r, err := audit.Verify(context.Background(), audit.Options{Log: f.log(), Trust: pin(tt.pinned...)})
		must(t, err)
		if codes(r) != tt.want {
			t.Errorf("%s: %+v, want %s", name, r.Findings, tt.want)
		}
		if tt.want == "key-unpinned " && !strings.Contains(r.Findings[0].Text, thirdKey(t)) {
			t.Errorf("%s: it does not say which key: %s", name, r.Findings[0].Text)
		}
	}
}

// A key never comes back.
func TestKeyComesBack(t *testing.T) {
	m := members{"algorithm": "ed25519", "by": "steward-c", "lost": false, "public": nextKey(t), "signs": "receipt", "time": start}
	f := rotated(t).approvedLeaf("key", "KEY", m, "ada", "bo").chained("KEY", m)
	f.by = nextSigners(t)
	r, err := audit.Verify(context.Background(), audit.Options{Log: f.log(), Trust: trusted(t)})
	must(t, err)
	if codes(r) != "key-retired " {
		t.Errorf("%+v", r.Findings)
	}
}

// Nor does the log's first key, which no KEY leaf names: it has signed before it was put in
// force, as the handover by it shows, or an older checkpoint.
func TestFirstKeyComesBack(t *testing.T) {
	m := keyLeaf("ed25519", nextKey(t))
	f := watched(t).approvedLeaf("key", "KEY", m, "ada", "bo").chained("KEY", m)
	n, since := len(f.leaves), f.checkpoint()
	m = keyLeaf("ed25519", verifierKey(t))
	f.approvedLeaf("key", "KEY", m, "ada", "bo").chained("KEY", m)
	o := len(f.leaves)
	f.chained("CHARGE", asked("r-1"))
	handed := f.log()
	handed["handover-1"] = &fstest.MapFile{Data: f.handover(n)}
	handed["handover-2"] = &fstest.MapFile{Data: f.handover(o, nextSigners(t)...)}
	for name, options := range map[string]audit.Options{"handed over": {Log: handed}, "since": {Log: f.log(), Since: since}} {
		if r := verify(t, options); codes(r) != "key-retired " {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
}
