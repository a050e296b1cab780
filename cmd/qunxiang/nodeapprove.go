package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// approvalDigits is how many hexadecimal digits of a digest say which job is meant
// before it is approved. They are 80 bits: nobody can make another card that begins so.
// Eight digits, which do for jobs that are approved, anybody finds in minutes.
const approvalDigits = 20

// approving is one run of node approve.
type approving struct {
	dir, job, owner, digest string
	as                      string
	yes, asJSON             bool

	d        *domain
	folder   nodeFolder
	settings *nodeSettings
	key      ed25519.PrivateKey // of the owner
	card     *federated.Card
	hash     secagg.Hash
	whole    dp.Cost
	books    *federated.LedgerBooks
	rows     string // what the rows are here, in plain words
}

func nodeApproveCommand() *cobra.Command {
	a := &approving{}
	c := &cobra.Command{
		Use: "approve", Short: "Read a job's card, check it against this node, and approve it", Args: cobra.NoArgs,
		Long: `Fetch a job's card, show it in plain words, and check what the node will check: that
the node's keys and its owner's are on it, that its source is certified here, that
the data keep its contract, and that the operator's limits, the grant and the budgets
leave room for it with all its spare attempts. Nothing about the data is sent.

Then it asks for the first twenty digits of the digest or more, which you were sent
by another way, signs, and keeps the approval for node serve. --digest gives them
without being asked; --yes takes the digest of --job, all 64 digits, for an answer.

The owner's key may be kept away from the node: --owner-key FILE.

In a supervised domain two people approve the job besides (qunxiang approve), under the
terms on which it sets aside; --as says who asks for it, and is none of them.

Exit codes: 0 approved, 3 refused by a check (nothing was signed), 2 wrong usage,
which is also a digest that does not match.`,
		Example: "  qunxiang node approve --dir D --job 5f1c...e0\n  qunxiang node approve --dir D --job 5f1c...e0 --owner-key /media/card/owner.key --yes",
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(a.run(c.Context(), c.InOrStdin(), c.OutOrStdout()))
		},
	}
	dirFlag(c, &a.dir)
	f := c.Flags()
	f.StringVar(&a.job, "job", "", "digest of the card, or its first twenty digits or more (default: the only job that waits for approval)")
	f.StringVar(&a.owner, "owner-key", "", "file with the owner's key (default: owner.key of the node)")
	f.StringVar(&a.digest, "digest", "", "the digest's first twenty digits or more, as you were sent it")
	f.StringVar(&a.as, "as", "", "the principal who asks for the job here; in a supervised domain it is needed, and who that is cannot approve it there")
	f.BoolVar(&a.yes, "yes", false, "do not ask: --job, or --digest, is the answer")
	f.BoolVar(&a.asJSON, "json", false, "print JSON; it does not ask")
	return c
}

func (a *approving) run(ctx context.Context, in io.Reader, out io.Writer) error {
	var err error
	if a.d, err = openDomain(ctx, a.dir, reading); err != nil {
		return err
	}
	defer a.d.Close()
	if err := a.asked(); err != nil {
		return err
	}
	a.folder = nodeFolderOf(a.dir)
	if a.settings, err = a.folder.settings(); err != nil {
		return err
	}
	if a.key, err = a.folder.ownerKey(a.owner); err != nil {
		return err
	}
	if err := a.fetch(ctx); err != nil {
		return err
	}
	text, err := a.card.Text()
	if err != nil {
		return err
	}
	if !a.asJSON {
		fmt.Fprintln(out, text)
	}
	if err := a.check(ctx); err != nil {
		return jobRefusal(a.card.Job, err)
	}
	if !a.asJSON {
		a.print(out)
	}
	if err := a.confirm(in, out); err != nil {
		return err
	}
	if err := a.sign(); err != nil {
		return err
	}
	if a.asJSON {
		return printJSON(out, map[string]any{"job": a.hash.String(), "name": a.card.Job, "node": a.settings.Name, "approved": true, "most_rho": rhoText(a.whole.Rho), "text": text})
	}
	_, err = fmt.Fprintf(out, "approved: job %s. It runs when all have: qunxiang node serve --dir %s\n", a.hash.String()[:8], a.dir)
	return err
}

