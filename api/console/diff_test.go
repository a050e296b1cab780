package console

import (
	"fmt"
	"strings"
	"testing"
)

// However long two texts are, every line of both is shown once: an approver who reads the
// difference has read all of it.
func TestDiffLeavesNothingOut(t *testing.T) {
	lines := func(n int, word string) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprint(word, " ", i))
		}
		return out
	}
	late := append(lines(2*mostLines, "same"), "grant")
	for name, x := range map[string]struct{ a, b []string }{
		"a late line":   {late[:len(late)-1], late},
		"the last goes": {late, late[:len(late)-1]},
		"nothing alike": {lines(2*mostLines, "old"), lines(mostLines+1, "new")},
		"in the middle": {[]string{"a", "x", "b"}, []string{"a", "y", "z", "b"}},
		"repeated":      {[]string{"a", "a"}, []string{"a", "a", "a"}},
		"from nothing":  {nil, late},
	} {
		var a, b []string
		for _, l := range diff(x.a, x.b) {
			if l.Sign != "+" {
				a = append(a, l.Text)
			}
			if l.Sign != "-" {
				b = append(b, l.Text)
			}
		}
		if strings.Join(a, "\n") != strings.Join(x.a, "\n") || strings.Join(b, "\n") != strings.Join(x.b, "\n") {
			t.Errorf("%s: %d lines of %d, and %d of %d", name, len(a), len(x.a), len(b), len(x.b))
		}
	}
}
