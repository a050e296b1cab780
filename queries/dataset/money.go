package dataset

import (
	"fmt"
	"strings"
)

// MaxFen is the largest amount of money a row may hold, either sign: 10^12 fen,
// ten thousand million yuan. The sum over a person's rows at the default row
// cap then stays far inside an int64.
const MaxFen = 1_000_000_000_000

// ParseFen reads an amount of yuan as fen, exactly.
//
// Accepted: an optional sign, digits with or without thousands separators (in
// groups of three), an optional fraction; blanks around are ignored. More than
// two decimals are accepted only if those beyond the second are zeros: an
// amount is never rounded ("12.345" is refused). No exponent, no currency sign.
// ok is false for anything else and for amounts beyond [MaxFen].
//
// It is the reference for [fenTextSQL], which the import uses.
func ParseFen(text string) (fen int64, ok bool) {
	s := strings.Trim(text, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	whole, fraction, dotted := strings.Cut(s, ".")
	whole, ok = ungroup(whole)
	if !ok || dotted && !digits(fraction) {
		return 0, false
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > 2 {
		return 0, false
	}
	fraction += "00"[len(fraction):]
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > 11 {
		return 0, false
	}
	for _, c := range whole + fraction {
		fen = 10*fen + int64(c-'0')
	}
	if fen > MaxFen {
		return 0, false
	}
	if negative {
		fen = -fen
	}
	return fen, true
}

// ungroup takes the thousands separators out, if they stand where they should.
func ungroup(s string) (string, bool) {
	parts := strings.Split(s, ",")
	for i, p := range parts {
		grouped := len(parts) > 1
		switch {
		case !digits(p):
			return "", false
		case grouped && i == 0 && len(p) > 3, grouped && i > 0 && len(p) != 3:
			return "", false
		}
	}
	return strings.Join(parts, ""), true
}

func digits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// fenTextSQL is ParseFen as an SQL expression over a VARCHAR expression x: a
// BIGINT, or NULL where ParseFen says no.
//
// The plain form goes the short way: a cast to DECIMAL(18,2) is exact for at
// most two decimals. Whatever matches the full grammar is brought to the plain
// form first.
func fenTextSQL(x string) string {
	const plain = `[+-]?[0-9]{1,13}(\.[0-9]{1,2})?`
	const full = `[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?`
	t := "trim(" + x + ", " + blanks + ")"
	return fmt.Sprintf(`CASE
	WHEN regexp_full_match(%[1]s, '%[2]s') THEN %[3]s
	WHEN regexp_full_match(%[4]s, '%[5]s') THEN %[6]s END`,
		x, plain, boundFen("(TRY_CAST("+x+" AS DECIMAL(18,2)) * 100)::BIGINT"),
		t, full, boundFen("(TRY_CAST("+tidied(t, plain)+" AS DECIMAL(18,2)) * 100)::BIGINT"))
}

// tidied takes separators, zeros beyond the second decimal and leading zeros
// out of an amount, and gives NULL if it is not plain then.
func tidied(t, plain string) string {
	s := "regexp_replace(regexp_replace(replace(" + t + `, ',', ''), '(\.[0-9]{1,2}?)0+$', '\1'), '^([+-]?)0+([0-9])', '\1\2')`
	return "CASE WHEN regexp_full_match(" + s + ", '" + plain + "') THEN " + s + " END"
}

// blanks are what may surround an amount: ASCII white space.
const blanks = `' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)`

// boundFen gives NULL for amounts beyond MaxFen.
func boundFen(x string) string {
	return fmt.Sprintf("CASE WHEN %[1]s BETWEEN -%[2]d AND %[2]d THEN %[1]s END", x, int64(MaxFen))
}
