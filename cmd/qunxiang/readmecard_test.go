package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated"
)

// readmeCard is the job card in a guide, "" if it shows none.
func readmeCard(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	_, card, shown := strings.Cut(string(text), "```\nJOB CARD ")
	card, _, ended := strings.Cut(card, "\n```")
	if !shown {
		return ""
	}
	if !ended {
		t.Fatalf("%s: the card does not end", file)
	}
	return "JOB CARD " + card
}

// demoCardText is the card that demo federated shows, with keys of its own.
func demoCardText(t *testing.T) string {
	t.Helper()
	key := func() federated.Key {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return federated.KeyOf(public)
	}
	f := &four{persons: demoPersons, parties: demoParties(""), members: "nodes:\n"}
	f.hello.Key = keyText(key())
	slices.SortFunc(f.parties, func(a, b *party) int { return strings.Compare(a.name, b.name) }) // as enrolments --members lists them
	for _, p := range f.parties {
		f.members += memberBlock(p.name, p.organisation, key(), key())
	}
	text, err := f.firstCard()
	if err != nil {
		t.Fatal(err)
	}
	card, err := federated.ParseCard("card.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := card.Text()
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// sameEveryTime takes what differs from run to run out of a card: its digest, the keys and
// the last day.
func sameEveryTime(card string) string {
	for _, p := range [][2]string{
		{`(?m)^(Digest: +)[0-9a-f]{64}$`, "${1}D"}, {`[0-9a-f]{8}( [0-9a-f]{8}){7}`, "K"}, {`(?m)^(Last day: +)\d{4}-\d\d-\d\d`, "${1}DAY"},
	} {
		card = regexp.MustCompile(p[0]).ReplaceAllString(card, p[1])
	}
	return strings.TrimSpace(card)
}

// The card in a guide is one that the demo prints, but for keys, digest and day; "  ..."
// stands for nodes that are left out.
func TestReadmeCardIsTheDemos(t *testing.T) {
	whole := sameEveryTime(demoCardText(t))
	shown := 0
	for _, file := range []string{"docs/node-operator.md", "docs/zh/node-operator.md"} {
		card := readmeCard(t, file)
		if card == "" {
			continue
		}
		shown++
		head, tail, _ := strings.Cut(sameEveryTime(card), "\n  ...\n")
		if !strings.HasPrefix(whole, head+"\n") || !strings.HasSuffix(whole, "\n"+tail) {
			t.Errorf("%s shows another card than demo federated --once prints:\n%s", file, firstDifference(whole, head, tail))
		}
		if digests := regexp.MustCompile(`[0-9a-f]{64}`).FindAllString(card, -1); len(digests) != 2 {
			t.Errorf("%s: a card has a digest and its template's, this one %d", file, len(digests))
		}
	}
	if shown == 0 {
		t.Error("no guide shows a card")
	}
}

// firstDifference is the first line of a guide's card that is not printed there.
func firstDifference(whole, head, tail string) string {
	lines := strings.Split(whole, "\n")
	for i, line := range strings.Split(head, "\n") {
		if i >= len(lines) || lines[i] != line {
			return "shown: " + line + "\nprinted: " + lines[min(i, len(lines)-1)]
		}
	}
	last := strings.Split(tail, "\n")
	for i := range last {
		if a, b := last[len(last)-1-i], lines[max(len(lines)-1-i, 0)]; a != b {
			return "shown: " + a + "\nprinted: " + b
		}
	}
	return ""
}
