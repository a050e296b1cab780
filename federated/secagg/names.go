package secagg

import (
	"strings"
	"unicode"
)

// blankBraille is a symbol that is drawn as nothing.
const blankBraille = 0x2800

// Visible says that a character can be seen, or is a space: control and format
// characters, fillers and variation selectors are not.
func Visible(r rune) bool {
	return unicode.IsGraphic(r) && r != blankBraille &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// seen is a name as a reader takes it in: without what cannot be seen, with single
// spaces, in one case and one width. Two parties of which it is the same are one. It
// does not tell letters of different scripts apart that look the same: owners compare
// fingerprints.
func seen(name string) string {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !Visible(r):
			return -1
		case r >= 0xff01 && r <= 0xff5e: // full-width forms of ASCII
			r -= 0xff01 - '!'
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, name)
	return strings.Join(strings.Fields(visible), " ")
}
