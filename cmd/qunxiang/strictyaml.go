package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
)

// strictYAML reads a file of settings: unknown keys fail, with line and column. An empty
// file changes nothing. what names the file in messages, as "a configuration".
func strictYAML(path, what string, text []byte, into any) (err error) {
	bad := fmt.Errorf("%s: not %s", path, what)
	defer func() {
		if recover() != nil { // the parser is not ours
			err = bad
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			p := ye.GetToken().Position
			return fmt.Errorf("%s:%d:%d: %s", path, p.Line, p.Column, ye.GetMessage())
		}
		return bad
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s holds more than one document", path)
	}
	return nil
}
