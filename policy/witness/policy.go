package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Skew is how far a cosignature's time may lie ahead of the reader's clock.
const Skew = 5 * time.Minute

// Policy says whose cosignatures a checkpoint needs: a quorum of the witnesses.
type Policy struct {
	witnesses []*CosignatureVerifier
	quorum    int
}

// NewPolicy takes the verifier keys of the witnesses and how many of them must have
// signed. No two may have the same key, whatever their names, or the same name; there are
// 64 at most, and quorum is from 1 to their number. Anything else is ErrKey.
func NewPolicy(keys []string, quorum int) (*Policy, error) {
	p := &Policy{quorum: quorum}
	for _, text := range keys {
		v, err := NewCosignatureVerifier(text)
		if err != nil {
			return nil, err
		}
		for _, other := range p.witnesses {
			if other.name == v.name || bytes.Equal(other.key, v.key) {
				return nil, fmt.Errorf("%w: %s and %s are one witness", ErrKey, other.name, v.name)
			}
		}
		p.witnesses = append(p.witnesses, v)
	}
	if quorum < 1 || quorum > len(p.witnesses) || len(p.witnesses) > 64 {
		return nil, fmt.Errorf("%w: a quorum of %d out of %d witnesses", ErrKey, quorum, len(p.witnesses))
	}
	return p, nil
}

// Quorum is how many witnesses must have signed.
func (p *Policy) Quorum() int { return p.quorum }

// Names are the witnesses' names, in the order of their keys.
func (p *Policy) Names() []string {
	names := make([]string, len(p.witnesses))
	for i, w := range p.witnesses {
		names[i] = w.name
	}
	return names
}

// Cosignature is that a witness has signed, and when.
type Cosignature struct {
	Witness string
	Time    time.Time // whole seconds, UTC
}

// Check counts the witnesses whose cosignature a checkpoint has; of whoever else signed
// it, it looks at nothing, the log's own key included. A cosignature more than Skew
// after now does not count. With too few the error is a *QuorumError; what was found is
// given all the same. A checkpoint on which a witness's name stands beside a wrong
// signature is ErrSignature, and one with a cosignature in another spelling ErrMalformed.
func (p *Policy) Check(checkpoint []byte, now time.Time) ([]Cosignature, error) {
	list := make([]note.Verifier, len(p.witnesses))
	for i, w := range p.witnesses {
		list[i] = w
	}
	n, err := note.Open(checkpoint, note.VerifierList(list...))
	var none *note.UnverifiedNoteError
	var wrong *note.InvalidSignatureError
	switch {
	case errors.As(err, &none):
		n = none.Note
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("%w: the cosignature of %s is wrong", ErrSignature, wrong.Name)
	case err != nil:
		return nil, fmt.Errorf("%w: no signed note", ErrMalformed)
	}
	for _, s := range n.Sigs { // note takes a signature's last bits as they come
		if b, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil || base64.StdEncoding.EncodeToString(b) != s.Base64 {
			return nil, fmt.Errorf("%w: the cosignature of %s is in another spelling", ErrMalformed, s.Name)
		}
	}
	var found []Cosignature
	var missing []Missing
	for _, w := range p.witnesses {
		at, ok := w.Time(n)
		switch {
		case !ok:
			missing = append(missing, Missing{w.name, nil})
		case at.After(now.Add(Skew)):
			missing = append(missing, Missing{w.name, errors.New("its cosignature is of the future")})
		default:
			found = append(found, Cosignature{w.name, at})
		}
	}
	if len(found) < p.quorum {
		return found, &QuorumError{Have: len(found), Quorum: p.quorum, Missing: missing}
	}
	return found, nil
}

// Missing is a witness whose cosignature is not there, and why, as far as is known.
type Missing struct {
	Witness string
	Err     error
}

// QuorumError says which witnesses were missing.
type QuorumError struct {
	Have, Quorum int
	Missing      []Missing // in the order of the policy
}

// Error names those who were missing; why is in Missing.
func (e *QuorumError) Error() string {
	names := make([]string, len(e.Missing))
	for i, m := range e.Missing {
		names[i] = m.Witness
	}
	slices.Sort(names)
	return fmt.Sprintf("%v: %d of the %d needed, without %s", ErrQuorum, e.Have, e.Quorum, strings.Join(names, ", "))
}

// Unwrap gives ErrQuorum and why each was missing.
func (e *QuorumError) Unwrap() []error {
	errs := []error{ErrQuorum}
	for _, m := range e.Missing {
		if m.Err != nil {
			errs = append(errs, m.Err)
		}
	}
	return errs
}
