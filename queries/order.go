package queries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/qunxiang/qunxiang/dp"
)

// Order is everything that a question is compiled and priced from, and so all
// that another process of the same build needs to run it: names, parameters and
// public facts, never SQL and never data.
type Order struct {
	Template   string            `json:"template"` // id@version
	Files      string            `json:"template_digest"`
	Coarse     bool              `json:"coarse"`
	Parameters map[string]string `json:"parameters"` // canonical text of every parameter
	Source     Source            `json:"source"`
	K          int               `json:"k"`
	NoisyK     bool              `json:"noisy_k"` // of the policy; private keys ignore it
	Want       dp.Want           `json:"want"`
	Cap        dp.Cost           `json:"cap"` // of the tightest scope
	Epoch      int64             `json:"epoch"`
	Salt       [16]byte          `json:"salt"` // of the run, see Job
	// Seal is a digest over the job and the plan that all this comes to.
	Seal string `json:"seal"`

	question *Question
	plan     *dp.Plan
}

// Job is what an engine runs. It is that of an order that went through
// [Catalog.Follow].
func (o *Order) Job() Job { return o.question.Job }

// Plan is what the answer is released with.
func (o *Order) Plan() *dp.Plan { return o.plan }

// Follow compiles and prices an order from this catalogue. Without a Seal it is
// given one; with a Seal it must come to exactly that job and plan: else it is
// ErrOrder, and nothing may be run for it. Other errors are those of a request
// that cannot be understood.
func (c *Catalog) Follow(o *Order) error {
	t, err := c.Find(o.Template)
	if err != nil {
		return err
	}
	if o.Seal != "" && o.Files != t.Digest() {
		return fmt.Errorf("%w: its template is not this build's", ErrOrder)
	}
	if err := c.compileOrder(t, o); err != nil {
		return err
	}
	if err := o.price(); err != nil {
		return err
	}
	return o.seal()
}

// compileOrder fills in the question.
func (c *Catalog) compileOrder(t *Template, o *Order) error {
	q, err := c.Compile(t, o.Coarse, o.Parameters, o.Source)
	if err != nil {
		return err
	}
	q.Job.Epoch, q.Job.Salt = o.Epoch, o.Salt
	q.Job.Spec.K, q.Job.Spec.NoisyK = o.K, o.NoisyK && q.Groups > 0
	o.question, o.Template, o.Files, o.Parameters = q, t.Ref(), t.Digest(), q.Parameters
	return nil
}

// price fills in the plan.
func (o *Order) price() (err error) {
	q := o.question
	o.plan, err = dp.Price(q.Job.Spec, q.wanted(o.Want), dp.DeltaRule{Cap: o.Cap})
	return err
}

// seal digests what will be run and what it will be released with.
func (o *Order) seal() error {
	args := map[string][2]any{}
	for name, v := range o.question.Job.Args {
		args[name] = [2]any{fmt.Sprintf("%T", v), v}
	}
	job := o.question.Job
	job.Args = nil
	body, err := json.Marshal(struct {
		Template, Files string
		Job             Job
		Args            map[string][2]any // with their types
		Sigmas          map[string]float64
		Cost            dp.Cost
		Tau, Threshold  int64
	}{o.Template, o.Files, job, args, o.plan.Sigmas(), o.plan.Cost(), o.plan.Tau(), o.plan.Threshold()})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOrder, err)
	}
	sum := sha256.Sum256(body)
	seal := hex.EncodeToString(sum[:])
	if o.Seal == "" {
		o.Seal = seal
	}
	if o.Seal != seal {
		return fmt.Errorf("%w: it comes to another job here", ErrOrder)
	}
	return nil
}

// at is the order as it is charged: in the epoch of its charge, with the run's salt.
func (o *Order) at(epoch int64, salt [16]byte) error {
	o.Epoch, o.question.Job.Epoch, o.Seal = epoch, epoch, ""
	o.Salt, o.question.Job.Salt = salt, salt
	return o.seal()
}

// Answerer turns orders into noisy tables, inside the domain. Nothing un-noised
// leaves it.
type Answerer interface {
	// Answer runs an order once and releases it once: no order is answered
	// twice. The text of an error may depend on data and is for nobody.
	Answer(ctx context.Context, o *Order) (*dp.Table, error)
	// Check says what is wrong with an order's SQL without touching data. It is
	// asked before the charge, and clients may see what it says.
	Check(ctx context.Context, o *Order) error
}

// InProcess answers in this very process, by an engine and [dp.Release].
func InProcess(e Engine) Answerer { return inProcess{e} }

type inProcess struct{ engine Engine }

func (p inProcess) Answer(ctx context.Context, o *Order) (*dp.Table, error) {
	totals, err := p.engine.Run(ctx, o.Job())
	if err != nil {
		return nil, err
	}
	return dp.Release(totals, o.Plan())
}

func (p inProcess) Check(ctx context.Context, o *Order) error { return p.engine.Check(ctx, o.Job()) }
