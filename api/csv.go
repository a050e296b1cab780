package api

import (
	"bytes"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteOrderMark tells Excel that the text is UTF-8; pandas, DuckDB and others skip it.
const byteOrderMark = "\uFEFF"

// WriteCSV writes a table as RFC 4180 has it: commas, CRLF, a header. The unit
// of a number stands in brackets behind the column's name, null is an empty
// field, flags are true and false. A table with text outside ASCII begins with
// a byte order mark, without which Excel garbles it.
func WriteCSV(w io.Writer, t *TableData) error {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	out.UseCRLF = true
	record := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		record[i] = SafeText(c.Name)
		if c.Unit != "" {
			record[i] += " [" + c.Unit + "]"
		}
	}
	_ = out.Write(record) // a buffer takes everything
	for row := range t.Rows {
		for i, c := range t.Columns {
			record[i] = c.field(row)
		}
		_ = out.Write(record)
	}
	out.Flush()
	text := b.Bytes()
	if bytes.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		if _, err := io.WriteString(w, byteOrderMark); err != nil {
			return err
		}
	}
	_, err := w.Write(text)
	return err
}

func (c Column) field(row int) string {
	switch {
	case c.Null != nil && c.Null[row]:
		return ""
	case c.Texts != nil:
		return SafeText(c.Texts[row])
	case c.Flags != nil:
		return strconv.FormatBool(c.Flags[row])
	}
	return strconv.FormatFloat(c.Numbers[row], 'f', -1, 64)
}

// SafeText puts an apostrophe before text that a spreadsheet would take for a
// formula, even behind white space (OWASP, "CSV Injection").
func SafeText(s string) string {
	bare := strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	if s != "" && (strings.ContainsRune("\t\r\n", rune(s[0])) || bare != "" && strings.ContainsRune("=+-@＝＋－＠", firstRune(bare))) {
		return "'" + s
	}
	return s
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
