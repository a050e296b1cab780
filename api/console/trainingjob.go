package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries"
)

// jobSeconds is after how long the page of a job that goes on looks again.
const jobSeconds = 5

// jobPage is the page of one job.
type jobPage struct {
	*jobView
	Full                bool // rounds and model are the visitor's too
	Facts, Cost         []fact
	Features            []fact
	Text                string // of the card, in plain words
	Parties             []partyView
	Rounds              []roundView
	Closed, Of          int
	Left, Traffic       string
	Steps               *chart
	Model               *modelView
	Again               int
	Approve, Check, See string // commands
}

// fact is a name and a value in words.
type fact struct{ Name, Value string }

// partyView is a node and how it stands, as the coordinator says.
type partyView struct {
	federated.Member
	Here        bool
	State, Wait string // key of a text, and the node's own words
	Seen        time.Time
}

// roundView is a round: its charge here, and what the transcript proves.
type roundView struct {
	Number   int
	Attempt  int64
	Charge   *chargeView
	Step     string
	From, To string // digests of the models
	Root     string
	State    string // key of a text
}

// trainingJob shows one job.
func (c *console) trainingJob(v *view) error {
	j, err := v.job()
	if err != nil {
		return err
	}
	page := jobPage{jobView: j, Full: j.TrainingJob != nil}
	if page.Shown != nil {
		if page.Text, err = page.Shown.Text(); err != nil {
			return err
		}
		if err := v.cardFacts(&page); err != nil {
			return err
		}
	}
	if page.Full {
		if err := v.describeJob(&page); err != nil {
			return err
		}
	}
	if !j.over() && page.Full {
		v.Wait, page.Again = jobSeconds, jobSeconds
	}
	return v.show("trainingjob", j.Name(), page)
}

// describeJob fills in what the parties of a job may see.
func (v *view) describeJob(p *jobPage) error {
	var err error
	p.Closed, p.Of = p.closed()
	if left := p.left(); left > 0 {
		p.Left = v.say("job left", v.Span(60*max(1, int(left.Minutes()+0.5))))
	}
	if p.Traffic, err = v.trafficSoFar(p.jobView); err != nil {
		return err
	}
	p.Approve = fmt.Sprintf("%s node approve --dir D --job %s", v.c.Command, p.Digest)
	if v.rules.Mode == policy.ModeSupervised {
		p.Approve += " --as PRINCIPAL"
	}
	p.Check = fmt.Sprintf("%s federated verify --dir D --job %s", v.c.Command, p.Digest)
	p.See = fmt.Sprintf("%s federated model --dir D --job %s", v.c.Command, p.Digest[:8])
	p.Parties = parties(p.TrainingJob)
	p.Rounds = v.rounds(p.jobView)
	if p.Proof == nil {
		return nil
	}
	p.Steps = v.stepsChart(p.Proof)
	if p.Proof.Fit != nil {
		p.Model = v.model(p.Proof)
	}
	return nil
}

// cardFacts puts the card into the visitor's language. What decides is the text of the
// card itself, which its digest covers.
func (v *view) cardFacts(p *jobPage) error {
	c := p.Shown
	cost, most, err := c.Cost()
	if err != nil {
		return err
	}
	up, down, err := c.Traffic()
	if err != nil {
		return err
	}
	family := v.say("family " + string(c.Model.Family))
	if c.Model.Network != nil {
		family = v.say("family network", family)
	}
	p.Facts = []fact{
		{v.say("purpose"), v.Purpose(c.Purpose)}, {v.say("card reads"), v.question(c.Source.Template)},
		{v.say("model kind"), family}, {v.say("formula"), c.Formula()}, {v.say("until"), v.Written(c.Until)},
		{v.say("recipients"), strings.Join(c.Recipients, v.say("comma"))},
		{v.say("expected people"), v.say("expected people at", v.Count(c.Expect.People), v.Count(c.Expect.PeoplePerNode))},
		{v.say("coordinator"), c.Coordinator.Organisation + v.say("comma") + c.Coordinator.Key.Fingerprint()},
	}
	for _, name := range slices.Sorted(maps.Keys(c.Source.Parameters)) {
		p.Facts = append(p.Facts, fact{v.Name(name), v.Value(c.Source.Parameters[name])})
	}
	response := c.Model.Response
	p.Features = []fact{{v.say("response", response.Name), v.say("range in", v.Figure(response.Range[0]), v.Figure(response.Range[1]), v.unitWord(response.Unit))}}
	for _, f := range c.Model.Features {
		p.Features = append(p.Features, fact{f.Name, v.featureRange(f)})
	}
	p.Cost = []fact{
		{v.say("cost rho"), v.Figure(cost.RhoFloat())}, {"ε (δ = 1e-6)", v.Figure(dp.Epsilon(cost, 1e-6))},
		{v.say("spares"), v.say("spares of", v.Count(c.Model.Rounds), v.Count(federated.Spares), v.Figure(most.RhoFloat()))},
		{v.say("places"), v.Count(c.Privacy.Places)}, {v.say("colluders"), v.Count(c.Privacy.Colluders)},
		{v.say("traffic"), v.say("traffic of", megabytes(up), megabytes(down))},
		{v.say("deadlines"), v.say("deadlines of", v.Span(c.Deadlines.Phase), v.Span(c.Deadlines.Share))},
	}
	return nil
}

