package dataset

import (
	"fmt"
	"strings"
	"unicode"
)

// invisible are the characters that surround an identifier without being part
// of it: Unicode white space, and the marks that editors and spreadsheets leave
// behind (byte order mark, zero-width space and joiners).
func invisible() []rune {
	out := []rune{0x200b, 0x200c, 0x200d, 0x2060, 0xfeff}
	for _, r := range unicode.White_Space.R16 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			out = append(out, c)
		}
	}
	return out
}

// NormalIdentifier is the one form of a source identifier from which keys are
// made: without the characters of invisible around it, the letters a to z in
// upper case (a certificate number ends in X or x). Two identifiers that differ
// in no more than that are the same person's. The SQL twin is
// normalIdentifierSQL; a property test holds them together.
func NormalIdentifier(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, strings.Trim(id, string(invisible())))
}

// normalIdentifierSQL is the SQL twin of [NormalIdentifier] for a VARCHAR
// expression; bindings may write it identifier(x). Printable ASCII without
// blanks, the usual case, takes the short way.
func normalIdentifierSQL(x string) string {
	chars := make([]string, 0, 32)
	for _, r := range invisible() {
		chars = append(chars, fmt.Sprintf("chr(%d)", r))
	}
	const lower = "abcdefghijklmnopqrstuvwxyz"
	return fmt.Sprintf("CASE WHEN regexp_full_match(%[1]s, '[!-~]*') THEN upper(%[1]s) ELSE translate(trim(%[1]s, %[2]s), '%[3]s', '%[4]s') END",
		x, strings.Join(chars, " || "), lower, strings.ToUpper(lower))
}
