package federated

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Text is the card in plain words, for an owner to read before approving: everything
// the digest covers, and what follows from it.
func (c *Card) Text() (string, error) {
	job, err := c.Digest()
	if err != nil {
		return "", err
	}
	plan, params, err := c.trainer()
	if err != nil {
		return "", err
	}
	w := &writer{}
	w.line("JOB CARD %s", c.Job)
	w.line("%s", c.Description)
	w.line("")
	w.item("Digest", "%s", job)
	w.item("Format", "%s", c.Version)
	w.item("Purpose", "%s", c.Purpose)
	w.item("Last day", "%s (UTC)", c.Until)
	c.sourceText(w)
	c.modelText(w, plan.Rounds())
	c.partyText(w)
	if err := c.privacyText(w, plan); err != nil {
		return "", err
	}
	c.costText(w, plan, params)
	if err := c.precisionText(w, plan); err != nil {
		return "", err
	}
	return w.String(), nil
}

type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *writer) item(name, format string, args ...any) {
	fmt.Fprintf(w, "%-15s", name+":")
	w.line(format, args...)
}

// named is a text as it stands, in quotes where it could pass for several or for a
// remark of ours.
func named(s string) string {
	if strings.ContainsAny(s, ",;:=()") || s != strings.TrimSpace(s) {
		return `"` + s + `"`
	}
	return s
}

// list is names with commas.
func list(names []string) string {
	var out []string
	for _, s := range names {
		out = append(out, named(s))
	}
	return strings.Join(out, ", ")
}

func (w *writer) head(s string) { w.line("\n%s", s) }

// Formula is the model as people write it.
func (c *Card) Formula() string {
	terms := []string{"1"}
	for _, f := range c.Model.Features {
		terms = append(terms, named(f.Name))
	}
	link := map[glm.Family]string{glm.Linear: "%s", glm.Logistic: "logit(mean of %s)"}[c.Model.Family]
	if link == "" {
		link = "log(mean of %s)"
	}
	left := fmt.Sprintf(link, named(c.Model.Response.Name))
	if c.Model.Exposure {
		terms = append(terms, "offset(log exposure)")
	}
	return left + " ~ " + strings.Join(terms, " + ")
}

// sourceText says where the rows come from. What a row is and which years are
// charged stand in the template: the node that has it says so besides.
func (c *Card) sourceText(w *writer) {
	w.head("Which rows are used")
	w.line("Each node reads rows of its own people by one feature template. They do not leave it.")
	w.item("Template", "%s", c.Source.Template)
	w.item("Its digest", "%s", c.Source.Digest)
	for _, name := range slices.Sorted(maps.Keys(c.Source.Parameters)) {
		w.item("Parameter", "%s = %s", named(name), named(c.Source.Parameters[name]))
	}
	w.line("Charged are the years of records that these parameters let it read, looking back included, and the lifetime.")
}

func (c *Card) modelText(w *writer, rounds int) {
	m, kind := c.Model, " regression"
	if m.Network != nil {
		kind = " multi-layer perceptron"
	}
	w.head("What is fitted")
	w.item("Model", "%s%s%s", m.Family, kind, map[bool]string{true: ", rows carry weights"}[m.Weights])
	if m.Power != 0 {
		w.item("Power", "%g", m.Power)
	}
	if m.Theta != 0 {
		w.item("Theta", "%g", m.Theta)
	}
	if m.Ridge != 0 {
		w.item("Ridge", "%g", m.Ridge)
	}
	w.item("Formula", "%s%s", c.Formula(), map[bool]string{true: ", through the network"}[m.Network != nil])
	w.item("Response", "%s in %s, from %g to %g; expected mean %g", named(m.Response.Name), named(m.Response.Unit), m.Response.Range[0], m.Response.Range[1], m.StartMean)
	if m.Network == nil {
		w.item("Scale", "the response is divided by %g; numbers are sent in units of 2^-%d", m.Response.Scale, m.Bits)
	} else {
		w.item("Scale", "the response is divided by %g; numbers are sent in units of 2^-17 of a gradient's bound", m.Response.Scale)
	}
	for _, f := range m.Features {
		if f.Range != nil {
			w.item("Feature", "%s in %s, from %g to %g", named(f.Name), named(f.Unit), f.Range[0], f.Range[1])
			continue
		}
		var levels []string
		for _, l := range f.Levels {
			levels = append(levels, l.text())
		}
		w.item("Feature", "%s, code list %s: %s", named(f.Name), named(f.CodeList), strings.Join(levels, ", "))
	}
	w.item("Rounds", "%d, and up to %d spare attempts", rounds, Spares)
	c.capsText(w)
}

