package audit_test

import (
	"testing"

	"pgregory.net/rapid"
)

// Of any statements of one person on one thing, by clocks up to five minutes off, both folds
// take the same: every revocation that was not taken before; approvals that are later than all
// before, and no other; and nothing that is sent again.
func TestRevokingByAnyClock(t *testing.T) {
	base := watched(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := func(low, high int, what string) int { return rapid.IntRange(low, high).Draw(rt, what) }
		log, now, newest := base, start+1000, start
		heard := map[[2]any]bool{}
		var said []members
		for range n(2, 6, "statements") {
			now += n(0, 400, "seconds")
			made, back := now+n(-300, 300, "off"), n(0, 1, "back") == 1
			if len(said) > 0 && n(0, 3, "again") == 0 {
				again := said[n(0, len(said)-1, "which")]
				made, back = again["made"].(int), again["revoked"].(bool)
			}
			m := says("ada", "template", templateDigest, "made", made, "expires", made+86400, "revoked", back, "time", now)
			taken := !heard[[2]any{made, back}] && (back || made > newest)
			f := &forge{t: t, leaves: append([][]byte{}, log.leaves...), cosign: base.cosign}
			f.chained("APPROVE", m)
			theirs, ours := f.folded(), f.verify()
			if (theirs == nil) != taken || ours.OK() != taken {
				rt.Fatalf("made %d, taken back %v, logged %d, newest %d, of %v: ledger %v, auditor %v, want %v", made, back, now, newest, said, theirs, ours.Findings, taken)
			}
			if taken {
				log, newest = f, max(newest, made)
				heard[[2]any{made, back}] = true
				said = append(said, m)
			}
		}
	})
}

// All that the auditor finds in the leaves themselves, the ledger does not even read.
func TestBundlesAreNotRead(t *testing.T) {
	outside := map[string]bool{ // what only keys, files, clocks and other checkpoints tell
		"checkpoint-invalid": true, "log-short": true, "root-mismatch": true, "since-invalid": true, "since-mismatch": true, "record-damaged": true,
		"torn-tail": true, "approver-unpinned": true, "noise-audit-failed": true, "not-witnessed": true, "leaf-ahead": true, "leaf-backdated": true,
		"stale": true, "sm2-invalid": true, "key-retired": true, "key-unpinned": true, "release-missing": true, "release-altered": true,
		"release-mismatch": true, "second-draw": true, "release-unlogged": true, "releases-absent": true, "log-unusable": true, "clean": true, "clean-rotated": true, "clean-handed-over": true,
	}
	for name, p := range bundles(t) {
		if outside[name] {
			continue
		}
		if err := readBack(t, p.wal, p.checkpoint); err == nil {
			t.Errorf("%s: the ledger reads it", name)
		}
	}
	if err := readBack(t, bundles(t)["clean"].wal, bundles(t)["clean"].checkpoint); err != nil {
		t.Errorf("clean: %v", err)
	}
}
