package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// foreign are the commands that show texts of others: of a log, a policy, a server. What
// they print goes through safeWriter.
var foreign = map[string]bool{"audit": true, "register": true, "approve": true, "grant": true, "witness": true, "supervise": true, "ledger": true}

// printSafely gives a command of those a safe output.
func printSafely(c *cobra.Command) {
	group := c
	for group.HasParent() && group.Parent().HasParent() {
		group = group.Parent()
	}
	if foreign[group.Name()] {
		c.SetOut(&safeWriter{w: c.OutOrStdout()})
		c.SetErr(&safeWriter{w: c.ErrOrStderr()})
	}
}

// safeWriter shows what could steer a terminal, or hide in a text, as the escape that JSON
// has for it: control characters of C0 and C1 but line feed and tab, marks that turn the
// direction of writing, and marks that nobody sees. JSON says the same with them as without.
type safeWriter struct {
	w    io.Writer
	rest []byte // the beginning of a character
}

// Write passes on whole characters; bytes that are no UTF-8 become U+FFFD.
func (s *safeWriter) Write(b []byte) (int, error) {
	var out bytes.Buffer
	text := append(s.rest, b...)
	for utf8.FullRune(text) {
		r, n := utf8.DecodeRune(text)
		out.WriteString(safeRune(r))
		text = text[n:]
	}
	s.rest = bytes.Clone(text)
	if _, err := s.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}

func safeRune(r rune) string {
	if r == '\n' || r == '\t' || unicode.IsGraphic(r) {
		return string(r)
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// printable is a text of another party's within a line: also without line feeds and tabs.
func printable(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r == '\n' || r == '\t' {
			r = ' '
		}
		out.WriteString(safeRune(r))
	}
	return out.String()
}

// row is a line of a table, of texts that may be anybody's.
func row(w io.Writer, cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}
