package federated

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Approval is an owner's signature on a card's digest, for one node. It binds the
// owner to the whole card: model, roster, every key and the privacy cost.
type Approval struct {
	Job       string `json:"job"`       // the card's digest in hex
	Node      string `json:"node"`      // its name on the card
	Signature string `json:"signature"` // Ed25519 by the owner's key, base64
}

// Approve signs a card for a node with its owner's key. ErrApproval if the key is not
// the card's.
func Approve(c *Card, node string, owner crypto.Signer) (Approval, error) {
	job, err := c.Digest()
	if err != nil {
		return Approval{}, err
	}
	a := Approval{Job: job.String(), Node: node}
	if a.Signature, err = signText(owner, approvalTag, a.said()); err != nil {
		return Approval{}, err
	}
	return a, a.Verify(c)
}

const approvalTag = "qx-fl/1 approval"

func (a Approval) said() []string { return []string{a.Job, a.Node} }

// Verify checks the approval against the card alone.
func (a Approval) Verify(c *Card) error {
	job, err := c.Digest()
	if err != nil {
		return err
	}
	i := c.Place(a.Node)
	if i < 0 || a.Job != job.String() || !verifyText(c.Nodes[i].Owner, approvalTag, a.said(), a.Signature) {
		return fmt.Errorf("%w: approval for %.40q", ErrApproval, a.Node)
	}
	return nil
}

// Notice is a node's signed word outside the secure sum: that its data keep the
// contract, which field does not, what it waits for, or that it has stopped for good, and
// why.
type Notice struct {
	Job       string `json:"job"`
	Node      string `json:"node"`
	Kind      string `json:"kind"` // ready, refused, stopped or waiting
	Text      string `json:"text"` // the failing field, or the reason; never anything of the data
	Signature string `json:"signature"`
}

// The kinds of notices.
const (
	NoticeReady   = "ready"
	NoticeRefused = "refused"
	NoticeStopped = "stopped"
	NoticeWaiting = "waiting" // for what an operator may mend; Text is one of the Wait reasons
)

const noticeTag = "qx-fl/1 notice"

func (n Notice) said() []string { return []string{n.Job, n.Node, n.Kind, n.Text} }

func makeNotice(job secagg.Hash, node, kind, text string, key crypto.Signer) (Notice, error) {
	n := Notice{Job: job.String(), Node: node, Kind: kind, Text: text}
	if !plain(text, 200) {
		n.Text = "other"
	}
	var err error
	n.Signature, err = signText(key, noticeTag, n.said())
	return n, err
}

// Verify checks the notice against the card.
func (n Notice) Verify(c *Card) error {
	job, err := c.Digest()
	if err != nil {
		return err
	}
	i := c.Place(n.Node)
	known := slices.Contains(noticeKinds(), n.Kind) && (n.Kind == NoticeWaiting) == slices.Contains(waitReasons(), n.Text)
	if i < 0 || !known || n.Job != job.String() || !plain(n.Text, 200) || !verifyText(c.Nodes[i].Key, noticeTag, n.said(), n.Signature) {
		return fmt.Errorf("%w: notice of %.40q", ErrApproval, n.Node)
	}
	return nil
}

// spoken is what is signed: a tag and the texts, each by its canonical form.
func spoken(tag string, texts []string) ([]byte, error) {
	return canonical(append([]string{tag}, texts...))
}

func signText(key crypto.Signer, tag string, texts []string) (string, error) {
	b, err := spoken(tag, texts)
	if err != nil {
		return "", err
	}
	sig, err := key.Sign(rand.Reader, b, crypto.Hash(0))
	return base64.StdEncoding.EncodeToString(sig), err
}

func verifyText(key Key, tag string, texts []string, signature string) bool {
	b, err := spoken(tag, texts)
	if err != nil {
		return false
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(signature)
	return err == nil && ed25519.Verify(key.Public(), b, sig)
}
