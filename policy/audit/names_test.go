package audit

import (
	"testing"

	"pgregory.net/rapid"
)

// The set says of every name what a map says, the zero name and names that meet included.
func TestNameSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s nameSet
		if rapid.Bool().Draw(t, "expected") {
			s.expect(rapid.IntRange(0, 3000).Draw(t, "names"))
		}
		known := map[name]bool{}
		word := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64())
		for range rapid.IntRange(0, 3000).Draw(t, "times") {
			x := name{word.Draw(t, "a") << 40, word.Draw(t, "b")}
			if s.first(x) == known[x] {
				t.Fatalf("%x is said to be new: %v", x, known[x])
			}
			known[x] = true
		}
	})
}
