package federated

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// VerifyOptions say what the verifier knows by other ways than the folder.
type VerifyOptions struct {
	// Job is the digest of the card that was approved; nil takes the folder's card for
	// it, and then only its approvals speak for it.
	Job *secagg.Hash
	// LedgerKey checks the checkpoints that the node's charges are proven under; "" takes
	// the folder's word for the key.
	LedgerKey string
	// Earlier are the keys that ledger had before LedgerKey: the charges of one job are
	// all proven by one of them. Default none.
	Earlier []string
	// Book reads the attempts of a job that are charged in the node's own ledger, with
	// the digests of their records, where that ledger is at hand; nil compares with none.
	Book func(job secagg.Hash) (map[uint64]string, error)

	unprotected func(trainer) trainer // tests only
}

// The codes of a VerifyError.
const (
	VerifyCard       = "card"       // the card, or not the one expected
	VerifyApproval   = "approval"   // an approval is missing or forged
	VerifyTranscript = "transcript" // a transcript does not prove its sum
	VerifyModel      = "model"      // a model does not follow from the sums
	VerifyCharge     = "charge"     // a share without its charge, or a ledger that went back
	VerifyMissing    = "missing"    // a file of the lineage is not there
	VerifyUncharged  = "uncharged"  // a node's ledger lacks the charge of an attempt that it shared
	VerifyUnseen     = "unseen"     // a node's ledger has a charge where its HELLOs, which the others saw, leave no room for it
)

// VerifyError says what does not hold. It is an ErrVerify.
type VerifyError struct {
	Code    string
	Attempt uint64 // 0 if it is about none
	Err     error
}

// Error says what and why.
func (e *VerifyError) Error() string {
	if e.Attempt > 0 {
		return fmt.Sprintf("%v: %s of attempt %d: %v", ErrVerify, e.Code, e.Attempt, e.Err)
	}
	return fmt.Sprintf("%v: %s: %v", ErrVerify, e.Code, e.Err)
}

// Unwrap gives ErrVerify and the cause.
func (e *VerifyError) Unwrap() []error { return []error{ErrVerify, e.Err} }

// Verified is what a job's folder proves.
type Verified struct {
	Job       secagg.Hash
	Card      *Card
	Rounds    []VerifiedRound
	Burnt     []uint64 // attempts that the node charged and that gave no sum
	Rho       int64    // charged by the node in all, in units of 1e-12
	LedgerKey string   // that the charges are proven under
	Done      bool     // every round is here
	State     glm.Coefficients
	Fit       *glm.Fit // of a finished regression
}

// VerifiedRound is a round's end.
type VerifiedRound struct {
	Attempt uint64
	Root    secagg.Hash    // all nodes signed this transcript
	Model   secagg.Hash    // that the round started from
	Next    secagg.Hash    // that followed
	Ledgers []secagg.Mark  // as all nodes showed them
	Step    glm.StepReport // from the model that the round started from to the next
}

// Verify checks a node's job folder offline, from the card's public keys alone: all
// approvals, each round's transcript, that what was decrypted is the sum on disk, that
// every model follows from the sums and has all nodes' signatures, that the node
// charged each share once under a checkpoint of its ledger, burnt attempts included,
// where that ledger grew between the marks in its HELLOs, and that no node's ledger went
// back or lacks the charge of a share that it sent. An unfinished job verifies as far as
// it went. It shares no code with the coordinator; formats, statements and the arithmetic
// from sums to model are the nodes' own. Errors are a *VerifyError.
func Verify(dir string, o VerifyOptions) (*Verified, error) {
	v := &verification{dir: dir, o: o, out: &Verified{}}
	for _, step := range []func() error{v.card, v.approvals, v.rounds, v.charges, v.ledgers, v.model} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return v.out, nil
}

type verification struct {
	dir    string
	o      VerifyOptions
	out    *Verified
	plan   trainer
	work   trainer
	params *secagg.Params
	beta   glm.Coefficients
	closed map[uint64]int // attempt to round
	proofs map[uint64]ChargeProof
	burnt  map[uint64]secagg.Report // up to the barrier
	basis  *Basis                   // of all charges
	self   int                      // whose folder it is
}

func wrong(code string, attempt uint64, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if errors.Is(err, os.ErrNotExist) {
		code = VerifyMissing
	}
	return &VerifyError{Code: code, Attempt: attempt, Err: err}
}

func (v *verification) read(parts ...string) ([]byte, error) {
	return os.ReadFile(filepath.Join(append([]string{v.dir}, parts...)...))
}

