package federated

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxCard is the largest card, in bytes; maxOpen how many brackets it may open at
// once, because the parser's time grows with them.
const (
	maxCard = 1 << 18
	maxOpen = 32
)

// ParseCard reads a card in YAML, strictly: one document, known keys, each once,
// numbers that are numbers and texts that are texts. Errors are ErrCard with file,
// line and column. Defaults are filled in.
func ParseCard(file string, b []byte) (c *Card, err error) {
	r := &reader{file: file}
	defer func() {
		if recover() != nil { // the parser is not ours
			c, err = nil, fmt.Errorf("%w: %s:1:1: this is not YAML", ErrCard, file)
		}
	}()
	c = &Card{}
	if root := r.document(b); r.err == nil {
		r.value(root, reflect.ValueOf(c).Elem())
	}
	if r.err != nil {
		return nil, r.err
	}
	if c.Privacy.Places < 1 {
		return nil, fmt.Errorf("%w: %s: privacy: places: how many of the nodes one person may be at, at least 1", ErrCard, file)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// reader takes a YAML tree apart into a struct by its json names; members without
// omitempty must be there. The first mistake stays in err.
type reader struct {
	file string
	err  error
}

func (r *reader) fail(at *token.Position, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s:%d:%d: %s", ErrCard, r.file, at.Line, at.Column, fmt.Sprintf(format, args...))
	}
}

func (r *reader) document(b []byte) ast.Node {
	start, open := &token.Position{Line: 1, Column: 1}, 0
	for _, c := range b {
		if open += strings.Count("[{", string(c)) - strings.Count("]}", string(c)); open > maxOpen || len(b) > maxCard {
			r.fail(start, "the file is too large or nested too deeply")
			return nil
		}
	}
	file, err := parser.ParseBytes(b, 0)
	var syntax yaml.Error
	switch {
	case errors.As(err, &syntax) && syntax.GetToken() != nil:
		r.fail(syntax.GetToken().Position, "%s", syntax.GetMessage())
	case err != nil:
		r.fail(start, "this is not YAML")
	case len(file.Docs) != 1 || file.Docs[0].Body == nil:
		r.fail(start, "want one document")
	default:
		return file.Docs[0].Body
	}
	return nil
}

// place is where a node begins; a mapping, where its first key does.
func place(n ast.Node) *token.Position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && m.Start.Type != token.MappingStartType {
		n = m.Values[0].Key
	}
	return n.GetToken().Position
}

// value reads one node into one value.
func (r *reader) value(n ast.Node, v reflect.Value) {
	if r.err != nil {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if t, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		r.text(n, t)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		r.members(n, v)
	case reflect.Slice, reflect.Array:
		r.list(n, v)
	case reflect.Map:
		r.texts(n, v)
	case reflect.String:
		if s, ok := n.(*ast.StringNode); ok {
			v.SetString(s.Value)
			return
		}
		r.fail(place(n), "want a text; put quotes around a number")
	case reflect.Bool:
		if s, ok := n.(*ast.BoolNode); ok {
			v.SetBool(s.Value)
			return
		}
		r.fail(place(n), "want true or false")
	default:
		r.number(n, v)
	}
}

// text reads what has a text form of its own from the characters in the file.
func (r *reader) text(n ast.Node, t encoding.TextUnmarshaler) {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
		if err := t.UnmarshalText([]byte(n.GetToken().Value)); err != nil {
			r.fail(place(n), "%s", strings.TrimPrefix(err.Error(), ErrCard.Error()+": "))
		}
	default:
		r.fail(place(n), "want a plain value")
	}
}

var numeral = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// number reads a number in decimals; 1e-9, which YAML 1.1 takes for a text, is one.
func (r *reader) number(n ast.Node, v reflect.Value) {
	t := n.GetToken()
	known := t.Type == token.IntegerType || t.Type == token.FloatType || t.Type == token.StringType
	if !known || !numeral.MatchString(t.Value) {
		r.fail(place(n), "want a number")
		return
	}
	if v.Kind() == reflect.Float64 {
		x, err := strconv.ParseFloat(t.Value, 64)
		if err != nil || math.IsInf(x, 0) {
			r.fail(place(n), "want a number in range")
			return
		}
		v.SetFloat(x + 0) // no negative zero
		return
	}
	x, err := strconv.ParseInt(t.Value, 10, 53)
	if err != nil {
		r.fail(place(n), "want a whole number")
		return
	}
	v.SetInt(x)
}

func (r *reader) list(n ast.Node, v reflect.Value) {
	s, ok := n.(*ast.SequenceNode)
	if !ok || v.Kind() == reflect.Array && len(s.Values) != v.Len() {
		r.fail(place(n), "want a list of the right length")
		return
	}
	for i, e := range s.Values {
		if v.Kind() == reflect.Slice {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		}
		r.value(e, v.Index(i))
	}
}

// texts reads names with texts; a plain number is the text it is written as.
func (r *reader) texts(n ast.Node, v reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.fail(place(n), "want names and texts")
		return
	}
	out := map[string]string{}
	for _, e := range m.Values {
		key, ok := e.Key.(*ast.StringNode)
		if !ok {
			r.fail(place(e.Key), "not a plain key")
			return
		}
		if _, twice := out[key.Value]; twice {
			r.fail(place(e.Key), "key %q is there twice", key.Value)
			return
		}
		switch e.Value.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
			out[key.Value] = e.Value.GetToken().Value
		default:
			r.fail(place(e.Value), "want a text or a number")
			return
		}
	}
	v.Set(reflect.ValueOf(out))
}

func (r *reader) members(n ast.Node, v reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.fail(place(n), "want keys and values")
		return
	}
	fields, seen := map[string]reflect.Value{}, map[string]bool{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = v.Field(i)
	}
	for _, e := range m.Values {
		key, ok := e.Key.(*ast.StringNode)
		switch {
		case !ok:
			r.fail(place(e.Key), "not a plain key")
		case !fields[key.Value].IsValid():
			r.fail(place(e.Key), "unknown key %.40q", key.Value)
		case seen[key.Value]:
			r.fail(place(e.Key), "key %q is there twice", key.Value)
		default:
			seen[key.Value] = true
			r.value(e.Value, fields[key.Value])
		}
	}
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if option != "omitempty" && !seen[name] {
			r.fail(place(n), "%s is missing", name)
		}
	}
}
