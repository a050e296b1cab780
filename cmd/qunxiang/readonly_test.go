package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// What is known outside counts as told only where all that is configured has answered: the
// copy does not stand in for witnesses, nor an absent disk for an empty one.
func TestOutsideTells(t *testing.T) {
	one, at := served(t, "w1.example")
	two, _ := served(t, "w2.example")
	dir := t.TempDir()
	o := &outsideLog{file: filepath.Join(dir, witnessesFile), origin: "hangzhou",
		keys: func() ([]string, []string, error) {
			return []string{ledger.VerifierKey("hangzhou", scriptLogKey.Public().(ed25519.PublicKey))}, nil, nil
		}, say: func(string, error) {}}
	single := ledger.Witnesses{Keys: []string{one}, Quorum: 1}
	kept := filepath.Join(dir, "copy")
	for name, c := range map[string]struct {
		text string
		by   ledger.Witnesses
		ok   bool
	}{
		"nobody is asked":                 {"outside: " + kept, ledger.Witnesses{}, true},
		"the disk of the copy is away":    {"outside: " + filepath.Join(dir, "away", "copy"), ledger.Witnesses{}, false},
		"a copy and no witness's place":   {"outside: " + kept, single, false},
		"a copy and a witness away":       {"witnesses: [{key: \"" + one + "\", url: \"http://127.0.0.1:1/\"}]\noutside: " + kept, single, false},
		"a copy and the witness":          {"witnesses: [{key: \"" + one + "\", url: \"" + at + "\"}]\noutside: " + kept, single, true},
		"one of the policy's two":         {"witnesses: [{key: \"" + one + "\", url: \"" + at + "\"}]", ledger.Witnesses{Keys: []string{one, two}, Quorum: 1}, false},
		"the witness, the copy's is away": {"witnesses: [{key: \"" + one + "\", url: \"" + at + "\"}]\noutside: " + filepath.Join(dir, "away", "copy"), single, false},
	} {
		if err := os.WriteFile(o.file, []byte(c.text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Newest(t.Context(), c.by); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A policy is shown with the one whose place it takes, and with no other.
func TestWhatIsReplaced(t *testing.T) {
	text := string(supervisedText(t, func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }))
	old := proposed(t, []byte(text), 3)
	old.Since = &api.Since{Leaf: 7, Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	for leaf, ok := range map[int64]bool{7: true, 6: false, -1: false} {
		next := proposed(t, []byte(strings.Replace(text, "retention_days: 183", "retention_days: 184", 1)), leaf)
		next.Replaces = old.Digest
		var out bytes.Buffer
		none := next
		none.Replaces = ""
		if _, err := replaced(none, []api.Proposal{old, none}); err == nil {
			t.Errorf("leaf %d: a policy of another digest is replaced than is said", leaf)
		}
		list := api.ProposalList{Population: "city", Proposals: []api.Proposal{old, next}}
		place := inPlace{how: "as is proven"}
		var err error
		if place.old, err = replaced(next, list.Proposals); (err == nil) != ok {
			t.Errorf("leaf %d: %v", leaf, err)
		}
		if !ok {
			continue
		}
		if err := present(&out, next, list, place); err != nil {
			t.Error(err)
		}
		if want := "takes the place of " + old.Name + ", in force since 2026-03-04 05:06 UTC (leaf 7)"; !strings.Contains(out.String(), want+": approvals of it serve for this change alone\nas is proven\n") || !strings.Contains(out.String(), "+ ") {
			t.Errorf("leaf %d: %s", leaf, out.String())
		}
		if got := inPlaceOf(next, []api.Proposal{old, next}); got != ", in place of "+old.Name+" in force since 2026-03-04 05:06 UTC (leaf 7)" {
			t.Error(got)
		}
	}
}
