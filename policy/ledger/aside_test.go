package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Lists of opt-outs take two other people's word, which the log never has.
func TestApprovedAside(t *testing.T) {
	w, g := overseen(t)
	list := strings.Repeat("0f", 32)
	at := w.c.now()
	word := func(person string, change ...func(*ledger.Approve)) ledger.Approve {
		return says(person, ledger.SubjectOptOuts, list, at, change...)
	}
	later := func(a *ledger.Approve) { a.Made = a.Made.Add(time.Second) }
	expired := func(a *ledger.Approve) { a.Made, a.Expires = at.Add(-2*time.Hour), at.Add(-time.Hour) }
	elsewhere := word("bo")
	elsewhere.Digest = strings.Repeat("1e", 32)
	elsewhere.Sign(population, keyOf("bo"))
	unsigned := word("bo")
	unsigned.Signature = word("ada").Signature
	for name, tt := range map[string]struct {
		said []ledger.Approve
		by   string
		ok   bool
	}{
		"nobody":                     {nil, "steward-s", false},
		"one":                        {[]ledger.Approve{word("ada")}, "steward-s", false},
		"one twice":                  {[]ledger.Approve{word("ada"), word("ada", later)}, "steward-s", false},
		"two":                        {[]ledger.Approve{word("ada"), word("bo")}, "steward-s", true},
		"one of them put it forward": {[]ledger.Approve{word("ada"), word("bo")}, "steward-a2", false},
		"and a third":                {[]ledger.Approve{word("ada"), word("bo"), word("cy")}, "steward-a2", true},
		"one took it back":           {[]ledger.Approve{word("ada"), word("bo"), word("ada", revoked, later)}, "steward-s", false},
		"in any order":               {[]ledger.Approve{word("ada", revoked, later), word("bo"), word("ada")}, "steward-s", false},
		"one has expired":            {[]ledger.Approve{word("ada"), word("bo", expired)}, "steward-s", false},
		"one of another list":        {[]ledger.Approve{word("ada"), elsewhere}, "steward-s", false},
		"one is not signed":          {[]ledger.Approve{word("ada"), unsigned}, "steward-s", false},
		"one is no approver":         {[]ledger.Approve{word("ada"), word("ina")}, "steward-s", false},
		"on something else":          {[]ledger.Approve{word("ada"), says("bo", ledger.SubjectTemplate, list, at)}, "steward-s", false},
		"by nobody known":            {[]ledger.Approve{word("ada"), word("bo")}, "steward-x", false},
	} {
		err := w.ApprovedAside(list, tt.said, at, tt.by)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			want(t, err, ledger.ErrApproval)
		}
	}
	must(t, w.CheckAside(word("ada"), nil, at))
	for name, a := range map[string]ledger.Approve{
		"not signed": unsigned, "expired": word("bo", expired), "no approver": word("ina"), "of the log": says("bo", ledger.SubjectTemplate, list, at),
		"from tomorrow": word("bo", func(a *ledger.Approve) { a.Made, a.Expires = at.Add(24*time.Hour), at.Add(48*time.Hour) }),
	} {
		if err := w.CheckAside(a, nil, at); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	want(t, w.CheckAside(word("ada"), []ledger.Approve{word("ada", later)}, at), ledger.ErrApproval) // played again
	fast := word("ada", func(a *ledger.Approve) { a.Made = a.Made.Add(5 * time.Minute) })
	back := word("ada", revoked)
	must(t, w.CheckAside(back, []ledger.Approve{fast}, at)) // by another clock
	want(t, w.CheckAside(back, []ledger.Approve{fast, back}, at), ledger.ErrApproval)
	want(t, w.ApprovedAside(list, []ledger.Approve{fast, word("bo"), back}, at, "steward-s"), ledger.ErrApproval)
	must(t, w.ApprovedAside(list, []ledger.Approve{fast, word("bo")}, at, "steward-s"))
	if _, err := w.Approve(ctx, word("ada")); err == nil {
		t.Error("the log takes a word on opt-outs")
	}
	size := w.Size()
	_ = w.ApprovedAside(list, []ledger.Approve{word("ada"), word("bo")}, at, g.By)
	if w.Size() != size {
		t.Error("the log has grown")
	}
}
