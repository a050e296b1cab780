package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// statement is what an APPROVE says.
type statement struct {
	subject, digest, name, approver, signature string
	made, expires                              int64
	revoked                                    bool
	key                                        string // that it was checked with
}

const longest = 366 * 24 * 3600 // seconds an approval holds at most

var subjects = []string{"template", "grant", "snapshot", "resume", "key", "delete", "audit", "job"}

func (c *cursor) flag(name string) bool {
	c.lit(name)
	if !c.bad && c.at < len(c.b) && c.b[c.at] == 't' {
		c.lit("true")
		return true
	}
	c.lit("false")
	return false
}

// digest is a SHA-256 in small hex digits.
func (c *cursor) digest(name string) string {
	s := string(c.text(name))
	b, err := hex.DecodeString(s)
	c.bad = c.bad || err != nil || len(b) != 32 || strings.ToLower(s) != s
	return s
}

func (c *cursor) approve(l *leaf) {
	l.kind = "APPROVE"
	s := &statement{}
	s.approver = string(c.text(`{"approver":`))
	s.digest = c.digest(`,"digest":`)
	s.expires = c.count(`,"expires":`)
	l.index = c.count(`,"index":`)
	s.made = c.count(`,"made":`)
	s.name = string(c.text(`,"name":`))
	c.padding()
	c.link(l)
	s.revoked = c.flag(`,"revoked":`)
	s.signature = string(c.text(`,"signature":`))
	s.subject = string(c.text(`,"subject":`))
	c.bad = c.bad || l.previous == nil || !slices.Contains(subjects, s.subject) || s.expires <= s.made || s.expires-s.made > longest
	l.statement = s
}

// key keeps what signs as the leaf's purpose, the algorithm as its template, the new key
// as its id, and that the key before was lost as passed.
func (c *cursor) key(l *leaf) {
	l.kind = "KEY"
	l.template = c.text(`{"algorithm":`)
	l.principal = c.text(`,"by":`)
	l.index = c.count(`,"index":`)
	l.passed = c.flag(`,"lost":`)
	c.padding()
	c.link(l)
	l.id = c.text(`,"public":`)
	l.purpose = c.text(`,"signs":`)
	algorithm, signs := string(l.template), string(l.purpose)
	c.bad = c.bad || l.previous == nil || algorithm != "ed25519" && algorithm != "sm2" || signs != "log" && signs != "receipt"
}

func (c *cursor) deletion(l *leaf) {
	l.kind = "DELETE"
	l.principal = c.text(`{"by":`)
	l.index = c.count(`,"index":`)
	l.ref = c.count(`,"leaf":`)
	c.padding()
	c.link(l)
	c.bad = c.bad || l.previous == nil
}

func (c *cursor) audit(l *leaf) {
	l.kind = "AUDIT"
	l.principal = c.text(`{"by":`)
	l.index = c.count(`,"index":`)
	l.ref = c.count(`,"leaves":`)
	c.padding()
	l.passed = c.flag(`,"passed":`)
	c.link(l)
	l.digest = []byte(c.digest(`,"root":`))
	c.bad = c.bad || l.previous == nil || l.ref == 0
}

// text is what the approver signed.
func (s *statement) text(population string) []byte {
	verdict := map[bool]string{false: "approved", true: "revoked"}[s.revoked]
	when := func(at int64) string { return time.Unix(at, 0).UTC().Format("2006-01-02T15:04:05Z") }
	var b strings.Builder
	b.WriteString("qunxiang approval v1\n")
	for _, line := range [][2]string{{"population", population}, {"subject", s.subject}, {"digest", s.digest}, {"name", s.name},
		{"verdict", verdict}, {"approver", s.approver}, {"made", when(s.made)}, {"expires", when(s.expires)}} {
		fmt.Fprintf(&b, "%s: %s\n", line[0], line[1])
	}
	return []byte(b.String())
}

func (s *statement) signed(population, key string) bool {
	public, err1 := base64.StdEncoding.Strict().DecodeString(key)
	signature, err2 := base64.StdEncoding.Strict().DecodeString(s.signature)
	return err1 == nil && err2 == nil && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, s.text(population), signature)
}
