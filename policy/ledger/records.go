package ledger

import (
	"fmt"
	"slices"
)

// Key changes the key that signs checkpoints or receipts, from the leaf after it on.
type Key struct {
	Use       string // "log" or "receipt"
	Algorithm string // "ed25519" or "sm2"
	Public    string // the new key, in the form in which verifiers pin it
	Lost      bool   // the key before was lost and signs nothing more, not even this change
	By        string // the principal who changes it
}

// What a key signs, and by which algorithm.
const (
	useLog, useReceipt   = "log", "receipt"
	ed25519Name, sm2Name = "ed25519", "sm2"
)

// Type gives KEY.
func (k *Key) Type() Type { return TypeKey }

func (k *Key) members(f *form, l *Leaf) {
	f.text("algorithm", &k.Algorithm)
	f.text("by", &k.By)
	f.count("index", &l.Index)
	f.flag("lost", &k.Lost)
	f.pad()
	f.previous(l)
	f.text("public", &k.Public)
	f.text("signs", &k.Use)
	f.end(l)
}

func (k *Key) check() error {
	if !slices.Contains([]string{useLog, useReceipt}, k.Use) || !slices.Contains([]string{ed25519Name, sm2Name}, k.Algorithm) {
		return fmt.Errorf("%w: a key of no known use", ErrLeaf)
	}
	return checkTexts("public", k.Public, "by", k.By)
}

// Delete says that a released file, or a snapshot's data, was removed from the disk.
// The log itself never is.
type Delete struct {
	Leaf int64  // the RELEASE or SNAPSHOT leaf of what is removed
	By   string // the principal who deletes it
}

// Type gives DELETE.
func (d *Delete) Type() Type { return TypeDelete }

func (d *Delete) members(f *form, l *Leaf) {
	f.text("by", &d.By)
	f.count("index", &l.Index)
	f.count("leaf", &d.Leaf)
	f.pad()
	f.previous(l)
	f.end(l)
}

func (d *Delete) check() error {
	if err := checkCount("leaf", d.Leaf); err != nil {
		return err
	}
	return checkTexts("by", d.By)
}

// Audit says that the released answers were held against the data, whether their noise
// is what was claimed, and whether it was.
type Audit struct {
	Leaves int64  // the log's first leaves, whose releases were looked at
	Root   string // of the tree of those leaves, SHA-256 in hex
	Passed bool
	By     string // the principal who ran it
}

// Type gives AUDIT.
func (a *Audit) Type() Type { return TypeAudit }

func (a *Audit) members(f *form, l *Leaf) {
	f.text("by", &a.By)
	f.count("index", &l.Index)
	f.count("leaves", &a.Leaves)
	f.pad()
	f.flag("passed", &a.Passed)
	f.previous(l)
	f.text("root", &a.Root)
	f.end(l)
}

func (a *Audit) check() error {
	if err := checkCount("leaves", a.Leaves); err != nil {
		return err
	}
	if a.Leaves == 0 {
		return fmt.Errorf("%w: a look at nothing", ErrLeaf)
	}
	if err := checkDigest("root", a.Root); err != nil {
		return err
	}
	return checkTexts("by", a.By)
}
