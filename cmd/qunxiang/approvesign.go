package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// digestDigits is how many hexadecimal digits of a digest say what is meant: 80 bits, so
// that nobody can make another thing that begins so.
const digestDigits = 20

// signing is one run of approve sign or approve revoke.
type signing struct {
	where
	person, keyFile string
	policy, list    string
	days            int
	yes, revoke     bool
	unproven        bool
	key             ed25519.PrivateKey
}

func approveSignCommand(revoke bool) *cobra.Command {
	s := &signing{revoke: revoke}
	c := &cobra.Command{
		Use: "sign WHAT...", Short: "Approve things, after reading what they are", Args: cobra.MinimumNArgs(1),
		Long: `Approve the things that WHAT names: a kind (grant, template, snapshot, resume, key,
delete, audit, job, optouts: all of that kind), a template's id@version, or the first twenty digits of a
digest. By its kind the policy that waits is meant (grant), and where none waits the one
in force. Each is shown first, but with --yes, and its digest is computed here from what
is shown; of a template, from the copy in this program, which is shown whole; of a
training job, from its card, which is shown in plain words; of a look
at noise (audit), from the tiles of the published log, whose checkpoint must be signed
as --policy says where that is given. A policy is shown whole and then by what it
changes; its place in the log must be proven, and where no checkpoint covers it yet
that is said before you are asked, and refused with --yes. What you ask for yourself,
or gain by, you cannot approve.`,
		Example: "  qunxiang approve sign grant --person Ada --approver-key ada.key --domain D --as steward-a\n" +
			"  qunxiang approve sign template --person Ada --approver-key ada.key --server https://domain.example --token ... --yes",
		RunE: func(c *cobra.Command, args []string) error {
			return withCode(s.run(c.Context(), c.InOrStdin(), c.OutOrStdout(), args))
		},
	}
	if revoke {
		c.Use, c.Short = "revoke WHAT...", "Take approvals back: what rests on them stops at once"
		c.Long = "Take your approvals of the things that WHAT names back, as in approve sign; grant is\nthe policy in force and the one that waits. Charges\nthat need them are refused from then on, until two people approve again."
		c.Example = "  qunxiang approve revoke claim-severity@1.0.0 --person Ada --approver-key ada.key --domain D --as steward-a"
	}
	s.flags(c)
	f := c.Flags()
	f.StringVar(&s.person, "person", "", "whose approval it is, as the policy names them")
	f.StringVar(&s.keyFile, "approver-key", "", "file with that person's key, of approve keygen")
	f.StringVar(&s.policy, "policy", "", "file with the pinned keys of the log: its checkpoint, by which a policy in force and a look at noise are known, must be signed by one")
	f.StringVar(&s.list, "list", "", "file with the identifiers of a list of opt-outs, one a line, which you have from the requests themselves")
	f.IntVar(&s.days, "days", 365, "how long it holds, at most 366 days")
	f.BoolVar(&s.yes, "yes", false, "do not ask")
	if !revoke {
		f.BoolVar(&s.unproven, "unproven", false, "with --yes, sign a policy too whose place in the log no checkpoint proves yet, as where the witnesses are away")
	}
	for _, name := range []string{"person", "approver-key"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func (s *signing) run(ctx context.Context, in io.Reader, out io.Writer, what []string) error {
	seed, err := ownerOnly(s.keyFile)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if len(seed) != ed25519.SeedSize || s.days < 1 || s.days > 366 {
		return &exitError{exitUsage, errors.New("an approver's key has 32 bytes, and an approval holds for 1 to 366 days")}
	}
	s.key = ed25519.NewKeyFromSeed(seed)
	a, err := s.approvals(ctx, writing)
	if err != nil {
		return err
	}
	defer a.Close()
	list, err := a.Proposals(ctx)
	if err != nil {
		return err
	}
	chosen, err := choose(list.Proposals, what, s.revoke)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if err := s.barred(chosen); err != nil {
		return err
	}
	for _, p := range chosen {
		if err := s.one(ctx, in, out, a, list, p); err != nil {
			return fmt.Errorf("%s %s: %w", p.Subject, p.Name, err)
		}
	}
	return nil
}

// choose finds the things that are meant; each WHAT must name one at least. The policy in
// force is not meant by its kind where another waits to be signed.
func choose(list []api.Proposal, what []string, revoke bool) (chosen []api.Proposal, err error) {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return nil, err
	}
	waits := slices.ContainsFunc(list, func(p api.Proposal) bool { return p.Replaces != "" })
	for _, w := range what {
		before := len(chosen)
		if t, err := eitherTemplate(catalog, w); err == nil {
			w = t.Ref() // of I3, or of an id without its version
		}
		for _, p := range list {
			kind := p.Subject == w && (revoke || !waits || p.Subject != ledger.SubjectGrant || p.Replaces != "")
			if kind || p.Name == w || len(w) >= digestDigits && strings.HasPrefix(p.Digest, w) {
				chosen = append(chosen, p)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("there is no %s to approve; see qunxiang approve list", w)
		}
	}
	return chosen, nil
}

// eitherTemplate finds a question or a feature template.
func eitherTemplate(catalog *queries.Catalog, ref string) (*queries.Template, error) {
	if t, err := catalog.FindFeatures(ref); err == nil {
		return t, nil
	}
	return catalog.Find(ref)
}

func (s *signing) one(ctx context.Context, in io.Reader, out io.Writer, a approvals, list api.ProposalList, p api.Proposal) error {
	population := list.Population
	err := checkProposal(p)
	if err == nil && p.Subject == ledger.SubjectOptOuts {
		err = checkOptOuts(population, s.list, s.revoke, p)
	}
	if err == nil && p.Subject == ledger.SubjectAudit {
		err = s.checkLook(a.Published(ctx), population, p)
	}
	var place inPlace
	if err == nil {
		place, err = s.placeOf(a.Published(ctx), list, p)
	}
	if err != nil {
		return &exitError{exitInvalid, err}
	}
	if place.unproven && s.yes && !s.unproven {
		return &exitError{exitRefused, fmt.Errorf("%s; nothing was signed: read it without --yes, or give --unproven too", place.how)}
	}
	verb := "approve"
	if s.revoke {
		verb = "take back your approval of"
	}
	if !s.yes {
		if err := present(out, p, list, place); err != nil {
			return &exitError{exitInvalid, err}
		}
		if place.unproven {
			fmt.Fprintln(out, place.how)
		}
	}
	if err := confirmed(in, out, s.yes, "Do you, "+s.person+", "+verb+" this?"); err != nil {
		return err
	}
	leaf, err := s.submit(ctx, a, population, p)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("leaf %d", leaf)
	if leaf < 0 {
		where = "kept beside the list"
	}
	_, err = fmt.Fprintf(out, "%s %s: %s by %s, %s\n", p.Subject, printable(p.Name), map[bool]string{false: "approved", true: "taken back"}[s.revoke], s.person, where)
	return err
}

// placeOf is placeOf for what is to be signed.
func (s *signing) placeOf(log fs.FS, list api.ProposalList, p api.Proposal) (inPlace, error) {
	switch {
	case !s.revoke:
		return placeOf(log, list, p, s.policy)
	case s.yes:
		return inPlace{}, nil
	}
	return believed(list, p)
}

// submit signs a statement and sends it. Statements of one person on one thing are told
// apart by the second: one of the same second as another is made again.
func (s *signing) submit(ctx context.Context, a approvals, population string, p api.Proposal) (leaf int64, err error) {
	for try := range 2 {
		if try > 0 {
			time.Sleep(1100 * time.Millisecond)
		}
		made := time.Now().UTC().Truncate(time.Second)
		statement := ledger.Approve{
			Subject: p.Subject, Digest: p.Digest, Name: p.Name, Approver: s.person, Revoked: s.revoke,
			Made: made, Expires: made.AddDate(0, 0, s.days),
		}
		statement.Sign(population, s.key)
		if leaf, err = a.Approve(ctx, statement); err == nil || !strings.Contains(err.Error(), "said something later") && !strings.Contains(err.Error(), "said this before") {
			break
		}
	}
	return leaf, err
}

// leafOf are the leaves that approvals are of, by the kinds of what is shown.
var leafOf = map[string]ledger.Type{
	ledger.SubjectGrant: ledger.TypeGrant, ledger.SubjectSnapshot: ledger.TypeSnapshot, ledger.SubjectResume: ledger.TypeResume,
	ledger.SubjectDelete: ledger.TypeDelete, ledger.SubjectAudit: ledger.TypeAudit, ledger.SubjectKey: ledger.TypeKey,
}

// checkProposal computes the digest from what is shown: whoever shows a thing may not
// have another one signed.
func checkProposal(p api.Proposal) error {
	differs := errors.New("the digest is not that of what is shown; nothing was signed")
	if p.Subject == ledger.SubjectTemplate {
		catalog, err := queries.LoadCatalog(templates.FS)
		if err != nil {
			return err
		}
		t, err := eitherTemplate(catalog, p.Name)
		if err != nil || t.Digest() != p.Digest || len(p.By) > 0 {
			return errors.New("it is not the template that this program holds; nothing was signed")
		}
		return nil
	}
	switch p.Subject { // these are no leaves
	case ledger.SubjectOptOuts:
		text := string(p.Leaf)
		if digestOf(p.Leaf) != p.Digest || optOutWords(text) != p.Name || optOutMember(text, "by") != strings.Join(p.By, ",") {
			return differs
		}
		return nil
	case ledger.SubjectJob:
		return checkJob(p)
	}
	body, err := ledger.DecodeContent(p.Leaf)
	if err != nil {
		return fmt.Errorf("%w (%w)", differs, err)
	}
	look, isLook := body.(*ledger.Audit)
	switch {
	case body.Type() != leafOf[p.Subject]:
		return differs
	case isLook && look.Root != p.Digest, !isLook && digestOf(p.Leaf) != p.Digest:
		return differs
	}
	var shown api.Proposal
	switch b := body.(type) {
	case *ledger.Grant:
		rules, err := policy.Parse("policy.yaml", []byte(p.Detail))
		if err != nil {
			return err
		}
		g := queries.GrantLeaf(rules)
		g.Replaces = b.Replaces // which leaf it takes the place of, the text does not say; the log holds it to that
		if digest, err := ledger.ContentDigest(&g); err != nil || digest != p.Digest {
			return differs
		}
		shown.Name, shown.By = policyName(rules.Digest()), []string{rules.Supervision.Author}
	case *ledger.Snapshot:
		shown.Name, shown.By = keptProposal{Snapshot: b}.words()
	case *ledger.Resume:
		shown.Name, shown.By = keptProposal{Resume: b}.words()
	case *ledger.Delete:
		shown.Name, shown.By = keptProposal{Delete: b}.words()
	case *ledger.Audit: // the root itself is for checkLook
		shown.Name, shown.By = keptProposal{Audit: b}.words()
	case *ledger.Key:
		shown.Name, shown.By = keptProposal{Key: b}.words()
	}
	if shown.Name == "" || shown.Name != p.Name || strings.Join(shown.By, ",") != strings.Join(p.By, ",") {
		return differs
	}
	return nil
}
