package audit_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// denied is a refusal with room for text.
func denied(grant, template string) members {
	return members{"principal": "p", "rule": "no-grant", "template": template, "grant": grant, "organisation": "", "time": start}
}

// An honest supervised log of several megabytes is in order: what is kept of its policy
// outlives the buffers that it was read into.
func TestLongWatchedLog(t *testing.T) {
	f := watched(t)
	for i := range 9000 {
		f.chained("DENY", with(denied("", fmt.Sprintf("%064d", i)), "time", start+2))
	}
	for range 2 {
		if r := f.verify(); !r.OK() {
			t.Errorf("%+v", r.Findings)
		}
	}
}

// A log whose policy names w.example. That has cosigned nothing: only e.example has, whose
// key was written into refusals, at the very place where the policy's key was in its leaf.
func TestWitnessesAreThePolicys(t *testing.T) {
	f := &forge{t: t, cosign: []string{"e.example"}}
	for range 700 {
		f.chained("DENY", denied("", ""))
	}
	f.chained("GRANT", overseen(t))
	own, others := cosigner(t, "w.example").VerifierKey(), cosigner(t, "e.example").VerifierKey()
	if len(own) != len(others) {
		t.Fatal(len(own), len(others))
	}
	at := (8+bytes.Index(f.leaves[len(f.leaves)-1], []byte(own)))%1032 - 8 // in a leaf of 1024 bytes
	f.approved("grant", contentOf(t, "GRANT", overseen(t)), "ada", "bo")
	grant, template := "", ""
	if at >= 10 && at+len(others) <= 522 {
		grant = strings.Repeat("x", at-10) + others
	} else {
		end := 1024 - len(fmt.Sprintf(`","time":%d,"type":"DENY"}`, start))
		template = others + strings.Repeat("x", end-at-len(others))
	}
	for range 8000 {
		f.chained("DENY", denied(grant, template))
	}
	if i := bytes.Index(f.leaves[len(f.leaves)-1], []byte(others)); i != at {
		t.Fatal("the test: at", i, "want", at)
	}
	if r := f.verify(); r.OK() {
		t.Errorf("believed, and nobody whom the policy names has cosigned it: %v", r.Witnesses)
	}
}
