package locality

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

var errDocument = errors.New("not a document of DuckDB")

// decode reads one JSON document strictly: fields that the type does not have
// are not understood, and lists have no holes.
func decode(text string, into any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errDocument
	}
	var all any
	if err := json.Unmarshal([]byte(text), &all); err != nil || holes(all) {
		return errDocument
	}
	return nil
}

// holes says whether a list has a null in it.
func holes(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		for _, field := range x {
			if holes(field) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(x, func(e any) bool { return e == nil || holes(e) })
	}
	return false
}

// unknownField names the field that decode did not know, if that was it.
func unknownField(err error) string {
	_, field, _ := strings.Cut(err.Error(), "unknown field ")
	return strings.Trim(field, `"`)
}
