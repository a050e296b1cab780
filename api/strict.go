package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// errJSON means that a body is not one JSON object, or one that two readers
// could read differently. Its text quotes nothing of the body.
var errJSON = errors.New("not acceptable JSON")

// maxDepth bounds how deep objects and arrays nest in a body.
const maxDepth = 8

// scanStrict reads a body that must be exactly one JSON object in UTF-8 without
// repeated member names (RFC 8259 leaves their meaning open, and encoding/json
// silently takes the last), and returns the names of the object's own members
// in order.
func scanStrict(body []byte) ([]string, error) {
	switch {
	case !utf8.Valid(body):
		return nil, fmt.Errorf("%w: the text is not UTF-8", errJSON)
	case !json.Valid(body):
		return nil, fmt.Errorf("%w: a syntax error, or something after its end", errJSON)
	}
	s := scanner{dec: json.NewDecoder(bytes.NewReader(body))}
	s.dec.UseNumber()
	for {
		t, err := s.dec.Token()
		if err != nil {
			break // the end: the syntax was found valid
		}
		if err := s.take(t); err != nil {
			return nil, err
		}
	}
	return s.members, nil
}

// scanner walks the tokens of a document whose syntax is known to be valid.
type scanner struct {
	dec     *json.Decoder
	open    []level
	members []string
}

// level is one open object or array.
type level struct {
	object bool
	value  bool // in an object: a member's value comes next
	names  map[string]bool
}

func (s *scanner) take(t json.Token) error {
	d, isDelim := t.(json.Delim)
	if isDelim && (d == '}' || d == ']') {
		s.open = s.open[:len(s.open)-1]
		return nil
	}
	if len(s.open) == 0 && (!isDelim || d != '{') {
		return fmt.Errorf("%w: it must be one object", errJSON)
	}
	if n := len(s.open); n > 0 && s.open[n-1].object {
		top := &s.open[n-1]
		if !top.value {
			name, _ := t.(string)
			if top.names[name] {
				return fmt.Errorf("%w: a member name is there twice", errJSON)
			}
			top.names[name], top.value = true, true
			if n == 1 {
				s.members = append(s.members, name)
			}
			return nil
		}
		top.value = false
	}
	if isDelim {
		if len(s.open) == maxDepth {
			return fmt.Errorf("%w: nested deeper than %d", errJSON, maxDepth)
		}
		s.open = append(s.open, level{object: d == '{', names: map[string]bool{}})
	}
	return nil
}

// unknownMembers are the members that a body type does not have, matched to the
// letter: encoding/json would take "COST" for "cost".
func unknownMembers(members []string, body reflect.Type) []string {
	var known, unknown []string
	for i := range body.NumField() {
		name, _, _ := strings.Cut(body.Field(i).Tag.Get("json"), ",")
		known = append(known, name)
	}
	for _, m := range members {
		if !slices.Contains(known, m) {
			unknown = append(unknown, m)
		}
	}
	return unknown
}