// text is a level with what becomes of it.
func (l Level) text() string {
	var notes []string
	if l.Into != "" {
		notes = append(notes, "counted as "+named(l.Into))
	}
	if l.Share != 0 {
		notes = append(notes, fmt.Sprintf("expected share %g", l.Share))
	}
	if notes == nil {
		return named(l.Name)
	}
	return named(l.Name) + " (" + strings.Join(notes, "; ") + ")"
}

// capsText says what one person adds at most. A network uses two of the caps.
func (c *Card) capsText(w *writer) {
	k := c.Model.Caps
	n := c.Model.Network
	if n == nil {
		w.item("Each person", "at most %d rows; weights %g, scores %g; what is beyond is cut off", k.Rows, k.Weight, k.Score)
		w.item("In the fit's", "summary, at most exposure %g, deviance %g, Pearson %g", k.Exposure, k.Deviance, k.Pearson)
		w.item("Each node", "at most what %d people at these bounds add; what is beyond is cut off", c.Expect.PeoplePerNode)
		return
	}
	kind := "tanh"
	if n.Rectified {
		kind = "rectified"
	}
	w.item("Network", "hidden layers of %v, %s, steps of %g, momentum %g, seed %d", n.Hidden, kind, n.Rate, n.Momentum, n.Seed)
	w.item("Each person", "at most %d rows, exposure %g; a gradient no longer than %g; what is beyond is cut off", k.Rows, k.Exposure, n.ClipNorm)
	w.item("Not used", "caps on weights %g, scores %g, deviance %g, Pearson %g", k.Weight, k.Score, k.Deviance, k.Pearson)
}

func (c *Card) partyText(w *writer) {
	w.head("Who takes part (compare the fingerprints by another way than this file)")
	w.item("Coordinator", "%s", named(c.Coordinator.Organisation))
	w.line("    signing key  %s", c.Coordinator.Key.Fingerprint())
	for _, n := range c.Nodes {
		w.item("Node", "%s of %s", named(n.Name), named(n.Organisation))
		w.line("    signing key  %s", n.Key.Fingerprint())
		w.line("    owner's key  %s", n.Owner.Fingerprint())
	}
	w.item("Model goes to", "%s", list(c.Recipients))
	if others := c.unnamed(); others != nil {
		w.line("Every node has the model. So do, though not named there: %s.", list(others))
	} else {
		w.line("Every node has the model.")
	}
	w.line("The roster is fixed. If a node is lost, the job ends.")
	w.line("Every node learns the sum of all nodes in each round, with noise. The coordinator does not.")
	if n := len(c.Nodes); n == 3 {
		w.line("With three nodes you learn the sum of the other two, and they of you and the third.")
	} else {
		w.line("If all but you and one other node work together, they learn the sum of you two.")
	}
	w.line("Norm bounds are attested, not proven: a node that sends rubbish can spoil the model.")
}

// unnamed are the organisations that have the model because of a node of theirs, but
// are not among the recipients.
func (c *Card) unnamed() (out []string) {
	for _, n := range c.Nodes {
		if !slices.Contains(c.Recipients, n.Organisation) && !slices.Contains(out, n.Organisation) {
			out = append(out, n.Organisation)
		}
	}
	return out
}

