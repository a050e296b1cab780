package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// training is what a job card comes to in this domain: everything but the rows
// follows from the card, the catalogue and the policy, without touching data.
type training struct {
	template  *queries.Template
	question  *queries.FeatureQuestion
	fitted    *queries.Fitted
	snapshot  string
	scopes    []string // population/life and the years that the parameters let it read
	principal string
	grant     string
	now       func() time.Time
	// rows reads the rows from the snapshot as the opt-out epoch in force sees them, in
	// the card's order of features.
	rows func(context.Context) ([]glm.Row, error)
}

// trainingRows finds the card's feature template among the certified ones, asks the
// policy, and makes the template fit the card. The rows are read when they are
// asked for. An error wraps federated.ErrRefused, federated.ErrCard or
// federated.ErrAbsent.
func (d *domain) trainingRows(ctx context.Context, card *federated.Card) (*training, error) {
	return d.trainingOn(ctx, card, "")
}

// trainingOn is trainingRows on a snapshot, "" for the newest.
func (d *domain) trainingOn(_ context.Context, card *federated.Card, snapshot string) (*training, error) {
	template, err := d.certifiedFeatures(card.Source)
	if err != nil {
		return nil, err
	}
	t := &training{template: template, now: time.Now}
	if t.principal, t.grant, err = d.mayTrain(template, card.Purpose); err != nil {
		return nil, err
	}
	if len(d.state.Snapshots()) == 0 {
		return nil, fmt.Errorf("%w: %w", federated.ErrAbsent, queries.ErrNoSnapshot)
	}
	if t.snapshot = snapshot; t.snapshot == "" {
		m, err := d.newest()
		if err != nil {
			return nil, err
		}
		t.snapshot = m.ID
	}
	source, err := d.publicSource(t.snapshot)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", federated.ErrAbsent, err)
	}
	if t.question, err = d.catalog.CompileFeatures(template, card.Source.Parameters, source); err != nil {
		return nil, fmt.Errorf("%w: source: %w", federated.ErrCard, err)
	}
	if err := inForce(card, t.question); err != nil {
		return nil, err
	}
	if t.fitted, err = t.question.Fit(contractOf(card)); err != nil {
		return nil, fmt.Errorf("%w: %w", federated.ErrCard, err)
	}
	if t.fitted.Job.Salt, err = d.rowSalt(card); err != nil {
		return nil, err
	}
	t.scopes = []string{d.policy().Population + "/life"}
	for _, year := range t.question.Years {
		t.scopes = append(t.scopes, fmt.Sprintf("%s/%d", d.policy().Population, year))
	}
	t.rows = func(ctx context.Context) ([]glm.Row, error) { return d.readRows(ctx, t) }
	return t, nil
}

// inForce wants a card to name every parameter that decides its rows, as the template
// takes it: an owner reads the card, and not the template's defaults.
func inForce(card *federated.Card, q *queries.FeatureQuestion) error {
	for _, name := range slices.Sorted(maps.Keys(q.Parameters)) {
		if given, ok := card.Source.Parameters[name]; !ok || given != q.Parameters[name] {
			return fmt.Errorf("%w: source: the card must say what is in force: %s: %q", federated.ErrCard, name, q.Parameters[name])
		}
	}
	return nil
}

// rowSalt keys which rows stay of a person with too many: a secret of this domain, which
// has nothing to do with the data and is the same in all rounds of a job.
func (d *domain) rowSalt(card *federated.Card) ([]byte, error) {
	job, err := card.Digest()
	h := hmac.New(sha256.New, d.keys.request)
	h.Write([]byte("qunxiang rows of a person\x00"))
	h.Write(job[:])
	return h.Sum(nil), err
}

// certifiedFeatures finds exactly the pair of files that the card names.
func (d *domain) certifiedFeatures(s federated.Source) (*queries.Template, error) {
	t, err := d.catalog.FindFeatures(s.Template)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: source: %w", federated.ErrCard, err)
	case t.Digest() != s.Digest:
		return nil, fmt.Errorf("%w: source: this node's %s has the digest %s, the card names %s", federated.ErrCard, t.Ref(), t.Digest(), s.Digest)
	}
	return t, nil
}

// mayTrain asks the policy for one of the domain's own nodes.
func (d *domain) mayTrain(t *queries.Template, purpose string) (principal, grant string, err error) {
	nodes := d.policy().Nodes()
	if len(nodes) == 0 {
		return "", "", fmt.Errorf("%w: policy.yaml has no principal with the role %s", federated.ErrRefused, policy.Node)
	}
	for _, who := range nodes {
		var decision policy.Decision
		decision, err = d.policy().Decide(policy.Ask{
			Principal: who, Purpose: purpose, At: time.Now(),
			Template: policy.TemplateRef{ID: t.ID, Version: t.Version, Digest: t.Digest(), Certified: d.catalog.Certified(t), Audiences: t.Audiences, Purposes: t.Purposes},
		})
		if err == nil {
			return who, decision.Grant.ID, nil
		}
	}
	return "", "", fmt.Errorf("%w: %w", federated.ErrRefused, err)
}

