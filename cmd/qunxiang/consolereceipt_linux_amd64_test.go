//go:build duckdb_arrow

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// The console's button checks what the auditor's command does: the log's second key and the
// cosignatures that the policy asks for, too.
func TestConsoleChecksWitnesses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c, stop, err := s.copy(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	var out []byte
	for range 3 { // a busy machine may miss a slot
		if out, err = c.plain(t); err == nil {
			break
		}
	}
	var asked struct{ ID string }
	if err != nil || json.Unmarshal(out, &asked) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d, err := openDomain(t.Context(), filepath.Join(c.dir, "D"), writing)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	release, err := d.runner.Answer("insurer-a", asked.ID)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := d.runner.Receipt(t.Context(), "insurer-a", asked.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.checkReceipt(receipt, release); err != nil {
		t.Fatalf("a true receipt: %v", err)
	}
	var parts map[string]json.RawMessage
	var note string
	if err := json.Unmarshal(receipt, &parts); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(parts["checkpoint"], &note); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(note, "\n")
	tried := 0
	for i, line := range lines {
		if !strings.HasPrefix(line, "— ") {
			continue
		}
		less := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")
		forged := strings.Replace(string(receipt), spelled(t, note), spelled(t, less), 1)
		if forged == string(receipt) {
			t.Fatal("the test: the receipt is spelled otherwise")
		}
		if _, err := d.checkReceipt([]byte(forged), release); err == nil {
			t.Errorf("believed without %s", line)
		}
		tried++
	}
	if tried != 3 {
		t.Errorf("%d signatures of log, second key and witness", tried)
	}
}

// spelled is a text as a receipt has it.
func spelled(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}