// asked wants to know who asks for the job, where others approve it.
func (a *approving) asked() error {
	switch {
	case a.as == "" && a.d.state.Supervised():
		return &exitError{exitUsage, errors.New("--as is needed in a supervised domain: the principal who asks for the job here")}
	case a.as != "" && a.d.policy().Organisation(a.as) == "":
		return &exitError{exitUsage, fmt.Errorf("the policy knows no principal %q", a.as)}
	case a.d.state.Supervised() && a.d.policy().Person(a.as) == "":
		return &exitError{exitUsage, fmt.Errorf("the policy does not say which person %s is", a.as)}
	}
	return nil
}

// fetch gets the card from the coordinator. Its digest is what was asked for, whatever
// the coordinator says.
func (a *approving) fetch(ctx context.Context) error {
	client, err := a.folder.client(a.settings)
	if err != nil {
		return err
	}
	defer client.Close()
	if len(a.job) == 2*len(a.hash) {
		a.hash, err = jobDigest(a.job)
	} else {
		a.hash, err = a.folder.openJob(ctx, client, a.job)
	}
	if err != nil {
		return err
	}
	if a.card, err = client.Card(ctx, a.hash); err != nil {
		return unreachable(err)
	}
	return nil
}

// openJob finds the one job of the coordinator's list that is meant and not approved.
func (n nodeFolder) openJob(ctx context.Context, client *federation.Client, job string) (h secagg.Hash, err error) {
	if job != "" && len(job) < approvalDigits {
		return h, &exitError{exitUsage, fmt.Errorf("--job wants at least %d digits of a job that is not approved here", approvalDigits)}
	}
	jobs, err := findJobs(ctx, client, job)
	if err != nil {
		return h, err
	}
	var found []string
	for _, s := range jobs {
		if _, err := os.Stat(n.path("jobs", s.Job, approvalFile)); err != nil && s.Ended == "" || job != "" {
			found = append(found, s.Job)
		}
	}
	if len(found) != 1 {
		return h, &exitError{exitUsage, fmt.Errorf("%d jobs wait for approval here: give --job", len(found))}
	}
	return jobDigest(found[0])
}

// check is the preflight of this node, with the owner's key besides.
func (a *approving) check(ctx context.Context) error {
	self := a.card.Place(a.settings.Name)
	if self < 0 {
		return fmt.Errorf("%w: no node on the card is called %s", federated.ErrApproval, a.settings.Name)
	}
	me := a.card.Nodes[self]
	switch {
	case me.Organisation != a.settings.Organisation:
		return fmt.Errorf("%w: the card says that %s is of %s, not of %s", federated.ErrApproval, me.Name, me.Organisation, a.settings.Organisation)
	case me.Owner != publicKey(a.key):
		return fmt.Errorf("%w: the owner's key on the card is not yours: %s", federated.ErrApproval, me.Owner.Fingerprint())
	case a.settings.coordinatorKey != nil && a.card.Coordinator.Key != *a.settings.coordinatorKey:
		return fmt.Errorf("%w: the card names another coordinator's key than node.yaml", federated.ErrApproval)
	}
	key, err := a.folder.messageKey()
	if err != nil {
		return err
	}
	if me.Key != publicKey(key) {
		return fmt.Errorf("%w: the signing key on the card is not this node's: %s", federated.ErrApproval, me.Key.Fingerprint())
	}
	o := federated.NodeOptions{Dir: a.folder.path("jobs", a.hash.String()), Card: a.card, Name: a.settings.Name, Key: key, Limits: a.settings.limits}
	pinned, err := pinnedSnapshot(o.Dir) // if it was approved before
	if err != nil {
		return err
	}
	t, err := a.d.trainingOn(ctx, a.card, pinned)
	if err != nil {
		return err
	}
	a.rows = t.text()
	if err := a.d.train(ctx, a.card, &o); err != nil {
		return err
	}
	a.books = books(o)
	a.whole, err = federated.Preflight(ctx, o)
	var field *glm.FieldError
	if errors.As(err, &field) {
		return fmt.Errorf("the data break the contract in %s: %w", field.Field, err)
	}
	return err
}

