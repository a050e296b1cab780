package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/api"
)

const nasty = "A\u009b1A\u009b2KOK\x1b[2J\rB\u202eC\u2066D\u200bE\ufeffF\u00adG\U000e0041\x7f中文"

// What others wrote can neither move the cursor nor turn or hide what stands beside it;
// JSON still says the same.
func TestForeignTextIsSafeForATerminal(t *testing.T) {
	var out bytes.Buffer
	w := &safeWriter{w: &out}
	text, err := json.Marshal(map[string]string{"x": nasty + "\n\t"})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range text { // characters may come in pieces
		if _, err := w.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range out.String() {
		if r < ' ' || r >= 0x7f && r < 0xa0 || strings.ContainsRune("\u00ad\u202e\u2066\u200b\ufeff\U000e0041", r) {
			t.Errorf("%U is printed", r)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["x"] != nasty+"\n\t" {
		t.Errorf("%q %v", back, err)
	}
	if !strings.Contains(out.String(), "中文") {
		t.Error("words are not words any more")
	}
	out.Reset()
	_, _ = (&safeWriter{w: &out}).Write([]byte("a\x9b2Jb\nc\td"))
	if out.String() != "a\ufffd2Jb\nc\td" {
		t.Errorf("%q", out.String())
	}
}

// All commands that show a log, a policy or a register print by way of safeWriter.
func TestForeignCommandsPrintSafely(t *testing.T) {
	for _, name := range []string{"audit codes", "approve list", "grant list", "register", "witness init", "ledger usage"} {
		var out bytes.Buffer
		all := root()
		c, _, err := all.Find(strings.Fields(name))
		if err != nil || c.HasSubCommands() {
			t.Fatalf("%s: %v", name, err)
		}
		all.SetOut(&out)
		all.SetErr(&out)
		_ = all.PersistentPreRunE(c, nil) // as before every command; flags are missing here
		for _, w := range []io.Writer{c.OutOrStdout(), c.ErrOrStderr()} {
			if _, err := io.WriteString(w, nasty); err != nil {
				t.Fatal(err)
			}
		}
		if out.Len() == 0 || strings.ContainsAny(out.String(), "\u009b\x1b\r\u202e\u200b") {
			t.Errorf("%s: %q", name, out.String())
		}
	}
}

// A text of a server stays in its cell.
func TestForeignTextKeepsItsLine(t *testing.T) {
	var out bytes.Buffer
	if err := printProposals(&out, []api.Proposal{{Subject: "template", Name: "I4\nsnapshot\tx\u202e", Digest: "short"}}); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "\n") != 2 || strings.ContainsRune(out.String(), '\u202e') {
		t.Errorf("%q", out.String())
	}
}
