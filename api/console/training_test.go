package console

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// keyOf is a public key made from a name.
func keyOf(name string) string {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	b, err := federated.KeyOf(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)).MarshalText()
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// card is a job of four parties.
func card(t testing.TB, job string) *federated.Card {
	t.Helper()
	text := fmt.Sprintf(`version: qunxiang-card/1
job: %s
purpose: commercial-health-insurance
description: How often insured people are admitted to hospital, for pricing
source:
  template: claim-frequency-features@1.0.0
  digest: "%s"
  parameters: {window: 2025-01-01..2025-12-31, med_type: inpatient}
model:
  family: poisson
  start_mean: 0.15
  rounds: 4
  exposure: true
  caps: {rows: 1}
  response: {name: visits, unit: visits, range: [0, 366]}
  features:
    - {name: age, unit: years, range: [0, 90]}
    - {name: sex, code_list: schema/sex@1, levels: [{name: female}, {name: male}, {name: unknown, into: male}]}
    - {name: diabetes, code_list: diabetes@1, levels: [{name: "no"}, {name: "yes", share: 0.12}]}
privacy: {rho: 0.4, places: 1}
expect: {people: 60000, people_per_node: 15000}
until: 2026-03-01
deadlines: {phase: 30, share: 600, pace_ms: 250}
recipients: [Health Fund, North Mutual]
coordinator: {organisation: Health Fund, key: %q}
nodes:
`, job, strings.Repeat("d", 64), keyOf("coordinator"))
	for _, name := range []string{"fund", "north", "south", "pharma"} {
		text += fmt.Sprintf("  - {name: %s, organisation: Party %s, key: %q, owner: %q}\n", name, name, keyOf(name), keyOf("owner "+name))
	}
	c, err := federated.ParseCard("card.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// proves is what a folder proves after so many rounds.
func proves(c *federated.Card, rounds int) *federated.Verified {
	v := &federated.Verified{Card: c, Rho: 4e11}
	for i := range rounds {
		v.Rounds = append(v.Rounds, federated.VerifiedRound{Attempt: uint64(i + 1), Root: secagg.Hash{1, byte(i)}, Model: secagg.Hash{2, byte(i)}, Next: secagg.Hash{2, byte(i + 1)}, Step: glm.StepReport{Norm: 1.2 / math.Pow(6, float64(i))}})
	}
	if rounds < c.Model.Rounds {
		return v
	}
	v.Done, v.Fit = true, &glm.Fit{Rows: 59812.4, Exposure: 58001.2, Deviance: 31234.5, Pearson: 60111, Dispersion: 1, LastStep: v.Rounds[rounds-1].Step, Converged: true}
	for i, name := range []string{"(intercept)", "age", "sex=male", "diabetes=yes"} {
		b, se := []float64{-1.9, 0.012, -0.08, 0.55}[i], []float64{0.01, 0.0004, 0.03, 0.2}[i]
		x := glm.Term{Name: name, Estimate: b, SE: se, Naive: se / 2, Lo: b - 1.96*se, Hi: b + 1.96*se, NoiseShare: 0.2 * float64(i), Unreliable: i == 3, PerUnit: b, PerUnitSE: se}
		x.Relativity, x.RelativityLo, x.RelativityHi = math.Exp(b), math.Exp(x.Lo), math.Exp(x.Hi)
		v.Fit.Terms = append(v.Fit.Terms, x)
	}
	return v
}

// node is what a domain's node knows: a finished job, one that runs, one that waits for
// its owner, one that stopped, and one that is another organisation's.
type node struct {
	mu   sync.Mutex
	jobs []TrainingJob
}

// finish closes the last rounds of a job.
func (n *node) finish(j *TrainingJob) {
	n.mu.Lock()
	defer n.mu.Unlock()
	state := *j.State
	state.Done, state.Round = true, 4
	j.State, j.Proof = &state, proves(j.Card, 4)
}

func newNode(t testing.TB) *node {
	n := &node{}
	add := func(name string, change func(*TrainingJob)) {
		j := TrainingJob{Card: card(t, name), Organisation: "domain", Node: "north", Approved: true}
		digest, err := j.Card.Digest()
		if err != nil {
			t.Fatal(err)
		}
		j.Digest = digest.String()
		j.State = &federation.JobStatus{Job: j.Digest, Name: name, Rounds: 4, Approved: 4, Ready: 4, Attempt: 3, Round: 2, Phase: "CT", Burnt: 1}
		change(&j)
		n.jobs = append(n.jobs, j)
	}
	add("finished", func(j *TrainingJob) {
		j.State.Done, j.Proof, j.Report = true, proves(j.Card, 4), []byte(`{"name":"finished"}`)
	})
	add("going-on", func(j *TrainingJob) {
		j.Proof, j.State.Missing = proves(j.Card, 2), []string{"south"}
		j.State.Seen = map[string]time.Time{"fund": noon.Add(3 * time.Minute)}
	})
	add("to-approve", func(j *TrainingJob) {
		j.Approved, j.State.Attempt, j.State.Round, j.State.Unapproved = false, 0, 0, []string{"north", "south"}
		j.State.Waits = map[string]string{"pharma": "room in its privacy budget"}
	})
	add("stopped", func(j *TrainingJob) { j.Stopped, j.State = "a node has left", nil })
	add("others", func(j *TrainingJob) { j.Organisation, j.Node, j.Approved = "elsewhere", "", false })
	return n
}

func (n *node) Jobs(context.Context) ([]TrainingJob, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []TrainingJob
	for _, j := range n.jobs {
		j.Proof, j.Report = nil, nil
		out = append(out, j)
	}
	return out, nil
}

func (n *node) Job(_ context.Context, digest string) (*TrainingJob, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, j := range n.jobs {
		if j.Digest == digest {
			return &j, nil
		}
	}
	return nil, nil
}

func (n *node) find(name string) *TrainingJob {
	for i := range n.jobs {
		if n.jobs[i].Card.Job == name {
			return &n.jobs[i]
		}
	}
	return nil
}

// trains gives a site a node, whose finished and running jobs are in the log.
func trains(n *node) func(*Options) {
	return func(o *Options) {
		o.Training = n
		o.Reservations = func() (out []ledger.Reservation) {
			for i, name := range []string{"finished", "going-on"} {
				out = append(out, ledger.Reservation{Index: int64(10 * i), Time: noon, Reserve: ledger.Reserve{
					Job: n.find(name).Digest, Organisation: "domain", Template: "claim-frequency-features@1.0.0", Until: "2026-03-01", Purpose: "commercial-health-insurance", Cost: dp.Cost{Rho: 6e11},
				}, Closed: name == "finished"})
			}
			return out
		}
		o.Rounds = func() (out []ledger.Request) {
			n.mu.Lock()
			defer n.mu.Unlock()
			for _, name := range []string{"finished", "going-on"} {
				j := n.find(name)
				if j.Proof == nil {
					continue
				}
				for i := range j.Proof.Rounds {
					out = append(out, ledger.Request{
						Charge: ledger.Charge{ID: fmt.Sprintf("%s-%d", j.Digest, i+1), Key: j.Digest, Catalogue: ledger.Training, Template: "claim-frequency-features@1.0.0", Principal: "node-n", Organisation: "domain", Cost: dp.Cost{Rho: 1e11}},
						Index:  int64(100 + i), Release: int64(200 + i), Time: noon.Add(time.Duration(i) * 90 * time.Second),
					})
				}
			}
			return out
		}
	}
}

// TestTrainingPages: whoever is a party reads card, rounds, model and lineage.
func TestTrainingPages(t *testing.T) {
	n := newNode(t)
	s, _ := site(t, trains(n))
	for _, token := range []string{"token-s", "token-n"} {
		b := signedIn(t, s, token, "en")
		if p := b.get("/console/"); !strings.Contains(p.body, "Trainings going on here: 1.") {
			t.Errorf("%s: the overview does not say that a training is going on", token)
		}
		list := b.get("/console/training")
		list.check(t, "list")
		for _, name := range []string{"finished", "going-on", "to-approve", "stopped"} {
			if !strings.Contains(list.body, "<strong>"+name+"</strong>") {
				t.Errorf("%s: the list has no %s", token, name)
			}
		}
		for name, want := range map[string][]string{
			"finished": {"finished", "Relativity", "diabetes: yes, against no", "unreliable", "58,001", "1.01207", "model.csv", "Leaf 100 of the log", "federated verify --dir D --job " + n.find("finished").Digest,
				"has verified", secagg.Hash{1, 3}.String(), "age = 45 years", "What was not used", "Party south", "0.4", "expected mean 0.15"},
			"going-on":   {"training", "2 of 4 rounds closed", "about 3 minutes left", "the round waits for it", "has answered in this round", "31 January 2026 20:03<", "gave no sum: 1.", `data-again="5"`, `http-equiv="refresh"`, "being made", "to come", "in the 3 attempts so far, at most 2.2 MB"},
			"to-approve": {"waits for the owner&#39;s approval here", "node approve --dir D --job " + n.find("to-approve").Digest, "its owner has not approved", "room in its privacy budget", "<details open>", "Nothing has been set aside"},
			"stopped":    {"stopped without a model", "a node has left", "does not answer"},
		} {
			p := b.get("/console/training/" + n.find(name).Digest)
			p.check(t, name)
			for _, w := range want {
				if !strings.Contains(p.body, w) {
					t.Errorf("%s: the page of %s has no %q", token, name, w)
				}
			}
			if name == "to-approve" && (strings.Contains(p.body, "approved by every owner") || strings.Contains(p.body, "federated verify")) {
				t.Error("the page says that owners have approved who have not")
			}
			if over := name == "finished" || name == "stopped"; over && strings.Contains(p.body, "data-again") {
				t.Errorf("the page of %s looks again, though nothing more happens", name)
			}
		}
		root := "/console/training/" + n.find("finished").Digest
		if p := b.get(root + "/model.csv"); !strings.HasPrefix(p.body, "term,coefficient,") || strings.Count(p.body, "\n") != 5 || !strings.Contains(p.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("model.csv is %q, %v", p.body, p.header)
		}
		if p := b.get(root + "/model.json"); p.body != `{"name":"finished"}` {
			t.Errorf("model.json is %q", p.body)
		}
		if p := b.get(root + "/card.json"); !strings.Contains(p.body, `"job":"finished"`) {
			t.Errorf("card.json is %q", p.body)
		}
		if p := b.get("/console/training/" + n.find("going-on").Digest + "/model.csv"); p.status != http.StatusNotFound {
			t.Errorf("an unfinished model is %d", p.status)
		}
	}
}

// jobProposals are the cards of a node's jobs that two people are to approve.
type jobProposals struct {
	approvals
	jobs []*TrainingJob
}

func (p jobProposals) Proposals(string) (api.ProposalList, error) {
	out := api.ProposalList{}
	for i, j := range p.jobs {
		text, err := j.Card.Text()
		if err != nil {
			return out, err
		}
		out.Proposals = append(out.Proposals, api.Proposal{Subject: ledger.SubjectJob, Name: "training job " + j.Card.Job, Detail: text, Digest: j.Digest, InForce: i > 0})
	}
	return out, nil
}

// The first page says which cards wait for somebody: for the owner, of whom a steward and
// the operator of the node see it, and for two people, of whom a steward and a regulator do.
func TestCardsThatWaitAreSaid(t *testing.T) {
	n := newNode(t)
	waits, missing, approved := n.find("to-approve"), n.find("stopped"), n.find("going-on")
	s, _ := site(t, trains(n), func(o *Options) { o.Approvals = jobProposals{jobs: []*TrainingJob{missing, approved}} })
	owner, two := `<a href="/console/training/`+waits.Digest+`">to-approve</a>`, `<a href="/console/steward/proposals/job/`+missing.Digest+`">training job stopped</a>`
	for token, want := range map[string]map[string]bool{
		"token-s": {owner: true, two: true, "Job cards that wait for you: 2.": true},
		"token-n": {owner: true, two: false, "Job cards that wait for you: 1.": true},
		"token-r": {owner: false, two: true, "Job cards that wait for you: 1.": true},
		"token-a": {owner: false, two: false, "Job cards that wait for you": false},
	} {
		p := signedIn(t, s, token, "en").get("/console/")
		p.check(t, token)
		for text, there := range want {
			if strings.Contains(p.body, text) != there {
				t.Errorf("%s: the overview has %q: %v", token, text, !there)
			}
		}
		if p := signedIn(t, s, token, "en").get("/console/training/" + missing.Digest); (p.status == http.StatusOK) != (token != "token-a") {
			t.Errorf("%s: the page of a card that waits for two is %d", token, p.status)
		}
		if p := signedIn(t, s, token, "en").get("/console/steward/proposals/job/" + missing.Digest); strings.Contains(p.body, `href="/console/training/`+missing.Digest) != (token == "token-s" || token == "token-r") {
			t.Errorf("%s: the page of a card that waits leads to the job's, or does not: %d", token, p.status)
		}
		for _, not := range []string{approved.Digest, n.find("others").Digest} {
			if strings.Contains(p.body, not) {
				t.Errorf("%s: the overview has a card that waits for nobody here", token)
			}
		}
	}
	if p := signedIn(t, s, "token-n", "zh").get("/console/"); !strings.Contains(p.body, "等待您方处理的任务卡：1 份。") {
		t.Error("the overview does not say it in Chinese")
	}
}

// TestOthersJobsDoNotExist: a job that is not the visitor's, a part of it that the role has
// not, and one that is nowhere are the same page.
func TestOthersJobsDoNotExist(t *testing.T) {
	n := newNode(t)
	s, _ := site(t, trains(n))
	finished, others, waits := n.find("finished").Digest, n.find("others").Digest, n.find("to-approve").Digest
	none := strings.Repeat("0", 64)
	for token, paths := range map[string][]string{
		"token-a": {"", "/" + finished, "/" + finished + "/model.csv", "/" + others, "/" + none},
		"token-b": {"", "/" + finished, "/" + finished + "/card.json"},
		"token-n": {"/" + others, "/" + others + "/card.json", "/" + none, "/x", "/" + finished + "/secret"},
		"token-r": {"/" + others, "/" + waits, "/" + finished + "/model.csv", "/" + finished + "/model.json", "/" + waits + "/card.json", "/" + others + "/card.json", "/" + finished + "/secret"},
		"token-s": {"/" + none, "/" + strings.ToUpper(finished)},
	} {
		b := signedIn(t, s, token, "en")
		nowhere := b.get("/console/nowhere")
		if p := b.get("/console/"); strings.Contains(p.body, "Trainings") == (token == "token-a" || token == "token-b") {
			t.Errorf("%s: the overview has the wrong word on trainings", token)
		}
		for _, path := range paths {
			if p := b.get("/console/training" + path); p.status != http.StatusNotFound || p.body != nowhere.body {
				t.Errorf("%s: /console/training%s is %d and not the page of what does not exist", token, path, p.status)
			}
		}
		if p := b.get("/console/training"); token != "token-s" && strings.Contains(p.body, others) {
			t.Errorf("%s: the list has another's job", token)
		}
	}
	// A regulator has the card, which they may have to approve, and the record in the log;
	// neither rounds nor model, nor what a coordinator says.
	b := signedIn(t, s, "token-r", "en")
	for name, state := range map[string]string{"finished": "over", "going-on": "going on", "stopped": "approved by its owner; nothing set aside yet"} {
		j := n.find(name)
		root := "/console/training/" + j.Digest
		p := b.get(root)
		p.check(t, name)
		for _, want := range []string{"<strong>" + state + "</strong>", j.Digest, "expected mean 0.15", "Party south", "people of your side approve it", `href="` + root + `/card.json"`} {
			if p.status != http.StatusOK || !strings.Contains(p.body, want) {
				t.Errorf("the regulator's page of %s is %d and has no %q", name, p.status, want)
			}
		}
		if in := strings.Contains(p.body, "Leaf 100 of the log"); in == (name == "stopped") {
			t.Errorf("the regulator's page of %s has charges: %v", name, in)
		}
		for _, not := range []string{"Relativity", "model.csv", "model.json", "Length of the step", "rounds closed", secagg.Hash{1, 1}.String(), "has verified", "federated verify", "node approve", "Last heard from", "a node has left", "data-again"} {
			if strings.Contains(p.body, not) {
				t.Errorf("the regulator's page of %s has %q", name, not)
			}
		}
		if p := b.get(root + "/card.json"); !strings.Contains(p.body, `"job":"`+name+`"`) {
			t.Errorf("card.json of %s is %q for a regulator", name, p.body)
		}
	}
}

// A job whose folder does not prove its model shows none.
func TestBrokenJobIsSaid(t *testing.T) {
	n := newNode(t)
	j := n.find("finished")
	s, _ := site(t, trains(n))
	j.Proof, j.Report, j.Broken = nil, nil, federated.VerifyModel
	p := signedIn(t, s, "token-s", "zh").get("/console/training/" + j.Digest)
	if !strings.Contains(p.body, "核验不通过") || !strings.Contains(p.body, "verdict bad") || strings.Contains(p.body, "model.csv") {
		t.Error("a job that does not verify is not said to be so")
	}
}

// The texts of a coordinator and of a card's author are text.
func TestTrainingEscapes(t *testing.T) {
	n := newNode(t)
	j := n.find("to-approve")
	j.State.Waits["pharma"] = `</small><script>alert(1)</script>`
	s, _ := site(t, trains(n))
	p := signedIn(t, s, "token-s", "en").get("/console/training/" + j.Digest)
	if p.status != http.StatusOK || strings.Contains(p.body, "<script>alert") {
		t.Errorf("%d: what a node says is not escaped", p.status)
	}
}

// TestBrowserTraining is the way of whoever runs a node: the list, a card to approve, a job
// that goes on under one's eyes, and the model.
func TestBrowserTraining(t *testing.T) {
	n := newNode(t)
	s, _ := site(t, trains(n))
	c := startChromium(t, s.URL)
	for _, l := range looks(2) {
		c.as(l)
		c.signIn("token-n")
		c.run("list", chromedp.Click(`nav a[href="/console/training"]`), chromedp.WaitVisible(".catalogue"))
		c.seen(l, "training-list")
		for _, name := range []string{"to-approve", "stopped", "finished"} {
			c.run(name, chromedp.Navigate(s.URL+"/console/training"), chromedp.Click(`a[href="/console/training/`+n.find(name).Digest+`"]`), chromedp.WaitVisible("ol.steps"))
			c.seen(l, "training-"+name)
		}
		c.run("zoom", chromedp.WaitVisible("figure svg"))
	}
	going := n.find("going-on")
	c.run("running", chromedp.Navigate(s.URL+"/console/training/"+going.Digest), chromedp.WaitVisible("#job-now[data-again]"))
	c.seen(looks(2)[1], "training-running")
	n.finish(going)
	c.run("finished by itself", chromedp.WaitVisible(`a[href$="/model.csv"]`))
}

// A job that no organisation of the domain is charged for is for stewards alone, also where
// an operator's organisation has no name.
func TestUnchargedJobIsForStewards(t *testing.T) {
	for organisation, sees := range map[string]bool{"": false, "domain": true, "elsewhere": false} {
		v := &view{Who: api.Who{Principal: "node-n"}, roles: []policy.Role{policy.Node}}
		if sees {
			v.Who.Organisation = organisation
		}
		if got := v.seesJob(&jobView{Organisation: organisation}); got != sees {
			t.Errorf("a job charged to %q exists for an operator of %q: %v", organisation, v.Who.Organisation, got)
		}
	}
}
