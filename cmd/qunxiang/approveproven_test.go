package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// proposed is a policy as a server shows it, which replaces a leaf.
func proposed(t *testing.T, text []byte, replaces int64) api.Proposal {
	t.Helper()
	rules, err := policy.Parse("policy.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	g := queries.GrantLeaf(rules)
	g.Replaces = replaces
	leaf, err := ledger.Content(&g)
	if err != nil {
		t.Fatal(err)
	}
	return api.Proposal{Subject: ledger.SubjectGrant, Name: policyName(rules.Digest()), Detail: string(text), Leaf: leaf, Digest: digestOf(leaf), By: []string{rules.Supervision.Author}}
}

// What a policy takes the place of is known by the published log, and not by the server's
// word: neither another policy, nor another leaf or time, nor leaves that were changed.
func TestPlaceIsProven(t *testing.T) {
	dir, key := t.TempDir(), ed25519.NewKeyFromSeed([]byte("an Ed25519 seed only for testing"))
	l, err := ledger.Open(ledger.Options{Dir: dir, Create: true, Population: "city", Signer: key, Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	evaluation := func(people int64) []byte {
		return policy.Evaluation(policy.EvaluationOptions{Population: "city", PublicPeople: people, Until: time.Now().AddDate(1, 0, 0)})
	}
	if bytes.Equal(evaluation(300), evaluation(200)) {
		t.Fatal("they are one policy")
	}
	rules, err := policy.Parse("policy.yaml", evaluation(300))
	if err != nil {
		t.Fatal(err)
	}
	deny := func(n int) []byte {
		for range n {
			if _, err := l.Deny(t.Context(), ledger.Deny{Principal: "p", Rule: "r"}); err != nil {
				t.Fatal(err)
			}
		}
		text, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	early := deny(290)
	at, err := l.Grant(t.Context(), queries.GrantLeaf(rules))
	if err != nil {
		t.Fatal(err)
	}
	deny(5)
	leaf, _, err := l.Leaf(at)
	if err != nil {
		t.Fatal(err)
	}
	supervised := supervisedText(t, func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) })
	pin := func(key ed25519.PrivateKey) string {
		name := filepath.Join(t.TempDir(), "policy")
		if err := os.WriteFile(name, []byte("log "+ledger.VerifierKey("city", key.Public().(ed25519.PublicKey))+"\nquorum none\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	published := func(change func(fstest.MapFS)) fs.FS {
		out := fstest.MapFS{}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || name == "lock" {
				return err
			}
			b, err := os.ReadFile(filepath.Join(dir, name))
			out[name] = &fstest.MapFile{Data: b}
			return err
		}))
		change(out)
		return out
	}
	for name, c := range map[string]struct {
		text   []byte
		leaf   int64
		late   time.Duration
		pinned string
		change func(fstest.MapFS)
		want   string // of the error, or of the words
		refuse bool
	}{
		"as it is":                    {want: "under the checkpoint of 296 leaves, whose signatures --policy"},
		"held against pinned keys":    {pinned: pin(key), want: "under the checkpoint of 296 leaves"},
		"another policy":              {text: evaluation(200), refuse: true, want: "leaf 290 is the policy"},
		"another leaf":                {leaf: -1, refuse: true, want: "is a DENY"},
		"no leaf":                     {leaf: -at - 1, refuse: true},
		"another time":                {late: time.Hour, refuse: true, want: "leaf 290 is of"},
		"signed by somebody else":     {pinned: pin(ed25519.NewKeyFromSeed(make([]byte, 32))), refuse: true, want: "not proven"},
		"no log":                      {change: func(m fstest.MapFS) { clear(m) }, refuse: true, want: "not proven"},
		"no such bundle":              {change: func(m fstest.MapFS) { delete(m, "tile/entries/001.p/40") }, refuse: true, want: "not proven"},
		"before a checkpoint is over": {change: func(m fstest.MapFS) { m["checkpoint"].Data = early }, want: "NOT PROVEN: the checkpoint is over 290 leaves"},
		"another leaf in its place": {change: func(m fstest.MapFS) {
			b := m["tile/entries/001.p/40"].Data // of the same content and time, after other leaves
			m["tile/entries/001.p/40"].Data = regexp.MustCompile(`"previous":".`).ReplaceAllFunc(b, func(m []byte) []byte {
				return append(m[:len(m)-1:len(m)-1], map[bool]byte{true: '1', false: '0'}[m[len(m)-1] == '0'])
			})
		}, refuse: true, want: "is not the one under the checkpoint"},
	} {
		text := c.text
		if text == nil {
			text = evaluation(300)
		}
		old := proposed(t, text, -1)
		old.Since = &api.Since{Leaf: at + c.leaf, Time: leaf.Time.Add(c.late)}
		next := proposed(t, supervised, at+c.leaf)
		next.Replaces = old.Digest
		list := api.ProposalList{Population: "city", Proposals: []api.Proposal{old, next}}
		change := c.change
		if change == nil {
			change = func(fstest.MapFS) {}
		}
		for _, p := range []api.Proposal{next, old} { // the one in force is proven as what it is replaced as
			place, err := placeOf(published(change), list, p, c.pinned)
			said := place.how
			if err != nil {
				said = err.Error()
			}
			if (err != nil) != c.refuse || !strings.Contains(said, c.want) || place.unproven != strings.Contains(said, "NOT PROVEN") {
				t.Errorf("%s: %q (%v)", name, said, err)
			}
		}
	}
}
