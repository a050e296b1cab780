package certify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qunxiang/qunxiang/queries"
)

// recordFile is where a catalogue keeps what was found of its templates: a JSON array
// with a line for each.
const recordFile = "certificates.json"

// Record writes what was found of those that passed, without what their files declare
// anyway, for a catalogue to carry.
func Record(certs []*Certificate) ([]byte, error) {
	var b bytes.Buffer
	for _, c := range certs {
		if !c.Passed {
			continue
		}
		less := *c
		less.Declared = queries.Description{}
		line, err := json.Marshal(&less)
		if err != nil {
			return nil, err
		}
		start := ",\n"
		if b.Len() == 0 {
			start = "[\n"
		}
		b.WriteString(start)
		b.Write(line)
	}
	if b.Len() == 0 {
		return []byte("[]\n"), nil
	}
	b.WriteString("\n]\n")
	return b.Bytes(), nil
}

// Recorded reads what a catalogue carries, by the digest of the pair: a certificate
// stands for exactly its two files. A catalogue that carries none has none.
func Recorded(fsys fs.FS) (map[string]*Certificate, error) {
	b, err := fs.ReadFile(fsys, recordFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var certs []*Certificate
	if err := json.Unmarshal(b, &certs); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", queries.ErrTemplate, recordFile, err)
	}
	out := make(map[string]*Certificate, len(certs))
	for _, c := range certs {
		out[c.Digest] = c
	}
	return out, nil
}
