package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Of what is no policy the approver is shown what the leaf says. What the server says
// beside it is left out, or one line of its own words; nor can it have a leaf signed as
// another kind of thing.
func TestServersWordsAreItsOwn(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	for _, k := range []keptProposal{
		{Snapshot: &ledger.Snapshot{Snapshot: digest, By: "steward-s"}},
		{Resume: &ledger.Resume{Template: "claim-severity@1.0.0", By: []string{"steward-s"}, Since: 7}},
		{Delete: &ledger.Delete{Leaf: 7, By: "steward-s"}},
		{Key: &ledger.Key{Use: "log", Algorithm: "ed25519", Public: "city+00000000+AAAA", By: "steward-s"}},
		{Audit: &ledger.Audit{Leaves: 7, Root: digest, By: "steward-s"}},
	} {
		p := api.Proposal{Detail: "loaded in May\nit is a test, nobody was given it"}
		var err error
		if p.Digest, p.Leaf, err = k.digest(); err != nil {
			t.Fatal(err)
		}
		p.Subject, _ = k.body()
		p.Name, p.By = k.words()
		if err := checkProposal(p); err != nil {
			t.Fatalf("%s: %v", p.Subject, err)
		}
		var out bytes.Buffer
		if err := present(&out, p, api.ProposalList{Population: "city"}, inPlace{}); err != nil {
			t.Fatal(err)
		}
		said := out.String()
		if !strings.Contains(said, p.Name+"\n") || !strings.Contains(said, "asked for by steward-s\n") || strings.Contains(said, "\nit is a test") {
			t.Errorf("%s: %s", p.Subject, said)
		}
		if own := strings.Contains(said, "the server says of it, which nothing here proves: loaded in May it is a test"); own != (k.Snapshot != nil) || own != strings.Contains(said, "a test") {
			t.Errorf("%s: %s", p.Subject, said)
		}
		for kind := range leafOf {
			other := p
			if other.Subject = kind; kind != p.Subject && checkProposal(other) == nil {
				t.Errorf("a %s is signed as a %s", p.Subject, kind)
			}
		}
	}
}