// print says what the node found.
func (a *approving) print(w io.Writer) {
	fmt.Fprintf(w, "What this node has checked\n")
	fmt.Fprintf(w, "    the card names this node (%s), its key and your key\n", a.settings.Name)
	fmt.Fprintf(w, "    the template of the rows is certified here, and policy.yaml grants it for this purpose\n")
	for line := range strings.Lines(a.rows) {
		fmt.Fprintf(w, "      %s", line)
	}
	fmt.Fprintf(w, "    the data keep the contract (nothing of this is sent before you approve)\n")
	limit := "no limit of its own"
	if a.settings.limits.Rho > 0 {
		limit = "the limit is rho " + rhoText(int64(a.settings.limits.Rho))
	}
	fmt.Fprintf(w, "    with every spare attempt the job costs rho %s; %s in node.yaml\n", rhoShort(a.whole.Rho), limit)
	for _, scope := range a.books.Scopes {
		limit, _ := a.d.state.Cap(scope)
		used := a.d.state.Spent(scope).Rho + a.d.state.Held(scope, time.Now()).Rho
		fmt.Fprintf(w, "    budget %-6s %5.1f %% of the cap for the rounds and spares; %.1f %% is spent or set aside already\n", shortScope(scope)+":",
			part(a.whole.Rho, limit.Rho), part(used, limit.Rho))
	}
	fmt.Fprintln(w)
}

// part is a share in per cent.
func part(x, of int64) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(x) / float64(of)
}

// confirm wants the beginning of the digest, as the owner knows it.
func (a *approving) confirm(in io.Reader, out io.Writer) error {
	said := a.digest
	switch {
	case said != "":
	case a.yes && len(a.job) == 2*len(a.hash):
		said = a.job
	case a.yes || a.asJSON:
		return &exitError{exitUsage, errors.New("without asking it needs --digest, or --yes and all 64 digits in --job")}
	default:
		fmt.Fprintf(out, "Type the first %d digits or more of the digest that you were sent, to approve: ", approvalDigits)
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		said = strings.TrimSpace(line)
	}
	said = strings.ToLower(strings.ReplaceAll(said, " ", ""))
	switch {
	case !strings.HasPrefix(a.hash.String(), said):
		return &exitError{exitUsage, errors.New("not approved: that is not the beginning of the card's digest")}
	case len(said) < approvalDigits:
		return &exitError{exitUsage, fmt.Errorf("not approved: it takes at least the first %d digits of the digest", approvalDigits)}
	}
	return nil
}

// sign makes the approval and keeps it, the card first.
func (a *approving) sign() error {
	approval, err := federated.Approve(a.card, a.settings.Name, a.key)
	if err != nil {
		return err
	}
	text, err := a.card.JSON()
	if err != nil {
		return err
	}
	j := &nodeJob{dir: a.folder.path("jobs", a.hash.String())}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	if err := j.put(cardFile, text); err != nil {
		return err
	}
	if err := j.put(snapshotFile, []byte(a.books.Snapshot)); err != nil {
		return err
	}
	if a.as != "" {
		if err := j.put(askerFile, []byte(a.as)); err != nil {
			return err
		}
	}
	b, err := json.Marshal(approval)
	if err != nil {
		return err
	}
	if err := j.put(approvalFile, b); err != nil {
		return err
	}
	return errors.Join(syncDir(a.folder.path("jobs")), syncDir(string(a.folder)))
}
