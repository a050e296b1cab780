package witness

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Logs are the names of the logs whose keys are pinned, in the order of the file.
func (t *Trust) Logs() []string {
	var names []string
	for _, l := range t.logs {
		names = append(names, l.name)
	}
	return names
}

// Asks says whether the policy wants cosignatures.
func (t *Trust) Asks() bool { return t.quorum != "" }

// Approvers says whether the policy pins people whose approvals count.
func (t *Trust) Approvers() bool { return len(t.approvers) > 0 }

// Approver says whether a person is pinned with a key, Ed25519 in base64.
func (t *Trust) Approver(person, key string) bool { return t.approvers[[2]string{person, key}] }

// Seen is what a trusted checkpoint says, and who signed it.
type Seen struct {
	Checkpoint
	Ed25519, SM2 []string // verifier keys of the log that signed
	Head         [32]byte // of the SM3 chain; only where SM2 is not empty
	Witnesses    []Cosignature
}

// Open reads a checkpoint and checks who signed it: an Ed25519 key of its log, else
// ErrSignature; an SM2 key where the policy lists one, else ErrSignature and ErrSecond;
// the quorum, else ErrQuorum. With ErrSecond and ErrQuorum, which may come together, what
// was found is given all the same. A checkpoint of a log that is not pinned is
// ErrSignature. A cosignature more than Skew after now does not count.
func (t *Trust) Open(checkpoint []byte, now time.Time) (*Seen, error) {
	text, _, err := splitNote(checkpoint)
	if err != nil {
		return nil, err
	}
	c, err := ParseCheckpoint(text)
	if err != nil {
		return nil, err
	}
	if strings.Count(text, "\n") != 3 {
		return nil, fmt.Errorf("%w: a checkpoint with extensions", ErrMalformed)
	}
	at := slices.IndexFunc(t.logs, func(l *trustedLog) bool { return l.name == c.Origin })
	if at < 0 {
		return nil, fmt.Errorf("%w: no key of the log %q is pinned", ErrSignature, c.Origin)
	}
	s := &Seen{Checkpoint: c}
	if err := t.logs[at].signed(checkpoint, s); err != nil {
		return nil, err
	}
	return s, errors.Join(t.logs[at].second(checkpoint, s), t.cosigned(checkpoint, now, s))
}

// signed finds the log's Ed25519 signatures. One that is wrong is an error even beside a
// right one.
func (l *trustedLog) signed(checkpoint []byte, s *Seen) error {
	n, err := openStrictly(checkpoint, l.ed25519)
	if err != nil {
		return fmt.Errorf("%w: it is not signed by a pinned key of the log %s", ErrSignature, l.name)
	}
	for _, v := range l.ed25519 {
		if _, ok := signatureOf(n, v); ok {
			s.Ed25519 = append(s.Ed25519, l.texts[v.KeyHash()])
		}
	}
	return nil
}

// second finds the log's SM2 signatures, where there are such keys.
func (l *trustedLog) second(checkpoint []byte, s *Seen) error {
	if len(l.sm2) == 0 {
		return nil
	}
	var list []note.Verifier
	for _, v := range l.sm2 {
		list = append(list, v)
	}
	n, err := openStrictly(checkpoint, list)
	if err != nil {
		return fmt.Errorf("%w: %w: it is not signed by a pinned SM2 key of the log %s", ErrSignature, ErrSecond, l.name)
	}
	for _, v := range l.sm2 {
		head, ok := v.Head(n)
		if ok && len(s.SM2) > 0 && head != s.Head {
			return fmt.Errorf("%w: %w: its signatures are over different chains", ErrSignature, ErrSecond)
		}
		if ok {
			s.SM2, s.Head = append(s.SM2, l.texts[v.KeyHash()]), head
		}
	}
	return nil
}

// openStrictly opens a note that one of the keys signed, with no signature of theirs in
// another spelling: note takes base64's last bits as they come.
func openStrictly(text []byte, keys []note.Verifier) (*note.Note, error) {
	n, err := note.Open(text, note.VerifierList(keys...))
	if err != nil {
		return nil, err
	}
	for _, sig := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// cosigned holds a checkpoint to the quorum.
func (t *Trust) cosigned(checkpoint []byte, now time.Time, s *Seen) error {
	if len(t.witnesses) == 0 {
		return nil
	}
	p := &Policy{witnesses: t.witnesses, quorum: 1}
	found, err := p.Check(checkpoint, now)
	if err != nil && !errors.Is(err, ErrQuorum) {
		return fmt.Errorf("%w: %w", ErrQuorum, err)
	}
	s.Witnesses = found
	signed := map[string]bool{}
	for _, f := range found {
		signed[f.Witness] = true
	}
	if t.Asks() && !t.holds(t.quorum, signed) {
		return fmt.Errorf("%w: %d of the pinned witnesses have cosigned, which is not the quorum %q", ErrQuorum, len(found), t.quorum)
	}
	return nil
}

// holds says whether a witness, or enough of a group, has signed.
func (t *Trust) holds(name string, signed map[string]bool) bool {
	m := t.members[name]
	if m.witness != nil {
		return signed[m.witness.name]
	}
	n := 0
	for _, of := range m.of {
		if t.holds(of, signed) {
			n++
		}
	}
	return n >= m.need
}
