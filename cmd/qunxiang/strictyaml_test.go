package main

import (
	"strings"
	"testing"
)

// What the parser cannot bear is a bad file like any other.
func TestStrictYAML(t *testing.T) {
	var into struct {
		List []string `yaml:"list"`
		N    int      `yaml:"n"`
	}
	for text, want := range map[string]string{
		"n: 1\nlist: [a]\n":       "",
		"":                        "",
		"list:\n  ! 000\n":        "f",
		"m: 1\n":                  "f:1:1: unknown field",
		"n: x\n":                  "f:1:4:",
		"n: 1\n---\nn: 2\n":       "more than one document",
		"list:\n  ! 0\n000: 0\n0": "f",
	} {
		err := strictYAML("f", "a test", []byte(text), &into)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
