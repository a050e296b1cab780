package witness

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxRequest is the largest body of add-checkpoint that a witness reads, in bytes.
const MaxRequest = 64 << 10

// maxProof is the most hashes of a consistency proof: C2SP tlog-witness.
const maxProof = 63

// Request is the body of add-checkpoint: C2SP tlog-witness.
type Request struct {
	Old        int64       // leaves of the checkpoint that the proof begins with
	Proof      []tlog.Hash // from Old to the checkpoint; empty from 0
	Checkpoint []byte      // signed note
}

// Format gives the request's body.
func (r Request) Format() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "old %d\n", r.Old)
	for _, h := range r.Proof {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(r.Checkpoint)
	return []byte(b.String())
}

// ParseRequest reads the body of add-checkpoint in its one spelling; of the checkpoint
// it looks at nothing. Anything else is ErrMalformed.
func ParseRequest(body []byte) (r Request, err error) {
	if len(body) > MaxRequest {
		return r, fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxRequest)
	}
	head, rest, found := strings.Cut(string(body), "\n\n")
	if !found || rest == "" {
		return r, fmt.Errorf("%w: no empty line before the checkpoint", ErrMalformed)
	}
	lines := strings.Split(head, "\n")
	size, found := strings.CutPrefix(lines[0], "old ")
	if !found {
		return r, fmt.Errorf("%w: the first line is not the old size", ErrMalformed)
	}
	if r.Old, err = parseSize(size); err != nil {
		return Request{}, fmt.Errorf("%w: the old size is no number in its shortest spelling", ErrMalformed)
	}
	if len(lines)-1 > maxProof {
		return Request{}, fmt.Errorf("%w: more than %d lines of proof", ErrMalformed, maxProof)
	}
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return Request{}, fmt.Errorf("%w: a line of proof is no hash", ErrMalformed)
		}
		r.Proof = append(r.Proof, h)
	}
	r.Checkpoint = []byte(rest)
	return r, nil
}
