package queries_test

import (
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// approvedByTwo has a statement say that two people approved each of what needs them.
func approvedByTwo(s *queries.Statement) {
	s.Predicate.Mode, s.Predicate.Approvals = "supervised", nil
	at := int64(0)
	for _, subject := range []string{ledger.SubjectGrant, ledger.SubjectTemplate, ledger.SubjectSnapshot} {
		digest := map[string]string{ledger.SubjectTemplate: s.Predicate.TemplateDigest}[subject]
		for _, who := range []string{"Ada", "Bo"} {
			at++
			s.Predicate.Approvals = append(s.Predicate.Approvals, queries.Approved{Subject: subject, Digest: digest, Who: who, Leaf: at})
		}
	}
}

// What a statement says of its approvals must be able to be true: two people for each thing,
// each in a leaf of its own before the charge, and none where nobody approves.
func TestReceiptRestsOnTwoPeople(t *testing.T) {
	type predicate = queries.Predicate
	without := func(subject, who string) func(p *predicate) {
		return func(p *predicate) {
			p.Approvals = slices.DeleteFunc(p.Approvals, func(a queries.Approved) bool { return a.Subject == subject && (who == "" || a.Who == who) })
		}
	}
	each := func(f func(a *queries.Approved)) func(p *predicate) {
		return func(p *predicate) {
			for i := range p.Approvals {
				f(&p.Approvals[i])
			}
		}
	}
	job := func(people ...string) func(p *predicate) {
		return func(p *predicate) {
			p.Catalogue = ledger.Training
			for i, who := range people {
				p.Approvals = append(p.Approvals, queries.Approved{Subject: ledger.SubjectJob, Digest: "j", Who: who, Leaf: int64(10 + i)})
			}
		}
	}
	for name, tt := range map[string]struct {
		change func(p *predicate)
		rules  int64 // of the charge, below 0 where it is not shown
		holds  bool
	}{
		"by two people each": {func(*predicate) {}, 2, true},
		"by three": {func(p *predicate) {
			p.Approvals = append(p.Approvals, queries.Approved{Subject: "grant", Who: "Cy", Leaf: 12})
		}, 2, true},
		"by nobody":                        {func(p *predicate) { p.Approvals = nil }, 2, false},
		"no policy's":                      {without("grant", ""), 2, false},
		"one person's of the policy":       {without("grant", "Ada"), 2, false},
		"no template's":                    {without("template", ""), 2, false},
		"one person's of the template":     {without("template", "Bo"), 2, false},
		"no snapshot's":                    {without("snapshot", ""), 2, false},
		"one person's of the snapshot":     {without("snapshot", "Bo"), 2, false},
		"one person's twice":               {each(func(a *queries.Approved) { a.Who = "Ada" }), 2, false},
		"by people without a name":         {each(func(a *queries.Approved) { a.Who = "" }), 2, false},
		"all in one leaf":                  {each(func(a *queries.Approved) { a.Leaf = 1 }), 2, false},
		"of another template":              {each(func(a *queries.Approved) { a.Digest = "" }), 2, false},
		"of two policies":                  {func(p *predicate) { p.Approvals[0].Digest = "x" }, 2, false},
		"in the first leaf":                {func(p *predicate) { p.Approvals[0].Leaf = 0 }, 2, false},
		"in the charge's":                  {func(p *predicate) { p.Approvals[0].Leaf = 20 }, 2, false},
		"in an evaluation":                 {func(p *predicate) { p.Mode = "evaluation" }, 2, false},
		"an evaluation":                    {func(p *predicate) { p.Mode, p.Approvals = "evaluation", nil }, 2, true},
		"of another mode":                  {func(p *predicate) { p.Mode = "trusted" }, 2, false},
		"under a policy of after":          {func(p *predicate) { p.PolicyLeaf = 20 }, 2, false},
		"a training, its job's too":        {job("Ada", "Bo"), 2, true},
		"a training, unseen":               {job("Ada", "Bo"), -1, true},
		"a training without":               {job(), 2, false},
		"a training without, unseen":       {job(), -1, false},
		"a training, one person's":         {job("Ada"), 2, false},
		"a training, before rules":         {job(), 0, true},
		"a question of before there were":  {func(*predicate) {}, 0, true},
		"approvals of a question, unseen":  {func(*predicate) {}, -1, true},
		"by nobody, where it is not shown": {func(p *predicate) { p.Approvals = nil }, -1, false},
	} {
		s := &queries.Statement{Predicate: predicate{ChargeLeaf: 20, TemplateDigest: "t", Catalogue: "I2", PolicyLeaf: 3}}
		approvedByTwo(s)
		tt.change(&s.Predicate)
		var charge *ledger.Charge
		if tt.rules >= 0 {
			charge = &ledger.Charge{Rules: tt.rules}
		}
		if err := queries.Rests(s.Predicate, charge); (err == nil) != tt.holds || err != nil && codeOf(err) != queries.ReceiptApprovals {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Both keys may sign a statement of approvals that nobody gave: it is refused.
func TestInventedApprovals(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newReceipts(t)
		for name, change := range map[string]func(s *queries.Statement){
			"supervised by nobody": func(s *queries.Statement) { s.Predicate.Mode = "supervised" },
			"supervised by two of one thing": func(s *queries.Statement) {
				s.Predicate.Mode = "supervised"
				s.Predicate.Approvals = []queries.Approved{{Subject: "template", Digest: s.Predicate.TemplateDigest, Who: "Ada", Leaf: 1}, {Subject: "template", Digest: s.Predicate.TemplateDigest, Who: "Bo", Leaf: 2}}
			},
			"an evaluation, approved": func(s *queries.Statement) {
				s.Predicate.Approvals = []queries.Approved{{Subject: "grant", Digest: "g", Who: "Ada", Leaf: 1}}
			},
		} {
			for _, release := range [][]byte{nil, h.release} {
				c := h.check
				c.Release = release
				if s, err := queries.VerifyReceipt(h.restate(queries.ReceiptType, change), c); codeOf(err) != queries.ReceiptApprovals {
					t.Errorf("%s: %v %+v", name, err, s)
				}
			}
		}
		s, err := queries.VerifyReceipt(h.text, h.check)
		if err != nil {
			t.Fatal(err)
		}
		approvedByTwo(s)
		if err := queries.Says(s.Predicate, h.release); codeOf(err) != queries.ReceiptRelease {
			t.Errorf("supervised, where the release says that it is an evaluation's: %v", err)
		}
		h.close()
	})
}
