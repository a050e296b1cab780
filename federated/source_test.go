package federated

import (
	"maps"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// The source is on the card in every form: YAML, canonical text, digest and words.
func TestSourceOnTheCard(t *testing.T) {
	w := newWorld(t, 5, 1)
	s := w.card.Source
	if s.Template != "claim-frequency-features@1.0.0" || s.Parameters["history"] != "0" || s.Parameters["window"] != "2025-01-01..2025-12-31" || len(s.Parameters) != 2 {
		t.Fatalf("%+v", s)
	}
	b, err := w.card.JSON()
	must(t, err)
	if want := `"source":{"digest":"` + s.Digest + `","parameters":{"history":"0","window":"2025-01-01..2025-12-31"},"template":"claim-frequency-features@1.0.0"}`; !strings.Contains(string(b), want) {
		t.Fatalf("no %s in %s", want, b)
	}
	text, err := w.card.Text()
	must(t, err)
	for _, want := range []string{"feature template", s.Template, s.Digest, "window = 2025-01-01..2025-12-31", "history = 0", "years of records"} {
		if !strings.Contains(text, want) {
			t.Errorf("the card does not say %q", want)
		}
	}
	digest, err := w.card.Digest()
	must(t, err)
	for name, change := range map[string]func(*Source){
		"template":  func(s *Source) { s.Template = "claim-frequency-features@1.0.1" },
		"digest":    func(s *Source) { s.Digest = strings.Repeat("a", 64) },
		"parameter": func(s *Source) { s.Parameters["window"] = "2024-01-01..2025-12-31" },
		"another":   func(s *Source) { s.Parameters["amount"] = "total" },
	} {
		c := *w.card
		c.Source.Parameters = maps.Clone(s.Parameters)
		change(&c.Source)
		must(t, c.check())
		if d, err := c.Digest(); err != nil || d == digest {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}

// What cannot be a certified template with its parameters is refused.
func TestSourceIsStrict(t *testing.T) {
	good := goodCard(t)
	for _, c := range []struct{ from, to, says string }{
		{"source:", "sauce:", "card.yaml:5:1: unknown key"},
		{"  parameters: {window: 2025-01-01..2025-12-31, history: 0}\n", "", "parameters is missing"},
		{"  template: claim-frequency-features@1.0.0\n", "", "template is missing"},
		{"{window: 2025-01-01..2025-12-31, history: 0}", "{}", "at least the window"},
		{"{window: 2025-01-01..2025-12-31, history: 0}", "[window]", "card.yaml:8:15: want names and texts"},
		{"history: 0}", "window: 2024-01-01..2024-12-31}", "card.yaml:8"},
		{"history: 0}", "history: [0]}", "card.yaml:8"},
		{"history: 0}", "history: true}", "want a text or a number"},
		{"history: 0}", "history: \"\"}", "a parameter's name or text"},
		{"history: 0}", "History: 0}", "a parameter's name or text"},
		{"features@1.0.0", "features", "id@version"},
		{"features@1.0.0", "features@1.0", "id@version"},
		{"features@1.0.0", "features@1.0.0@2", "id@version"},
		{"0123456789abcdef\"", "0123456789abcdeg\"", "64 hexadecimal digits"},
		{"0123456789abcdef\"", "\"", "64 hexadecimal digits"},
	} {
		text := strings.Replace(good, c.from, c.to, 1)
		if text == good {
			t.Fatalf("%q is not in the card", c.from)
		}
		_, err := ParseCard("card.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.to, err, c.says)
			continue
		}
		mustBe(t, err, ErrCard)
	}
}

// A grant must be for the feature template, by id or by exact version, for the
// purpose and for the one who trains; the charge then says so.
func TestGrantCoversTheSource(t *testing.T) {
	w := newWorld(t, 1, 12)
	b, p := w.bookkeeper(0), w.parties[0]
	job, err := look(w.options(0))
	must(t, err)
	for name, c := range map[string]struct {
		change func(g *ledger.Granted)
		ok     bool
	}{
		"id":              {func(*ledger.Granted) {}, true},
		"exact version":   {func(g *ledger.Granted) { g.Templates = []string{"claim-frequency-features@1.0.0"} }, true},
		"another version": {func(g *ledger.Granted) { g.Templates = []string{"claim-frequency-features@2.0.0"} }, false},
		"the job's name":  {func(g *ledger.Granted) { g.Templates = []string{w.card.Job} }, false},
		"another purpose": {func(g *ledger.Granted) { g.Purposes = []string{"elder-care"} }, false},
		"another person":  {func(g *ledger.Granted) { g.Principal = "insurer-a" }, false},
	} {
		g, _ := p.ledger.InForce()
		g.Grants[0] = ledger.Granted{ID: "g-1", Principal: "trainer", Templates: []string{"claim-frequency-features"}, Purposes: []string{w.card.Purpose}, Until: "2099-12-31"}
		c.change(&g.Grants[0])
		_, err := p.ledger.Grant(ctx, g)
		must(t, err)
		if err := b.Room(ctx, Aside{Job: job.job, Source: w.card.Source, Purpose: w.card.Purpose, Whole: job.whole}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	g, _ := p.ledger.InForce()
	g.Grants[0].Principal, g.Grants[0].Templates, g.Grants[0].Purposes = "trainer", []string{"claim-frequency-features"}, []string{w.card.Purpose}
	_, err = p.ledger.Grant(ctx, g)
	must(t, err)
	w.openNodes().run()
	w.sameModel()
	charges := p.ledger.Requests()
	if len(charges) != 1 {
		t.Fatalf("%d charges", len(charges))
	}
	x, s := charges[0], w.card.Source
	if x.Template != s.Template || x.TemplateDigest != s.Digest || x.Catalogue != ledger.Training || attemptOf(x.Charge) != 1 || x.ID != chargeID(p.node.job, 1) {
		t.Fatalf("%+v", x.Charge)
	}
	if got := w.bookkeeper(0).Charged(p.node.job); len(got) != 1 || got[1] != x.Request {
		t.Fatalf("charged: %v", got)
	}
}
