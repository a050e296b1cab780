package certify

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/proof"
	"github.com/qunxiang/qunxiang/queries"
)

// auditRhos are the costs at which the noise is tried: the first that leaves no
// single draw above rho 0.5. The dearer, the more a few thousand draws can show.
var auditRhos = []float64{1, 0.7, 0.5, 0.3, 0.1}

func (o Options) auditPlan(q *queries.Question) (p *dp.Plan, err error) {
	for _, rho := range auditRhos {
		if p, err = dp.Price(q.Job.Spec, dp.Want{Rho: rho}, dp.DeltaRule{Cap: o.Cap}); !errors.Is(err, dp.ErrTooPrecise) {
			return p, err
		}
	}
	return p, err
}

// variant tries one variant of a template with its example.
func (c *Certificate) variant(ctx context.Context, t *queries.Template, coarse bool, o Options) error {
	q, err := o.Catalog.Compile(t, coarse, t.Example, o.Population.Source)
	if err != nil {
		c.add("example", "the example is refused: %v", err)
		return nil
	}
	q.Job.Spec.K = k
	v := Variant{
		Units:  units(q),
		Coarse: coarse, Parameters: q.Parameters, Groups: q.Groups, L0: q.Job.Spec.L0, Years: q.Years, People: o.Population.People,
	}
	if v.Cost, err = o.cost(q); err != nil {
		c.add("bounds", "it cannot be priced: %v", err)
		return nil
	}
	if v.Dearest, err = o.dearest(t, coarse); err != nil {
		c.add("bounds", "a choice of bounds cannot be priced: %v", err)
		return nil
	}
	if err := o.useful(q); err != nil {
		c.add("bounds", "not even a million people get its reference values to 20 %% for a tenth of a year's cap: %v", err)
	}
	if v.Accuracy, err = o.accuracy(q); err != nil {
		return err
	}
	plan, err := o.auditPlan(q)
	if err != nil {
		c.add("bounds", "it cannot be priced: %v", err)
		return nil
	}
	tr := &trial{Options: o, q: q, plan: plan, v: &v}
	for _, step := range []func(context.Context) error{tr.alone, tr.apart, tr.draws} {
		err := step(ctx)
		switch {
		case errors.Is(err, proof.ErrBound):
			c.add("neighbours", "%v", err)
		case errors.Is(err, proof.ErrApart):
			c.add("locality", "%v", err)
		case errors.Is(err, proof.ErrCost):
			c.add("cost", "%v", err)
		case errors.Is(err, errEmpty):
			c.add("example", "nobody of the population is in the answer: nothing was tried")
			return nil
		case err != nil:
			return err
		}
	}
	c.Variants = append(c.Variants, v)
	return nil
}

func units(q *queries.Question) map[string]string {
	out := map[string]string{"people": "people"}
	for _, m := range q.Job.Spec.Measures {
		out[m.Name] = m.Unit
		switch m.Kind {
		case dp.KindQuantiles:
			out[m.Name] = "of the rank"
		case dp.KindSurvival:
			out[m.Name] = "of the share"
		}
	}
	return out
}

// errEmpty means that the example meets nobody.
var errEmpty = errors.New("certify: nobody is in the answer")

// trial is one variant under examination.
type trial struct {
	Options
	q     *queries.Question
	plan  *dp.Plan
	v     *Variant
	worst int // the person who moves most
	cells int // the cells that this person moves
}

// run answers the question of some of the people, with bounds as they are or off.
func (t *trial) run(ctx context.Context, spec dp.Spec, people []int) (*dp.Totals, error) {
	job := t.q.Job
	job.Spec, job.Epoch = spec, t.Population.Only(people)
	return t.Engine.Run(ctx, job)
}

// alone tries every person alone: each keeps to the bounds and the cost.
func (t *trial) alone(ctx context.Context) error {
	t.worst = -1
	for p := range t.Population.People {
		totals, err := t.run(ctx, t.q.Job.Spec, []int{p})
		if err != nil {
			return err
		}
		moves, err := proof.Bounded(totals, t.plan)
		if err != nil {
			return err
		}
		if moves.Cells == 0 {
			continue
		}
		t.v.Touched++
		if share := moves.Rho / t.plan.Cost().RhoFloat(); share > t.v.Worst || t.worst < 0 {
			t.v.Worst, t.worst, t.cells = share, p, moves.Cells
		}
	}
	if t.worst < 0 {
		return errEmpty
	}
	return nil
}

// apart tries random partitions of the people, nobody at all among the parts.
func (t *trial) apart(ctx context.Context) error {
	spec := proof.Unbound(t.q.Job.Spec)
	all := make([]int, t.Population.People)
	for i := range all {
		all[i] = i
	}
	r := rand.New(rand.NewPCG(uint64(len(all)), 7)) // any partition will do
	for range 3 {
		parts := make([][]int, 5) // the last stays empty
		for _, p := range all {
			i := r.IntN(4)
			parts[i] = append(parts[i], p)
		}
		whole, err := t.run(ctx, spec, all)
		if err != nil {
			return err
		}
		var totals []*dp.Totals
		for _, people := range parts {
			part, err := t.run(ctx, spec, people)
			if err != nil {
				return err
			}
			totals = append(totals, part)
		}
		if err := proof.Apart(whole, totals...); err != nil {
			return err
		}
	}
	return nil
}

// draws tries the noise on the person who moves most.
func (t *trial) draws(ctx context.Context) error {
	var others []int
	for p := range t.Population.People {
		if p != t.worst {
			others = append(others, p)
		}
	}
	everyone, err := t.run(ctx, t.q.Job.Spec, others)
	if err != nil {
		return err
	}
	person, err := t.run(ctx, t.q.Job.Spec, []int{t.worst})
	if err != nil {
		return err
	}
	n := t.Draws
	if t.cells > t.MaxCells {
		n = max(n/10, n*t.MaxCells/t.cells)
	}
	t.v.Audit, err = proof.Draw(everyone, person, t.plan, n)
	return err
}
