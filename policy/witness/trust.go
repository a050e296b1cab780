package witness

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Limits of a trust policy: lines of each kind, and its length in bytes.
const (
	maxTrustLines = 1024
	maxTrustSize  = 1 << 20
)

// Trust is a policy file of pinned keys: C2SP tlog-policy. Two things are
// stricter than there: where it lists SM2 keys of a log, a checkpoint needs a signature
// of one of them beside that of one of its Ed25519 keys; and two sets of witnesses that
// each meet the quorum have a witness in common, so that honest witnesses never make two
// histories of one log believed. And it has a kind of line besides, approver with a
// person's name and Ed25519 key, for whose approvals count in a supervised domain.
type Trust struct {
	logs      []*trustedLog
	witnesses []*CosignatureVerifier
	members   map[string]member  // by name
	quorum    string             // "" for none
	approvers map[[2]string]bool // persons and their keys
}

type trustedLog struct {
	name    string
	ed25519 []note.Verifier
	sm2     []*SM2Verifier
	texts   map[uint32]string // by key id
}

// member is a witness, or a group of members of which need are wanted.
type member struct {
	witness *CosignatureVerifier
	need    int
	of      []string
}

// ParseTrust reads a policy file. Anything but its one grammar, a key listed twice, a name
// used before it is said, and a member of two groups are ErrMalformed or ErrKey, with the
// line.
func ParseTrust(text []byte) (*Trust, error) {
	p := &trustReader{t: &Trust{members: map[string]member{}, approvers: map[[2]string]bool{}}, keys: map[[32]byte]bool{}, used: map[string]bool{}}
	if len(text) > maxTrustSize || len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("%w: a policy ends with a newline and has at most %d bytes", ErrMalformed, maxTrustSize)
	}
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("policy line %d: %w", i+1, err)
		}
	}
	if !p.said {
		return nil, fmt.Errorf("%w: a policy has one quorum line", ErrMalformed)
	}
	return p.t, nil
}

// With gives the policy with a further key of a log that it knows. It is ErrKey for
// another log's and for what is none; a key that it has already changes nothing.
func (t *Trust) With(key string) (*Trust, error) {
	name, _, err := readKey(key)
	if err != nil {
		return nil, err
	}
	v, err := NewVerifier(key)
	at := slices.IndexFunc(t.logs, func(l *trustedLog) bool { return l.name == name })
	switch {
	case err != nil:
		return nil, err
	case at < 0:
		return nil, fmt.Errorf("%w: no log %s is known", ErrKey, name)
	case t.logs[at].texts[v.KeyHash()] == key:
		return t, nil
	}
	more, l := *t, *t.logs[at]
	l.ed25519, l.sm2, l.texts = slices.Clone(l.ed25519), slices.Clone(l.sm2), maps.Clone(l.texts)
	more.logs = slices.Clone(t.logs)
	more.logs[at] = &l
	return &more, l.add(v, key)
}

// add takes in a key of a log.
func (l *trustedLog) add(v note.Verifier, text string) error {
	switch v := v.(type) {
	case *SM2Verifier:
		l.sm2 = append(l.sm2, v)
	case *CosignatureVerifier:
		return fmt.Errorf("%w: the key of %s is a witness's", ErrKey, v.Name())
	default:
		l.ed25519 = append(l.ed25519, v)
	}
	l.texts[v.KeyHash()] = text
	return nil
}

type trustReader struct {
	t    *Trust
	keys map[[32]byte]bool // of logs and of witnesses, each with its kind
	used map[string]bool   // names that are in a group
	said bool              // the quorum
	n    int
}

func (p *trustReader) line(line []byte) error {
	for _, c := range line {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return fmt.Errorf("%w: a control character", ErrMalformed)
		}
	}
	words := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	if p.n++; p.n > maxTrustLines {
		return fmt.Errorf("%w: more than %d lines", ErrMalformed, maxTrustLines)
	}
	n := len(words)
	switch kind := words[0]; {
	case kind == "log" && (n == 2 || n == 3):
		return p.log(words[1])
	case kind == "witness" && (n == 3 || n == 4):
		return p.witness(words[1], words[2])
	case kind == "approver" && n >= 3:
		return p.approver(strings.Join(words[1:n-1], " "), words[n-1])
	case kind == "group" && n >= 4:
		return p.group(words[1], words[2], words[3:])
	case kind == "quorum" && n == 2:
		return p.quorum(words[1])
	}
	return fmt.Errorf("%w: not log, witness, approver, group or quorum with what belongs to it", ErrMalformed)
}

