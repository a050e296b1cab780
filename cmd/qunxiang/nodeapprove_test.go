package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// What an owner may answer: 80 bits of the digest at least, and only of this one.
func TestApprovalWantsEightyBits(t *testing.T) {
	h := secagg.Hash{0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6, 7, 8}
	whole := h.String()
	for name, c := range map[string]struct {
		typed, digest, job string
		yes, asJSON        bool
		says               string // "" for yes
	}{
		"whole":           {typed: whole},
		"twenty":          {typed: whole[:20] + "\n"},
		"in groups":       {typed: "ABCD EF01 0203 0405 0607"},
		"eight":           {typed: whole[:8], says: "at least the first 20 digits"},
		"nineteen":        {typed: whole[:19], says: "at least the first 20 digits"},
		"nothing":         {says: "at least the first 20 digits"},
		"another":         {typed: whole[:19] + "8", says: "not the beginning"},
		"too long":        {typed: whole + "0", says: "not the beginning"},
		"flag":            {digest: whole[:20]},
		"short flag":      {digest: whole[:8], typed: whole, says: "at least the first 20 digits"},
		"yes, and JSON":   {job: whole, yes: true, asJSON: true},
		"yes to a part":   {job: whole[:20], yes: true, says: "all 64 digits"},
		"JSON and no yes": {job: whole, asJSON: true, says: "all 64 digits"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &approving{hash: h, digest: c.digest, job: c.job, yes: c.yes, asJSON: c.asJSON}
			err := a.confirm(strings.NewReader(c.typed), io.Discard)
			var exit *exitError
			switch {
			case c.says == "" && err != nil:
				t.Fatal(err)
			case c.says != "" && (!errors.As(err, &exit) || exit.code != exitUsage || !strings.Contains(err.Error(), c.says)):
				t.Fatalf("%v, want %q", err, c.says)
			}
		})
	}
}

// A few digits do not choose a job that is not approved: the coordinator is not asked.
func TestOpenJobWantsEightyBits(t *testing.T) {
	for _, job := range []string{"abcdef01", strings.Repeat("a", 19)} {
		if _, err := nodeFolderOf(t.TempDir()).openJob(t.Context(), nil, job); err == nil || !strings.Contains(err.Error(), "at least 20 digits") {
			t.Errorf("%s: %v", job, err)
		}
	}
}
