package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// What an approval can be of, and what its digest is then the digest of.
const (
	SubjectTemplate = "template" // the certified pair of files: a charge's TemplateDigest
	SubjectGrant    = "grant"    // a GRANT leaf, see ContentDigest
	SubjectSnapshot = "snapshot" // a SNAPSHOT leaf
	SubjectResume   = "resume"   // a RESUME leaf
	SubjectKey      = "key"      // a KEY leaf
	SubjectDelete   = "delete"   // a DELETE leaf
	SubjectAudit    = "audit"    // the log's root over the leaves that a noise audit looks at
	SubjectJob      = "job"      // a training's job card: a RESERVE's Job; the name is its Terms
)

var subjects = []string{SubjectTemplate, SubjectGrant, SubjectSnapshot, SubjectResume, SubjectKey, SubjectDelete, SubjectAudit, SubjectJob}

// MaxApproval is the longest that an approval may hold.
const MaxApproval = 366 * 24 * time.Hour

// Approve is a person's signed statement that something may be done or used, or that
// it no longer may. Of one person's statements on one thing the one logged last counts.
type Approve struct {
	Subject  string // one of the constants above
	Digest   string // of what is approved, SHA-256 in hex
	Name     string // the same in words, as the approver was shown it
	Approver string // the person
	Revoked  bool   // it takes an earlier approval back
	Made     time.Time
	Expires  time.Time // from here on it no longer holds; at most MaxApproval after Made
	// Signature is Ed25519 over Statement, in base64.
	Signature string
}

// Type gives APPROVE.
func (a *Approve) Type() Type { return TypeApprove }

func (a *Approve) members(f *form, l *Leaf) {
	f.text("approver", &a.Approver)
	f.text("digest", &a.Digest)
	f.seconds("expires", &a.Expires)
	f.count("index", &l.Index)
	f.seconds("made", &a.Made)
	f.text("name", &a.Name)
	f.pad()
	f.previous(l)
	f.flag("revoked", &a.Revoked)
	f.text("signature", &a.Signature)
	f.text("subject", &a.Subject)
	f.end(l)
}

// Statement is the text that the approver signs, in UTF-8. It names the population, so
// that an approval for one domain is none for another.
func (a *Approve) Statement(population string) []byte {
	verdict := "approved"
	if a.Revoked {
		verdict = "revoked"
	}
	return fmt.Appendf(nil, "qunxiang approval v1\npopulation: %s\nsubject: %s\ndigest: %s\nname: %s\nverdict: %s\napprover: %s\nmade: %s\nexpires: %s\n",
		population, a.Subject, a.Digest, a.Name, verdict, a.Approver, a.Made.UTC().Format(time.RFC3339), a.Expires.UTC().Format(time.RFC3339))
}

// Sign makes the statement the approver's.
func (a *Approve) Sign(population string, key ed25519.PrivateKey) {
	a.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, a.Statement(population)))
}

// verify checks the signature by an approver's key.
func (a *Approve) verify(population, key string) error {
	public, err1 := base64.StdEncoding.Strict().DecodeString(key)
	signature, err2 := base64.StdEncoding.Strict().DecodeString(a.Signature)
	if err1 != nil || err2 != nil || len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, a.Statement(population), signature) {
		return fmt.Errorf("%w: it is not signed by the key of %s", ErrApproval, a.Approver)
	}
	return nil
}

func (a *Approve) check() error {
	if !slices.Contains(subjects, a.Subject) {
		return fmt.Errorf("%w: an approval of what is not known", ErrLeaf)
	}
	return a.checkMembers()
}

// checkMembers is check but for the subject.
func (a *Approve) checkMembers() error {
	for _, err := range []error{checkTexts("name", a.Name, "approver", a.Approver, "signature", a.Signature), checkDigest("digest", a.Digest),
		checkTime("made", a.Made), checkTime("expires", a.Expires)} {
		if err != nil {
			return err
		}
	}
	if !a.Expires.After(a.Made) || a.Expires.Sub(a.Made) > MaxApproval {
		return fmt.Errorf("%w: an approval holds for at most %d days", ErrLeaf, int(MaxApproval.Hours()/24))
	}
	return nil
}

// ContentDigest is what an approval of a leaf binds: the SHA-256, in hex, of the leaf
// without its place in the log. That is its canonical JSON with index 0, time 0, a
// previous of zeros and no padding. ErrLeaf for a body that makes no leaf.
func ContentDigest(b Body) (string, error) {
	text, err := Content(b)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Content is the text that ContentDigest hashes.
func Content(b Body) ([]byte, error) {
	raw, err := Encode(Leaf{Time: time.Unix(0, 0).UTC(), Previous: firstLink, Body: b})
	if err != nil {
		return nil, err
	}
	return unpadded(raw), nil
}

// DecodeContent reads what Content gives. Anything else is ErrLeaf.
func DecodeContent(text []byte) (Body, error) {
	at := bytes.Index(text, []byte(`"pad":""`))
	if at < 0 {
		return nil, fmt.Errorf("%w: no padding", ErrLeaf)
	}
	at += len(`"pad":"`)
	for _, size := range sizes {
		if n := size - len(text); n >= 0 {
			l, err := Decode(slices.Concat(text[:at], bytes.Repeat([]byte{'0'}, n), text[at:]))
			if err == nil && (l.Index != 0 || l.Time.Unix() != 0 || l.Previous != firstLink) {
				err = fmt.Errorf("%w: it has a place in a log", ErrLeaf)
			}
			return l.Body, err
		}
	}
	return nil, fmt.Errorf("%w: too long", ErrLeaf)
}
