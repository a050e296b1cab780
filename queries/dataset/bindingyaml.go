package dataset

import (
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// position is a place in a YAML file; both count from 1.
type position struct{ line, column int }

func positionOf(n ast.Node) position {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return position{1, 1}
	}
	p := n.GetToken().Position
	return position{p.Line, p.Column}
}

// yamlError is a mistake at a place of the file.
type yamlError struct {
	at  position
	msg string
}

func (e *yamlError) Error() string { return fmt.Sprintf("%d:%d: %s", e.at.line, e.at.column, e.msg) }

func mistake(at position, format string, args ...any) error {
	return &yamlError{at, fmt.Sprintf(format, args...)}
}

// decodeBinding decodes one YAML document strictly: unknown and repeated keys,
// a second document and an empty file are errors with line and column.
func decodeBinding(file string, text []byte) (binding *Binding, err error) {
	fail := func(err error) error { return fmt.Errorf("%w %s:%w", ErrBinding, file, placed(err)) }
	defer func() {
		if recover() != nil { // the parser is not ours
			binding, err = nil, fail(mistake(position{1, 1}, "not YAML"))
		}
	}()
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fail(err)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, fail(mistake(position{1, 1}, "one YAML document is needed, not %d", len(tree.Docs)))
	}
	var y bindingYAML
	if err := decodeNode(tree.Docs[0].Body, &y); err != nil {
		return nil, fail(err)
	}
	b, err := y.binding()
	if err != nil {
		return nil, fail(err)
	}
	return b, nil
}

// placed brings the library's errors to "line:column: message" without the
// excerpt of the file.
func placed(err error) error {
	var ours *yamlError
	if errors.As(err, &ours) {
		return ours
	}
	var theirs yaml.Error
	if errors.As(err, &theirs) {
		at := position{1, 1}
		if t := theirs.GetToken(); t != nil && t.Position != nil {
			at = position{t.Position.Line, t.Position.Column}
		}
		return mistake(at, "%s", theirs.GetMessage())
	}
	if errors.Is(err, io.EOF) {
		return mistake(position{1, 1}, "the file is empty")
	}
	return mistake(position{1, 1}, "not YAML")
}

func decodeNode(n ast.Node, into any) error { return yaml.NodeToValue(n, into, yaml.Strict()) }

// pair is one key of a mapping with its value and place.
type pair[T any] struct {
	key   string
	value T
	at    position
}

// ordered is a mapping that keeps its order and the places of its keys.
type ordered[T any] []pair[T]

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (o *ordered[T]) UnmarshalYAML(n ast.Node) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return mistake(positionOf(n), "a mapping is needed here")
	}
	seen := map[string]bool{}
	for _, v := range m.Values {
		p := pair[T]{key: v.Key.GetToken().Value, at: positionOf(v.Key)}
		if seen[p.key] {
			return mistake(p.at, "%q stands here twice", p.key)
		}
		seen[p.key] = true
		if err := decodeNode(v.Value, &p.value); err != nil {
			return err
		}
		*o = append(*o, p)
	}
	return nil
}

// UnmarshalYAML implements yaml.NodeUnmarshaler: a scalar taken as it is
// written, so that 0 and true are SQL too.
func (e *expr) UnmarshalYAML(n ast.Node) error {
	e.at = positionOf(n)
	s, err := scalar(n)
	e.sql = s
	return err
}

func scalar(n ast.Node) (string, error) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, nil
	case *ast.LiteralNode:
		return v.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, nil
	}
	return "", mistake(positionOf(n), "an SQL expression is needed here")
}

type valueYAML struct {
	SQL  expr   `yaml:"sql"`
	Map  string `yaml:"map"`
	Unit string `yaml:"unit"`
	at   position
}

// UnmarshalYAML implements yaml.NodeUnmarshaler: an expression, or a mapping
// with sql, map and unit.
func (v *valueYAML) UnmarshalYAML(n ast.Node) error {
	v.at = positionOf(n)
	if _, ok := n.(*ast.MappingNode); !ok {
		return v.SQL.UnmarshalYAML(n)
	}
	type plain struct {
		SQL  expr   `yaml:"sql"`
		Map  string `yaml:"map"`
		Unit string `yaml:"unit"`
	}
	var p plain
	if err := decodeNode(n, &p); err != nil {
		return err
	}
	v.SQL, v.Map, v.Unit, v.at = p.SQL, p.Map, p.Unit, p.SQL.at
	return nil
}

type csvYAML struct {
	Delimiter string   `yaml:"delimiter"`
	Quote     string   `yaml:"quote"`
	Header    *bool    `yaml:"header"`
	Names     []string `yaml:"names"`
	Encoding  string   `yaml:"encoding"`
	Null      []string `yaml:"nullstr"`
}

type sourceYAML struct {
	File     string   `yaml:"file"`
	Optional bool     `yaml:"optional"`
	Columns  []expr   `yaml:"columns"`
	CSV      *csvYAML `yaml:"csv"`
}

type derivedYAML struct {
	From string `yaml:"from"`
	SQL  expr   `yaml:"sql"`
}

type rejectYAML struct {
	When   expr `yaml:"when"`
	Reason expr `yaml:"reason"`
}

type entryYAML struct {
	From        expr               `yaml:"from"`
	Where       expr               `yaml:"where"`
	Invalid     expr               `yaml:"invalid"`
	Refund      expr               `yaml:"refund"`
	Reject      []rejectYAML       `yaml:"reject"`
	ID          expr               `yaml:"id"`
	Alias       expr               `yaml:"alias"`
	Person      expr               `yaml:"person"`
	Key         expr               `yaml:"key"`
	Encounter   expr               `yaml:"encounter"`
	Settlement  expr               `yaml:"settlement"`
	Institution expr               `yaml:"institution"`
	RefundOf    expr               `yaml:"refund_of"`
	Recorded    expr               `yaml:"recorded"`
	Happened    expr               `yaml:"happened"`
	Columns     ordered[valueYAML] `yaml:"columns"`
}

type bindingYAML struct {
	Name     string                     `yaml:"name"`
	Version  expr                       `yaml:"version"`
	Doc      string                     `yaml:"doc"`
	Currency string                     `yaml:"currency"`
	Facts    map[string]int64           `yaml:"facts"`
	CSV      csvYAML                    `yaml:"csv"`
	Sources  ordered[sourceYAML]        `yaml:"sources"`
	Derive   ordered[derivedYAML]       `yaml:"derive"`
	Maps     ordered[map[string]string] `yaml:"maps"`
	Tables   ordered[[]entryYAML]       `yaml:"tables"`
}