// publicSource is the snapshot's source with the range that the policy declares.
func (d *domain) publicSource(id string) (queries.Source, error) {
	s, err := d.source(id)
	s.From, s.To = d.policy().PublicFrom, d.policy().PublicTo
	return s, err
}

// contractOf is what the card says of its rows.
func contractOf(card *federated.Card) queries.Contract {
	m := card.Model
	c := queries.Contract{
		Response: queries.ContractField{Name: m.Response.Name, Unit: m.Response.Unit, Lo: m.Response.Range[0], Hi: m.Response.Range[1]},
		Weights:  m.Weights, Rows: m.Caps.Rows,
	}
	if m.Exposure {
		c.Exposure = m.Caps.Exposure
	}
	for _, f := range m.Features {
		x := queries.ContractField{Name: f.Name, Unit: f.Unit, CodeList: f.CodeList}
		if f.Range != nil {
			x.Lo, x.Hi = f.Range[0], f.Range[1]
		}
		for _, l := range f.Levels {
			x.Levels = append(x.Levels, l.Name)
		}
		c.Features = append(c.Features, x)
	}
	return c
}

// readRows reads the snapshot as the job sees it, with an engine of its own: the one
// that answers questions is never asked for rows.
func (d *domain) readRows(ctx context.Context, t *training) (rows []glm.Row, err error) {
	job := t.fitted.Job
	job.Epoch = t.epoch()
	if err := d.resolveOptOutsIn(ctx, t.snapshot); err != nil {
		return nil, err
	}
	engine, err := duckdb.Open(duckdb.Options{Domain: d.dir, TempDir: d.path("tmp"), OptOuts: d.optOuts})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	var reader queries.PersonRows = engine
	err = reader.People(ctx, job, func(list []queries.PersonRow) error {
		for _, r := range list {
			rows = append(rows, t.row(r))
		}
		return nil
	})
	return rows, err
}

// epoch is the opt-out epoch in force: a job goes on for days, and opt-outs act on it.
func (t *training) epoch() int64 { return dataset.Epoch(t.now()) }

// resolveOptOutsIn is resolveOptOuts for a snapshot that need not be the newest.
func (d *domain) resolveOptOutsIn(ctx context.Context, snapshot string) error {
	if d.nobodyOptedOut() {
		return nil
	}
	db, err := duckdb.OpenSnapshot(ctx, duckdb.SnapshotOptions{Path: dataset.DataPath(d.dir, snapshot)})
	if err != nil {
		return err
	}
	return errors.Join(dataset.ResolveOptOuts(ctx, d.dir, db), db.Close())
}

// row is one row in the card's order.
func (t *training) row(r queries.PersonRow) glm.Row {
	out := glm.Row{Person: r.Person(), Response: r.Value(t.fitted.Response), Values: make([]glm.Value, len(t.fitted.Features))}
	if t.fitted.Exposure >= 0 {
		out.Exposure = r.Value(t.fitted.Exposure)
	}
	if t.fitted.Weight >= 0 {
		out.Weight = r.Value(t.fitted.Weight)
	}
	for i, at := range t.fitted.Features {
		if levels := t.question.Columns[at].Levels; len(levels) > 0 {
			out.Values[i].Level = levels[int(r.Value(at))]
		} else {
			out.Values[i].Number = r.Value(at)
		}
	}
	return out
}

// text says in plain words what a row is, and which years are charged: the card
// alone cannot, for it names the template only.
func (t *training) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "One row is %s.\n", t.template.Features.Row.EN)
	fmt.Fprintf(&b, "A person has at most %d of them here; of more, some are left out.\n", t.fitted.Job.Rows)
	years := make([]string, len(t.question.Years))
	for i, y := range t.question.Years {
		years[i] = fmt.Sprint(y)
	}
	fmt.Fprintf(&b, "Charged are the years %s, and the lifetime.\n", strings.Join(years, ", "))
	return b.String()
}

// train fills in what a node takes from this domain: its books and its rows. A job
// that was approved keeps to the snapshot that it was approved on: rounds of one job on
// different people would be no fit, and a difference of sums besides.
func (d *domain) train(ctx context.Context, card *federated.Card, o *federated.NodeOptions) error {
	pinned, err := pinnedSnapshot(o.Dir)
	if err != nil {
		return err
	}
	t, err := d.trainingOn(ctx, card, pinned)
	if err != nil {
		return err
	}
	asker, err := askerOf(o.Dir)
	if err != nil {
		return err
	}
	l := d.ledger
	if l == nil {
		l = &ledger.Ledger{State: d.state}
	} else {
		t.now = l.Now // a clock that is put back brings no older epoch back
	}
	o.Books = &federated.LedgerBooks{
		Ledger: l, Key: d.logKey(), Principal: t.principal, By: asker, Organisation: d.policy().Organisation(t.principal), Grant: t.grant,
		Snapshot: t.snapshot, Scopes: slices.Clone(t.scopes), Slot: d.policy().Slot(),
	}
	o.Rows, o.Epoch = t.rows, t.epoch
	return nil
}
