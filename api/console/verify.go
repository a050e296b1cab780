package console

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries"
)

// verifyView is what became of checking a receipt.
type verifyView struct {
	ID, Digest, Command string
	Holds               bool
	Deleted             bool // the release is, and only its receipt was looked at
	Steps               []checkStep
	Said                []checkStep // in no leaf of the receipt: the server's word
	Why                 string
	*queries.Statement
}

// checkStep is one thing that was checked.
type checkStep struct{ What, Detail string }

// verify holds a release and its receipt against the domain's public keys, with the very
// check that anybody runs offline, and says each step.
func (c *console) verify(v *view) error {
	id := v.r.PathValue("id")
	if !requestID.MatchString(id) || c.CheckReceipt == nil {
		return errNotFound
	}
	if _, err := c.Service.Status(v.Who.Principal, id); err != nil && !c.Handed(id, v.Who.Principal) {
		if v.may(policy.ReadReleases) { // it is handed over there first
			http.Redirect(v.w, v.r, "/console/requests/"+id, http.StatusSeeOther)
			return nil
		}
		return err
	}
	release, digest, err := v.proven(id)
	if err != nil {
		return err
	}
	receipt, err := c.Service.Receipt(v.r.Context(), v.Who.Principal, id)
	if err != nil {
		return err
	}
	data := verifyView{ID: id, Digest: digest, Command: c.Command, Deleted: release == nil}
	s, err := c.CheckReceipt(receipt, release)
	switch {
	case errors.Is(err, queries.ErrReceipt):
		data.Why = err.Error()
	case err != nil:
		return err
	default:
		data.Holds, data.Statement, data.Steps, data.Said = true, s, v.steps(s, release != nil), v.said(s)
	}
	return v.show("verify", v.say("verify"), data)
}

// steps says in words what holds, in the order in which it was checked; bytes for a release
// that was there.
func (v *view) steps(s *queries.Statement, bytes bool) []checkStep {
	p := s.Predicate
	out := []checkStep{
		{v.say("check signed"), v.say("check signed detail")},
		{v.say("check checkpoint"), p.Population},
		{v.say("check leaves"), v.say("check leaves detail", v.Count(p.ChargeLeaf), v.Count(p.ReleaseLeaf))},
		{v.say("check same"), p.Template},
	}
	if bytes {
		out = append(out, checkStep{v.say("check bytes"), v.Short(s.Subject[0].Digest["sha256"])})
	}
	return out
}

// said is what a receipt says that only the whole log proves: mode, k and approvals.
func (v *view) said(s *queries.Statement) []checkStep {
	p := s.Predicate
	out := []checkStep{{v.say("said mode"), v.say("mode " + p.Mode)}, {v.say("said k"), cmp.Or(p.K, v.say("said nothing"))}}
	for _, a := range p.Approvals {
		out = append(out, checkStep{v.say("check approved"), v.say("check approved detail", v.say("subject "+a.Subject), a.Who, v.Count(a.Leaf))})
	}
	return out
}

// Formats in words.

// FormatName is what a format is called.
func (w words) FormatName(f api.Format) string { return w.say("format " + string(f)) }
