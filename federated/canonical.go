package federated

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// canonical is the one JSON text of a value (RFC 8785): members in order, numbers as
// ECMAScript writes them, which is what encoding/json does, and no escape that is not
// needed. Texts are held to what needs no more (plain).
func canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// strictly reads the canonical text of a value: other members, other spellings and
// anything behind it are refused.
func strictly(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: not the JSON of this kind", ErrWire)
	}
	again, err := canonical(v)
	if err != nil || !bytes.Equal(again, b) {
		return fmt.Errorf("%w: not in canonical form", ErrWire)
	}
	return nil
}

// plain says that a text is UTF-8 which JSON, the ledger and a terminal carry as it is,
// and of which a reader sees every character. Spaces in a row would begin a new line of a
// terminal, and on it what looks like a line of ours.
func plain(s string, most int) bool {
	if len(s) > most || !utf8.ValidString(s) || strings.Contains(s, "  ") {
		return false
	}
	for _, r := range s {
		if r == '"' || r == '\\' || !secagg.Visible(r) {
			return false
		}
	}
	return true
}
