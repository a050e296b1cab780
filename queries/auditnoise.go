package queries

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// NoiseReport is what an audit of the noise says. All of it follows from the log
// and the released files but Pass, which is one bit about all of them together.
type NoiseReport struct {
	Pass       bool    `json:"pass"`
	FalseAlarm float64 `json:"false_alarm"` // an honest log fails with at most this
	Releases   int     `json:"releases"`    // tested
	Numbers    int     `json:"numbers"`     // released numbers that were led back to a draw
	// TooFew says that the numbers are fewer than NoiseNeeds: that nothing was found in them
	// then says next to nothing.
	TooFew bool `json:"too_few"`
	Unlike int  `json:"unlike"` // files that cannot be what their charge was for, as they stand; any is a fail

	// What was not tested.
	Trainings   int `json:"trainings"`    // sums of training jobs, of which no domain knows the exact ones
	NoSnapshot  int `json:"no_snapshot"`  // of a snapshot that is gone
	Deleted     int `json:"deleted"`      // released files that were deleted, as the log says
	NoTemplate  int `json:"no_template"`  // of a template version or code list that is gone
	OldBounding int `json:"old_bounding"` // from before the choice of groups and rows could be had again
	Abandoned   int `json:"abandoned"`    // charged and never released
}

// NoiseNeeds is how many numbers an audit must test before that it passes says something:
// with so many it sees half of the noise left out.
const NoiseNeeds = 350

// ErrAudit means that an audit of the noise could not be made whole. It says no
// more: why may be data.
var ErrAudit = errors.New("the audit could not be made: nothing is said of the noise")

// AuditNoise computes the exact answer to every release among the log's first
// leaves, as far as a checkpoint covers them, again, and tests what was released against the noise the log claims: see
// [dp.NoiseAudit], which keeps what it finds to itself. Nothing is charged or
// written. progress, if not nil, hears how many of all releases are done.
func (r *Runner) AuditNoise(ctx context.Context, leaves int64, falseAlarm float64, progress func(done, all int)) (*NoiseReport, error) {
	if r.Engine == nil || r.Store == nil {
		return nil, errors.New("queries: an audit of the noise needs the engine and the released files")
	}
	audit, err := dp.NewNoiseAudit(falseAlarm)
	if err != nil {
		return nil, err
	}
	report := &NoiseReport{FalseAlarm: falseAlarm}
	all := slices.DeleteFunc(r.State.Requests(), func(rec ledger.Request) bool { return rec.Index >= leaves })
	for i, rec := range all {
		if progress != nil {
			progress(i, len(all))
		}
		switch {
		case rec.Abandoned:
			report.Abandoned++
		case !r.State.Published(rec), rec.Release >= leaves:
		default:
			if err := r.auditRelease(ctx, audit, rec, report); err != nil {
				return nil, err
			}
		}
	}
	pass, err := audit.Verdict()
	if err != nil {
		return nil, err
	}
	report.Pass, report.TooFew = pass && report.Unlike == 0, report.Numbers < NoiseNeeds
	return report, nil
}

// auditRelease adds one release, or counts why it cannot.
func (r *Runner) auditRelease(ctx context.Context, audit *dp.NoiseAudit, rec ledger.Request, report *NoiseReport) error {
	if rec.Catalogue == ledger.Training {
		report.Trainings++
		return nil
	}
	t, err := r.Catalog.Find(rec.Template)
	if err != nil || t.Digest() != rec.TemplateDigest {
		report.NoTemplate++
		return nil
	}
	if rec.Deleted {
		report.Deleted++
		return nil
	}
	body, err := r.Store.Get(rec.Digest)
	if err != nil {
		return fmt.Errorf("%w: a released file is missing; audit verify says which", ErrAudit)
	}
	var rel Release
	if digestOf(body) != rec.Digest || json.Unmarshal(body, &rel) != nil {
		report.Unlike++
		return nil
	}
	if rel.Bounding != BoundByRequest {
		report.OldBounding++
		return nil
	}
	src, err := r.Source(rec.Snapshot)
	if err != nil || !slices.ContainsFunc(r.State.Registered(), func(s ledger.Snapshot) bool { return s.Snapshot == rec.Snapshot }) {
		report.NoSnapshot++
		return nil
	}
	q, err := r.Catalog.Compile(t, rel.Coarse, rel.Parameters, src)
	if err == nil && !q.sameLists(rel.CodeLists) {
		report.NoTemplate++
		return nil
	}
	var claim *dp.NoiseClaim
	if err == nil {
		claim, err = r.claim(q, &rel, rec)
	}
	if err != nil {
		report.Unlike++
		return nil
	}
	totals, err := r.recompute(ctx, q.Job)
	if err != nil {
		return err
	}
	n, err := audit.Add(totals, claim, rel.table(q.Job.Spec), round)
	switch {
	case errors.Is(err, dp.ErrClaim):
		report.Unlike++
		return nil
	case err != nil:
		return ErrAudit
	}
	report.Releases, report.Numbers = report.Releases+1, report.Numbers+n
	return nil
}

