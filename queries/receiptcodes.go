package queries

import (
	"errors"
	"fmt"
)

// ErrReceipt marks a receipt that does not hold. It comes as a *ReceiptError.
var ErrReceipt = errors.New("receipt does not hold")

// ReceiptCode names a way in which a receipt fails. Codes are stable: scripts may rely on
// them, and the client for Python gives the same ones.
type ReceiptCode string

// The codes, in the order in which a receipt is checked.
const (
	ReceiptMalformed  ReceiptCode = "receipt-malformed"
	ReceiptKey        ReceiptCode = "receipt-key"
	ReceiptSignature  ReceiptCode = "receipt-signature"
	ReceiptCheckpoint ReceiptCode = "receipt-checkpoint"
	ReceiptProof      ReceiptCode = "receipt-proof"
	ReceiptLeaf       ReceiptCode = "receipt-leaf"
	ReceiptApprovals  ReceiptCode = "receipt-approvals"
	ReceiptRelease    ReceiptCode = "receipt-release"
)

// ReceiptCodeMeaning is a code and what it means.
type ReceiptCodeMeaning struct {
	Code ReceiptCode `json:"code"`
	Text string      `json:"text"`
}

// ReceiptCodes are all codes, as they are explained to people.
func ReceiptCodes() []ReceiptCodeMeaning {
	return []ReceiptCodeMeaning{
		{ReceiptMalformed, "not a receipt in its one spelling, or not with the statement of one"},
		{ReceiptKey, "no receipt key of both kinds was given, or it was retired before the receipt's checkpoint"},
		{ReceiptSignature, "its statement is not signed by both receipt keys"},
		{ReceiptCheckpoint, "its checkpoint is not what the pinned keys of the log and its witnesses vouch for"},
		{ReceiptProof, "a leaf of it is not in the log of its checkpoint"},
		{ReceiptLeaf, "its statement says something else than its leaves, or they are not a CHARGE and the RELEASE after it"},
		{ReceiptApprovals, "it says that it rests on what cannot be: approvals or a policy of later, or supervision without two people's approvals of each"},
		{ReceiptRelease, "the released file is another, or says something else than the statement, or is needed and not given"},
	}
}

// ReceiptError says how a receipt fails. It is ErrReceipt.
type ReceiptError struct {
	Code ReceiptCode
	err  error
}

// Error has the code and what is wrong in words.
func (e *ReceiptError) Error() string {
	return fmt.Sprintf("%v: %s: %v", ErrReceipt, e.Code, e.err)
}

// Unwrap gives ErrReceipt, and what of another package was wrong.
func (e *ReceiptError) Unwrap() []error { return []error{ErrReceipt, e.err} }

func failing(code ReceiptCode, format string, args ...any) error {
	return &ReceiptError{code, fmt.Errorf(format, args...)}
}