// once refuses a public key that is listed twice, whatever it is called.
func (p *trustReader) once(kind, text string) (name string, err error) {
	name, data, err := readKey(text)
	if err != nil {
		return "", err
	}
	id := sha256.Sum256(append([]byte(kind+" "), data...))
	if p.keys[id] {
		return "", fmt.Errorf("%w: the key of %s is listed twice", ErrKey, name)
	}
	p.keys[id] = true
	return name, nil
}

func (p *trustReader) log(text string) error {
	name, err := p.once("log", text)
	if err != nil {
		return err
	}
	v, err := NewVerifier(text)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(p.t.logs, func(l *trustedLog) bool { return l.name == name })
	if at < 0 {
		at = len(p.t.logs)
		p.t.logs = append(p.t.logs, &trustedLog{name: name, texts: map[uint32]string{}})
	}
	return p.t.logs[at].add(v, text)
}

func (p *trustReader) name(name string) error {
	if _, known := p.t.members[name]; known || name == "none" {
		return fmt.Errorf("%w: the name %q is taken", ErrMalformed, name)
	}
	return nil
}

func (p *trustReader) witness(name, text string) error {
	if err := p.name(name); err != nil {
		return err
	}
	if _, err := p.once("witness", text); err != nil {
		return err
	}
	v, err := NewCosignatureVerifier(text)
	if err != nil {
		return err
	}
	for _, w := range p.t.witnesses {
		if w.name == v.name { // their signature lines could not be told apart
			return fmt.Errorf("%w: two witnesses are called %s", ErrKey, v.name)
		}
	}
	p.t.witnesses = append(p.t.witnesses, v)
	p.t.members[name] = member{witness: v}
	return nil
}

// approver pins a person and a key. A person who has had several has as many lines.
func (p *trustReader) approver(person, key string) error {
	b, err := base64.StdEncoding.Strict().DecodeString(key)
	if err != nil || !SoundKey(b) || p.t.approvers[[2]string{person, key}] {
		return fmt.Errorf("%w: approver %s has no Ed25519 key in base64, or the same twice", ErrKey, person)
	}
	p.t.approvers[[2]string{person, key}] = true
	return nil
}

func (p *trustReader) group(name, k string, of []string) error {
	if err := p.name(name); err != nil {
		return err
	}
	need, err := strconv.Atoi(k)
	switch {
	case k == "any":
		need = 1
	case k == "all":
		need = len(of)
	case err != nil || need < 1 || need > len(of) || strconv.Itoa(need) != k:
		return fmt.Errorf("%w: a group wants all, any, or from 1 to %d of its members", ErrMalformed, len(of))
	}
	for _, m := range of {
		if _, known := p.t.members[m]; !known || p.used[m] {
			return fmt.Errorf("%w: %q is no name said before, or in a group already", ErrMalformed, m)
		}
		p.used[m] = true
	}
	p.t.members[name] = member{need: need, of: of}
	return nil
}

func (p *trustReader) quorum(name string) error {
	_, known := p.t.members[name]
	if p.said || !known && name != "none" {
		return fmt.Errorf("%w: one quorum, of a name said before", ErrMalformed)
	}
	if known && !p.t.meets(name) {
		return fmt.Errorf("%w: witnesses without one in common could meet the quorum %q for two histories: a group needs more than half of its members", ErrKey, name)
	}
	p.said = true
	if name != "none" {
		p.t.quorum = name
	}
	return nil
}

// meets says whether any two sets of witnesses that fulfil a member have one in common.
// Of a group of n two sets of k share 2k-n members at least; one of those must meet.
func (t *Trust) meets(name string) bool {
	m := t.members[name]
	if m.witness != nil {
		return true
	}
	apart := 0
	for _, of := range m.of {
		if !t.meets(of) {
			apart++
		}
	}
	return 2*m.need-len(m.of) > apart
}
