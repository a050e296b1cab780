package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"
)

func TestScanStrict(t *testing.T) {
	deep := strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1)
	for body, ok := range map[string]bool{
		`{}`:                                  true,
		` {"a":1,"b":{"a":1},"c":[{"a":1}]} `: true,
		`{"a":` + deep + `}`:                  true,
		`{"a":[` + deep + `]}`:                false,
		`{"a":1,"a":1}`:                       false,
		`{"a":1,"\u0061":2}`:                  false,
		`{"a":{"b":1,"c":[],"b":{}}}`:         false,
		`{"a":[{"b":1,"b":1}]}`:               false,
		`{"a":{"b":1},"c":{"b":1}}`:           true,
		`{"a":{"a":{"a":1}}}`:                 true,
		`{"a":1}{"a":1}`:                      false,
		`{"a":1} x`:                           false,
		`{"a":1}` + "\x00":                    false,
		`{"a":01}`:                            false,
		`{"a":NaN}`:                           false,
		`{"a":1,}`:                            false,
		`{'a':1}`:                             false,
		`{"a":1}//`:                           false,
		"\ufeff{}":                            false,
		"{\"a\":\"\xff\"}":                    false,
		`[]`:                                  false,
		`"a"`:                                 false,
		`1`:                                   false,
		`null`:                                false,
		``:                                    false,
		`{"a":"{\"b\":1,\"b\":1}"}`:           true,
	} {
		if _, err := scanStrict([]byte(body)); (err == nil) != ok {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestMembers(t *testing.T) {
	members, err := scanStrict([]byte(`{"template":{"x":1},"COST":[{"y":2}],"\u0061":3}`))
	if err != nil || !reflect.DeepEqual(members, []string{"template", "COST", "a"}) {
		t.Fatalf("%q, %v", members, err)
	}
	if got := unknownMembers(members, reflect.TypeFor[RequestBody]()); !reflect.DeepEqual(got, []string{"COST", "a"}) {
		t.Errorf("unknown %q", got)
	}
}

// drawJSON draws a document and whether some object in it repeats a member.
func drawJSON(t *rapid.T, depth int, repeats *bool) string {
	kinds := 3
	if depth > 0 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom([]string{"1", "-0.5e3", "true", "null"}).Draw(t, "literal")
	case 1, 2:
		b, _ := json.Marshal(rapid.String().Draw(t, "text"))
		return string(b)
	case 3:
		var items []string
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			items = append(items, drawJSON(t, depth-1, repeats))
		}
		return "[" + strings.Join(items, " ,") + "]"
	}
	return drawObject(t, depth, repeats)
}

func drawObject(t *rapid.T, depth int, repeats *bool) string {
	var items []string
	seen := map[string]bool{}
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		name := rapid.SampledFrom([]string{"a", "b", "c", "A", "键"}).Draw(t, "name")
		*repeats = *repeats || seen[name]
		seen[name] = true
		written, _ := json.Marshal(name)
		if name == "a" && rapid.Bool().Draw(t, "escaped") {
			written = []byte(`"\u0061"`)
		}
		items = append(items, fmt.Sprintf("%s : %s", written, drawJSON(t, depth-1, repeats)))
	}
	return "{" + strings.Join(items, ",") + "}"
}

func TestRepeatedMembersAreFoundAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		repeats := false
		body := drawObject(t, 4, &repeats)
		if _, err := scanStrict([]byte(body)); (err != nil) != repeats {
			t.Fatalf("%s: repeats %v, error %v", body, repeats, err)
		}
	})
}

// What is accepted means one thing: a canonicaliser that refuses repeated
// members takes it too, and decoding is what the scanner said it is.
func FuzzScanStrict(f *testing.F) {
	for _, s := range []string{`{"template":"I3","cost":0.1}`, `{"a":{"b":[1,{"c":null}]}}`, `{"a":1,"a":2}`, `{"\u0061":1,"a":2}`, `[{}]`, `{"a":1e999}`, `{"\ud800":1,"\ud801":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := scanStrict(body)
		if err != nil {
			if bytes.Contains([]byte(err.Error()), body) && len(body) > 3 {
				t.Fatalf("the error quotes the body: %v", err)
			}
			return
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(body, &object); err != nil || len(object) != len(members) {
			t.Fatalf("%q: %d members, decoded %d, %v", body, len(members), len(object), err)
		}
		// jcs also refuses numbers out of range and lone surrogates.
		if _, err := jcs.Transform(body); err != nil && strings.Contains(strings.ToLower(err.Error()), "duplicate") {
			t.Fatalf("%q: jcs finds a repeated member: %v", body, err)
		}
	})
}