func (v *verification) card() error {
	b, err := v.read("card.json")
	if err != nil {
		return wrong(VerifyCard, 0, "%w", err)
	}
	c, err := ReadCard(b)
	if err != nil {
		return wrong(VerifyCard, 0, "%w", err)
	}
	if v.out.Job, err = c.Digest(); err != nil {
		return wrong(VerifyCard, 0, "%w", err)
	}
	if v.o.Job != nil && *v.o.Job != v.out.Job {
		return wrong(VerifyCard, 0, "the folder is of job %s", v.out.Job)
	}
	name, err := v.read("node")
	if err != nil {
		return wrong(VerifyCard, 0, "%w", err)
	}
	if v.self = c.Place(string(name)); v.self < 0 {
		return wrong(VerifyCard, 0, "the folder is of %q, who is not on the card", name)
	}
	if v.plan, v.params, err = c.trainer(); err != nil {
		return wrong(VerifyCard, 0, "%w", err)
	}
	v.work = v.plan
	if v.o.unprotected != nil {
		v.work = v.o.unprotected(v.plan)
	}
	v.out.Card, v.closed, v.proofs, v.burnt = c, map[uint64]int{}, map[uint64]ChargeProof{}, map[uint64]secagg.Report{}
	return nil
}

func (v *verification) approvals() error {
	for i, n := range v.out.Card.Nodes {
		b, err := v.read(fmt.Sprintf("approval-%d.json", i))
		if err != nil {
			return wrong(VerifyApproval, 0, "%s: %w", n.Name, err)
		}
		var a Approval
		err = strictly(b, &a)
		if err == nil {
			err = a.Verify(v.out.Card)
		}
		if err != nil || a.Node != n.Name {
			return wrong(VerifyApproval, 0, "%s: %w", n.Name, errors.Join(err, ErrApproval))
		}
	}
	return nil
}

// rounds follows the model from round to round.
func (v *verification) rounds() error {
	v.beta = v.work.Start()
	for r := range v.plan.Rounds() {
		b, err := v.read(fmt.Sprintf("round-%d", r))
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil || len(b) != 8 {
			return wrong(VerifyMissing, 0, "round %d is not named: %w", r, errors.Join(err, ErrWire))
		}
		if err := v.round(r, binary.BigEndian.Uint64(b)); err != nil {
			return err
		}
	}
	if _, err := v.read("model.json"); err == nil && len(v.out.Rounds) < v.plan.Rounds() {
		return wrong(VerifyMissing, 0, "there is a model after %d of %d rounds", len(v.out.Rounds), v.plan.Rounds())
	}
	return nil
}

func (v *verification) round(r int, attempt uint64) error {
	t := transcript{v, filepath.Join(v.dir, "attempt-"+strconv.FormatUint(attempt, 10))}
	rep, err := secagg.Verify(v.params, v.out.Card.Roster(), v.out.Job, t)
	if err != nil {
		return wrong(VerifyTranscript, attempt, "%w", err)
	}
	if rep.Open.Attempt != attempt || int(rep.Open.Round) != r || int(rep.Open.Length) != v.plan.Cells() {
		return wrong(VerifyTranscript, attempt, "it is attempt %d of round %d", rep.Open.Attempt, rep.Open.Round)
	}
	if n := len(v.out.Rounds); n > 0 && v.out.Rounds[n-1].Attempt >= attempt {
		return wrong(VerifyTranscript, attempt, "it is not after the round before")
	}
	if rep.Open.Model != v.beta.Hash() {
		return wrong(VerifyModel, attempt, "it started from another model than the round before made")
	}
	stored, err := v.read("attempt-"+strconv.FormatUint(attempt, 10), "sum")
	if err != nil {
		return wrong(VerifyTranscript, attempt, "%w", err)
	}
	var sum []byte
	for _, x := range rep.Sum {
		sum = binary.LittleEndian.AppendUint64(sum, uint64(x))
	}
	if !bytes.Equal(sum, stored) {
		return wrong(VerifyTranscript, attempt, "the sum on disk is not the one decrypted")
	}
	step, err := v.step(r, rep.Sum)
	if err != nil {
		return wrong(VerifyModel, attempt, "%w", err)
	}
	if rep.Next != v.beta.Hash() {
		return wrong(VerifyModel, attempt, "the nodes signed another model than the sum gives")
	}
	v.closed[attempt] = r
	v.out.Rounds = append(v.out.Rounds, VerifiedRound{attempt, rep.Root, rep.Open.Model, rep.Next, rep.Ledgers, step})
	return nil
}

func (v *verification) step(r int, sum []int64) (step glm.StepReport, err error) {
	v.beta, v.out.Fit, step, err = advance(v.work, r, v.beta, sum)
	v.out.Done = err == nil && r == v.work.Rounds()-1
	return step, err
}

// model compares the stored model with the one that the sums give, attempts included.
func (v *verification) model() error {
	v.out.State = v.beta
	b, err := v.read("model.json")
	if errors.Is(err, os.ErrNotExist) && !v.out.Done {
		return nil
	}
	if err != nil {
		return wrong(VerifyModel, 0, "%w", err)
	}
	// Byte for byte: a reader of another member, or of the first of two that differ in
	// case, must not read what was not proven.
	m := model{Job: v.out.Job.String(), Names: names(v.plan), Coefficients: v.beta, Fit: v.out.Fit}
	for _, r := range v.out.Rounds {
		m.Attempts = append(m.Attempts, r.Attempt)
	}
	want, err := m.bytes()
	if err != nil {
		return wrong(VerifyModel, 0, "%w", err)
	}
	if !bytes.Equal(b, want) {
		return wrong(VerifyModel, 0, "the stored model is not the one that the sums give")
	}
	return nil
}
