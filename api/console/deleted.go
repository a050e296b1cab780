package console

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// deletedView is an answer whose file is deleted: what the log keeps of it.
type deletedView struct {
	pastRequest
	Alone     bool // the receipt is checked without the file
	CanVerify bool
}

// gone says whether the answer to a request, which is the visitor's or was handed to them,
// is deleted.
func (v *view) gone(id string) (ledger.Trace, bool) {
	t, ok := v.c.Trace(id)
	return t, ok && t.Request.Deleted
}

// showDeleted says when an answer was deleted and what still proves it.
func (v *view) showDeleted(t ledger.Trace) error {
	data := deletedView{pastRequest: v.pastOf(t.Request), Alone: v.knows(t.Request)}
	data.ID, data.CanVerify = t.ID, data.Alone && v.c.CheckReceipt != nil
	if data.Deleted == nil {
		return errNotFound
	}
	if t.By == v.Who.Principal {
		data.Time, data.Purpose = t.Time, t.Purpose
	}
	return v.show("deleted", v.In(data.Title), data)
}

// knows says whether the visitor's receipts show the CHARGE leaf: without it a receipt is
// checked beside the released file only.
func (v *view) knows(r ledger.Request) bool {
	return v.Who.Organisation == r.Organisation || v.may(policy.ReadReleases)
}

// proven is the release that a receipt is held against, and its digest; nil for one that is
// deleted, of which the receipt alone speaks.
func (v *view) proven(id string) (release []byte, digest string, err error) {
	if t, ok := v.gone(id); ok {
		if !v.knows(t.Request) {
			return nil, "", errNotFound
		}
		return nil, t.Request.Digest, nil
	}
	if release, err = v.c.Service.Answer(v.Who.Principal, id); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(release)
	return release, hex.EncodeToString(sum[:]), nil
}
