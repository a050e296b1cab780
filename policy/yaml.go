package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile is the largest policy file, in bytes, and maxDepth how many brackets
// may be open at once in it: the parser's time grows with the cube of that.
const (
	maxFile  = 1 << 18
	maxDepth = 32
)

// reader takes a YAML tree apart strictly. The first thing that is wrong stays
// in err, with file, line and column; from then on everything reads as zero.
//
// It does not decode into structs, because decoders are lenient: they turn 1.5
// into 1 and 123 into "123", ignore a second document and follow aliases.
// Messages never quote values: a secret may have been pasted into the file.
type reader struct {
	file string
	err  error
}

func (r *reader) failAt(at *token.Position, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s:%d:%d: %s", ErrPolicy, r.file, at.Line, at.Column, fmt.Sprintf(format, args...))
	}
}

func (r *reader) fail(n ast.Node, format string, args ...any) {
	r.failAt(position(n), format, args...)
}

// position is where a node begins; a mapping, where its first key does.
func position(n ast.Node) *token.Position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && m.Start.Type != token.MappingStartType {
		n = m.Values[0].Key
	}
	return n.GetToken().Position
}

// document is the root of a file that holds one document.
func (r *reader) document(b []byte) (root ast.Node) {
	start := &token.Position{Line: 1, Column: 1}
	if len(b) > maxFile {
		r.failAt(start, "the file is over 256 KiB")
		return nil
	}
	if at := unseen(b); at != nil {
		r.failAt(at, "a character that cannot be seen, or bytes that are no UTF-8: who approves the file is shown all of it")
		return nil
	}
	if deep(b) {
		r.failAt(start, "brackets are nested too deeply")
		return nil
	}
	defer func() {
		if recover() != nil { // the parser is not ours
			r.failAt(start, "this is not YAML")
		}
	}()
	file, err := parser.ParseBytes(b, 0)
	var syntax yaml.Error
	switch {
	case errors.As(err, &syntax) && syntax.GetToken() != nil:
		r.failAt(syntax.GetToken().Position, "%s", syntax.GetMessage())
	case err != nil:
		r.failAt(start, "this is not YAML")
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		r.failAt(start, "the file is empty")
	case len(file.Docs) > 1:
		at := file.Docs[0].Body.GetToken().Position
		if second := file.Docs[1]; second.Start != nil {
			at = second.Start.Position
		} else if second.Body != nil {
			at = position(second.Body)
		}
		r.failAt(at, "there is more than one document")
	default:
		return file.Docs[0].Body
	}
	return nil
}

// unseen is the place of the first byte that is no UTF-8, or of the first character that
// steers a terminal, turns the order of what is read, or shows nothing; nil for none. Line
// ends and tabs are as they are.
func unseen(b []byte) *token.Position {
	at := &token.Position{Line: 1, Column: 1}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n':
			at.Line, at.Column = at.Line+1, 0
		case r == '\t', r == '\r' && len(b) > 1 && b[1] == '\n':
		case r == utf8.RuneError && n == 1, !unicode.IsGraphic(r):
			return at
		}
		at.Column, b = at.Column+1, b[n:]
	}
	return nil
}

// deep counts brackets wherever they stand; no policy has so many in its texts.
func deep(b []byte) bool {
	open := 0
	for _, c := range b {
		switch c {
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		}
		if open > maxDepth {
			return true
		}
	}
	return false
}

// members are the values of a mapping by key. Those whose key ends in "?" may be
// missing; any other key is refused.
func (r *reader) members(n ast.Node, keys ...string) map[string]ast.Node {
	m, ok := n.(*ast.MappingNode)
	if r.err != nil || !ok {
		r.want(n, "keys and values")
		return nil
	}
	found := map[string]ast.Node{}
	for _, v := range m.Values {
		key, ok := v.Key.(*ast.StringNode)
		switch {
		case !ok:
			r.fail(v.Key, "not a plain key")
		case !slices.Contains(keys, key.Value) && !slices.Contains(keys, key.Value+"?"):
			r.fail(v.Key, "unknown key %s", short(key.Value))
		default:
			found[key.Value] = v.Value
		}
	}
	for _, k := range keys {
		if k[len(k)-1] != '?' && found[k] == nil {
			r.fail(n, "%s is missing", k)
		}
	}
	return found
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

func short(key string) string {
	if plainKey.MatchString(key) {
		return strconv.Quote(key)
	}
	return "(not shown)"
}

// want says what a node should have been; a missing one is not complained of.
func (r *reader) want(n ast.Node, what string) {
	if r.err == nil && n != nil {
		r.fail(n, "want %s", what)
	}
}

func (r *reader) list(n ast.Node) []ast.Node {
	if s, ok := n.(*ast.SequenceNode); ok && r.err == nil {
		return s.Values
	}
	r.want(n, "a list")
	return nil
}

func (r *reader) text(n ast.Node) string {
	if s, ok := n.(*ast.StringNode); ok && r.err == nil {
		return s.Value
	}
	r.want(n, "a text; put quotes around a number")
	return ""
}

func (r *reader) texts(n ast.Node) []string {
	var out []string
	for _, e := range r.list(n) {
		s := r.text(e)
		if slices.Contains(out, s) {
			r.want(e, "each only once")
		}
		out = append(out, s)
	}
	return out
}

func (r *reader) whole(n ast.Node, low, high int64) int64 {
	what := fmt.Sprintf("a whole number from %d to %d", low, high)
	if _, ok := n.(*ast.IntegerNode); ok && r.err == nil {
		x, err := strconv.ParseInt(n.GetToken().Value, 10, 64)
		if err == nil && low <= x && x <= high {
			return x
		}
	}
	r.want(n, what)
	return 0
}

var decimalNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// number is a number not below zero, written in decimals. YAML 1.1 reads 1e-9
// as a text; here it is the number it looks like, unless it stands in quotes.
func (r *reader) number(n ast.Node) float64 {
	if n != nil && r.err == nil {
		switch t := n.GetToken(); t.Type {
		case token.IntegerType, token.FloatType, token.StringType:
			if x, err := strconv.ParseFloat(t.Value, 64); err == nil && decimalNumber.MatchString(t.Value) {
				return x
			}
		}
	}
	r.want(n, "a number like 10 or 1e-9")
	return 0
}