func megabytes(n int) string { return grouped(float64(n)/1e6, 1) }

// unitWord is a unit of a card, in words where there are some.
func (v *view) unitWord(unit string) string {
	if text, ok := v.has("unit " + unit); ok {
		return text
	}
	return unit
}

// featureRange is the range of a number, or the levels of a factor with what is merged.
func (v *view) featureRange(f federated.Feature) string {
	if f.Range != nil {
		return v.say("range in", v.Figure(f.Range[0]), v.Figure(f.Range[1]), v.unitWord(f.Unit))
	}
	var levels []string
	for _, l := range f.Levels {
		name := l.Name
		if l.Into != "" {
			name = v.say("merged into", l.Name, l.Into)
		}
		levels = append(levels, name)
	}
	return strings.Join(levels, v.say("comma")) + " (" + f.CodeList + ")"
}

// trafficSoFar is what a node has sent and fetched at most in the attempts so far, by the
// sizes that follow from the card.
func (v *view) trafficSoFar(j *jobView) (string, error) {
	up, down, err := j.Card.Traffic()
	if err != nil {
		return "", err
	}
	attempts := 0
	if j.State != nil {
		attempts = int(min(j.State.Attempt, 1<<20)) // whatever a coordinator says
	}
	if j.Proof != nil && len(j.Proof.Rounds) > 0 {
		attempts = max(attempts, int(j.Proof.Rounds[len(j.Proof.Rounds)-1].Attempt))
	}
	return v.say("traffic so far", megabytes(up), megabytes(down), v.Count(attempts), megabytes(attempts*up), megabytes(attempts*down)), nil
}

// parties are the nodes of the card with the coordinator's word on each.
func parties(j *TrainingJob) []partyView {
	var out []partyView
	for _, n := range j.Card.Nodes {
		p := partyView{Member: n, Here: n.Name == j.Node, State: "node unknown"}
		if s := j.State; s != nil {
			p.Wait, p.Seen = s.Waits[n.Name], s.Seen[n.Name]
			switch {
			case s.Done:
				p.State = "node done"
			case s.Ended != "":
				p.State = "node over"
			case slices.Contains(s.Unapproved, n.Name):
				p.State = "node unapproved"
			case slices.Contains(s.Unready, n.Name):
				p.State = "node unready"
			case s.Attempt > 0 && slices.Contains(s.Missing, n.Name):
				p.State = "node missing"
			case s.Attempt > 0:
				p.State = "node here"
			default:
				p.State = "node ready"
			}
		}
		out = append(out, p)
	}
	return out
}

// rounds are all rounds of the card: those that are proven, the one being made, and those
// to come.
func (v *view) rounds(j *jobView) []roundView {
	closed, of := j.closed()
	var out []roundView
	for r := range of {
		x := roundView{Number: r + 1, State: "round to come"}
		switch {
		case j.Proof != nil && r < len(j.Proof.Rounds):
			p := j.Proof.Rounds[r]
			x.State, x.Attempt, x.Step = "round proven", int64(p.Attempt), v.Figure(p.Step.Norm)
			x.From, x.To, x.Root = p.Model.String(), p.Next.String(), p.Root.String()
		case r < closed:
			x.State = "round closed"
		case r == closed && j.Stage() == "running":
			x.State, x.Attempt = "round made", int64(j.State.Attempt)
		case j.over():
			x.State = "round none"
		}
		for i := range j.Charges {
			if x.Attempt > 0 && j.Charges[i].Attempt == x.Attempt {
				x.Charge = &j.Charges[i]
			}
		}
		out = append(out, x)
	}
	return out
}

// stepsChart draws how far each round moved the model: steps that shrink are a fit that
// converges. They follow from the decrypted sums, noise included.
func (v *view) stepsChart(p *federated.Verified) *chart {
	s := series{Label: v.say("step length")}
	for i, r := range p.Rounds {
		s.Points = append(s.Points, point{At: v.say("round n", v.Count(i+1)), ReleasedNumber: queries.ReleasedNumber{Value: r.Step.Norm, Low: r.Step.Norm, High: r.Step.Norm, NoInterval: true}})
	}
	if len(s.Points) == 0 {
		return nil
	}
	return v.bars(chart{ID: "steps", Title: v.say("step length")}, "", s)
}