func (c *Card) privacyText(w *writer, p trainer) error {
	cost, err := p.Cost()
	if err != nil {
		return err
	}
	whole, err := wholeCost(p)
	if err != nil {
		return err
	}
	rho := func(r int64) string { return fmt.Sprintf("%.6g", float64(r)/1e12) }
	stated, err := c.Privacy.Rho.MarshalText()
	if err != nil {
		return err
	}
	w.head("What it costs a person in privacy")
	w.item("Stated", "rho %s for the whole job", stated)
	w.item("Cost", "rho %s, epsilon %.2f at delta 1e-6, charged to each node's ledger round by round", rho(cost.Rho), dp.Epsilon(cost, 1e-6))
	w.item("At most", "rho %s with every spare attempt used", rho(whole.Rho))
	m := c.Privacy.Places
	w.item("Places", "a person may be at %d of the nodes: the cost counts that %d times (m squared)", m, m*m)
	w.item("Colluders", "the noise holds if up to %d node(s) take their own share of it away", c.Privacy.Colluders)
	if who, most := c.Roster().Largest(); most > 1 {
		w.line("    %s alone has %d nodes, and knows the noise of all of them.", named(who), most)
	}
	var all int64
	for r := range p.Rounds() {
		k, err := p.RoundCostAgainst(r, len(c.Nodes)-1)
		if err != nil {
			return err
		}
		all += k.Rho
	}
	w.item("Worst case", "if all others work together against you, rho is %s", rho(all))
	return nil
}

// Cost is what the job costs a person in the rounds of the card, and at most, with every
// spare attempt used.
func (c *Card) Cost() (rounds, most dp.Cost, err error) {
	p, _, err := c.trainer()
	if err != nil {
		return rounds, most, err
	}
	if rounds, err = p.Cost(); err != nil {
		return rounds, most, err
	}
	most, err = wholeCost(p)
	return rounds, most, err
}

// Traffic is how many bytes a node sends in an attempt and how many it fetches, at most
// and without what the transport adds. It follows from the card alone.
func (c *Card) Traffic() (up, down int, err error) {
	p, params, err := c.trainer()
	if err != nil {
		return 0, 0, err
	}
	up, down = c.traffic(p, params)
	return up, down, nil
}

func (c *Card) traffic(p trainer, params *secagg.Params) (up, down int) {
	return secagg.Shape{Params: params, Nodes: len(c.Nodes), Length: p.Cells()}.Traffic(0)
}

// costText states time and bytes.
func (c *Card) costText(w *writer, p trainer, params *secagg.Params) {
	up, down := c.traffic(p, params)
	w.head("What it costs in time and traffic")
	w.item("Traffic", "%.1f MB up and %.1f MB down for each attempt of a node, %d to %d attempts",
		float64(up)/1e6, float64(down)/1e6, p.Rounds(), p.Rounds()+Spares)
	w.item("Time", "a phase is given up after %d s, a share is waited for %d s; each round has 8 phases", c.Deadlines.Phase, c.Deadlines.Share)
	w.item("Answers", "each round a node answers %d ms after it was asked, or a multiple of that if its people take it longer", c.pace(p.Cells()).Milliseconds())
}

// precisionText predicts standard errors from public numbers.
func (c *Card) precisionText(w *writer, t trainer) error {
	e := c.Expect
	w.head(fmt.Sprintf("What precision to expect, with %d people (at most %d at a node)", e.People, e.PeoplePerNode))
	what := "exposure"
	if c.Model.Weights && c.Model.Exposure {
		what = "exposure times weight"
	} else if c.Model.Weights {
		what = "weight"
	}
	w.line("Expected of a person: %s %g. Expected dispersion: %g.", what, e.Exposure, e.Dispersion)
	p, ok := t.(*glm.Plan)
	if !ok {
		if n, ok := t.(*glm.Network); ok {
			w.line("If the gradients of more than %d people at a node agree, their sum is cut off.", n.Agreeing())
		}
		w.line("Nothing can be predicted for a network: try it on people who do not exist first.")
		return nil
	}
	x, err := p.Predict(glm.Expectation{People: c.Expect.People, Exposure: c.Expect.Exposure, Dispersion: c.Expect.Dispersion})
	if err != nil {
		return err
	}
	for _, t := range x.Terms {
		w.line("    %-28s standard error %s (%s without noise)", t.Name, short(t.SE), short(t.Naive))
	}
	for _, name := range x.Rare {
		w.line("%s is rare: its noise will be above its standard error. Merge it.", name)
	}
	if !x.Useful || x.Lost > 0 {
		w.line("THIS FIT WOULD BE USELESS: noise outweighs the data. More people, fewer columns or a higher cost are needed.")
	}
	return nil
}

func short(x float64) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return "unknown"
	}
	return fmt.Sprintf("%.3g", x)
}
