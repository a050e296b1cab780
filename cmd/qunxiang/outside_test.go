package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// served is a witness of tests that knows the log hangzhou: its key and its address.
func served(t *testing.T, name string) (key, url string) {
	t.Helper()
	dir := t.TempDir()
	key, err := initWitness(dir, name)
	if err == nil {
		_, err = addWitnessLog(dir, ledger.VerifierKey("hangzhou", scriptLogKey.Public().(ed25519.PublicKey)), "")
	}
	conf, loaded := loadWitness(dir)
	own, signs := witnessSigner(dir, conf)
	if err := errors.Join(err, loaded, signs); err != nil {
		t.Fatal(err)
	}
	run, err := witness.Open(witness.Options{Dir: dir, Cosigner: own, Logs: conf.logs()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(run.Handler())
	t.Cleanup(func() { server.Close(); _ = run.Close() })
	return key, server.URL
}

// The copy elsewhere stands in for no witness; what witnesses.yaml lacks is said; and it is
// read anew, as other witnesses are asked as soon as the policy wants them.
func TestOutsideAsksThePolicysWitnesses(t *testing.T) {
	one, at := served(t, "w1.example")
	two, there := served(t, "w2.example")
	dir := t.TempDir()
	logKey := ledger.VerifierKey("hangzhou", scriptLogKey.Public().(ed25519.PublicKey))
	o := &outsideLog{file: filepath.Join(dir, witnessesFile), origin: "hangzhou",
		keys: func() ([]string, []string, error) { return []string{logKey}, nil, nil }, say: func(string, error) {}}
	v, err := note.NewVerifier(logKey)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := note.Sign(&note.Note{Text: witness.Checkpoint{Origin: "hangzhou", Root: sha256.Sum256(nil)}.Text()}, scriptSigner{v})
	if err != nil {
		t.Fatal(err)
	}
	write := func(lines ...string) {
		t.Helper()
		text := "witnesses: [" + strings.Join(lines, ", ") + "]\noutside: " + filepath.Join(dir, "copy") + "\n"
		if err := os.WriteFile(o.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := func(key, url string) string { return fmt.Sprintf("{key: %q, url: %q}", key, url) }
	both := ledger.Witnesses{Keys: []string{one, two}, Quorum: 2}
	single := ledger.Witnesses{Keys: []string{one}, Quorum: 1}
	for _, c := range []struct {
		what  string
		lines []string
		by    ledger.Witnesses
		lacks string // of the refusal
		names int    // of witnesses who cosigned
	}{
		{"no witness is asked for", nil, ledger.Witnesses{}, "", 0},
		{"a copy and no address", nil, single, "names 0 of the 1 witnesses", 0},
		{"a key that is mistyped", []string{line(strings.ToUpper(one[:1])+one[1:], at)}, single, "has a key of W1.example that the policy does not have", 0},
		{"the one there is", []string{line(one, at)}, single, "", 1},
		{"another policy, one address too few", []string{line(one, at)}, both, "names 1 of the 2 witnesses that the policy asks for, 2 of whom must cosign", 0},
		{"the address is added", []string{line(one, at), line(two, there)}, both, "", 2},
		{"one is not there", []string{line(one, at), line(two, "http://127.0.0.1:1/")}, both, "without w2.example", 0},
	} {
		write(c.lines...)
		signed, err := o.Cosign(t.Context(), c.by, checkpoint, nil)
		if c.lacks != "" {
			if err == nil || !strings.Contains(err.Error(), c.lacks) {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		if n := bytes.Count(signed, []byte("\n— w")); err != nil || n != c.names {
			t.Errorf("%s: %d have cosigned (%v)", c.what, n, err)
		}
	}
}
