package policy

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// personPattern is a person's name: letters of any script, and between them full stops,
// hyphens, apostrophes and single blanks.
var personPattern = regexp.MustCompile(`^\pL[\pL\pM.'’-]{0,63}( [\pL\pM.'’-]{1,64}){0,7}$`)

// mixed says that a name mixes letters of Latin, Greek and Cyrillic, of which many look
// the same.
func mixed(name string) bool {
	scripts := 0
	for _, s := range []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic} {
		if strings.IndexFunc(name, func(c rune) bool { return unicode.Is(s, c) }) >= 0 {
			scripts++
		}
	}
	return scripts > 1
}

// sounds is what two names agree in that could be taken for one another: their letters
// under NFKC (UAX 15) and full case folding.
func sounds(name string) string {
	letters := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsMark(c) {
			return c
		}
		return -1
	}, norm.NFKC.String(name))
	return norm.NFKC.String(cases.Fold().String(letters))
}