// claim makes the question the one that was charged, and reads what the log says
// of its noise. The canonical key binds template, parameters, lists, snapshot and k.
func (r *Runner) claim(q *Question, rel *Release, rec ledger.Request) (*dp.NoiseClaim, error) {
	q.Job.Spec.K = rel.Privacy.K
	claim, err := dp.ClaimNoise(q.Job.Spec, rec.Sigmas, rec.Cost)
	if err != nil {
		return nil, err
	}
	q.Job.Spec, q.Job.Epoch, q.Job.Salt = claim.Spec(), rec.Epoch, saltOf(r.Secret, rec.ID)
	if rel.ID != rec.ID || q.canonicalKey(r.Secret) != rec.Key {
		return nil, fmt.Errorf("%w: another question than was charged", dp.ErrClaim)
	}
	return claim, nil
}

// recompute runs a question again; whatever goes wrong says nothing.
func (r *Runner) recompute(ctx context.Context, j Job) (totals *dp.Totals, err error) {
	defer func() {
		if recover() != nil { // whatever it says may quote data
			totals, err = nil, ErrAudit
		}
	}()
	if totals, err = r.Engine.Run(ctx, j); err != nil {
		return nil, errors.Join(ErrAudit, ctx.Err())
	}
	return totals, nil
}

// sameLists says whether the code lists are still those of a release.
func (q *Question) sameLists(digests map[string]string) bool {
	used := map[string]string{}
	for _, l := range q.Codes {
		used[l.ID] = l.Digest()
	}
	return maps.Equal(used, digests)
}

// table reads the groups of a release back, values only.
func (r *Release) table(s dp.Spec) *dp.Table {
	out := &dp.Table{}
	for _, g := range r.Groups {
		group := dp.Group{Suppressed: g.Suppressed}
		for _, k := range s.Keys {
			group.Keys = append(group.Keys, g.Keys[k.Name])
		}
		for name, v := range g.Measures {
			m := dp.Measured{Name: name, Marginals: v.Marginals.table()}
			if v.Number != nil {
				m.Value = v.Number.Value
			}
			for _, p := range v.Values {
				m.Values = append(m.Values, dp.Point{At: p.At, Value: p.Value})
			}
			group.Measures = append(group.Measures, m)
		}
		out.Groups = append(out.Groups, group)
	}
	return out
}

func (r *ReleasedMarginals) table() *dp.Marginals {
	if r == nil {
		return nil
	}
	out := &dp.Marginals{}
	of := func(e ReleasedPairError) dp.PairError {
		return dp.PairError{A: e.A, B: e.B, Value: e.Independence.Value}
	}
	for _, p := range r.Pairs {
		pair := dp.PairTable{PairError: of(p.ReleasedPairError)}
		for _, c := range p.Cells {
			pair.Cells = append(pair.Cells, dp.PairCell{A: c.A, B: c.B, Value: c.Value})
		}
		out.Pairs = append(out.Pairs, pair)
	}
	for _, e := range r.Left {
		out.Left = append(out.Left, of(e))
	}
	return out
}
