package federated

import (
	"bytes"
	"strings"
	"testing"
)

func TestCardText(t *testing.T) {
	w := newWorld(t, 5, 1)
	text, err := w.card.Text()
	must(t, err)
	for _, want := range []string{
		"commercial-health-insurance", "log(mean of visits) ~ 1 + age + sector", "age in years, from 20 to 60",
		"code list sectors@2024-1", "North Mutual", w.card.Nodes[1].Key.Fingerprint(), w.card.Nodes[2].Owner.Fingerprint(),
		"rho 0.5,", "1e-6", "a person may be at 1 of the nodes", "up to 1 node(s)", "Model goes to: North Mutual, South Life, Pharma East",
		"With three nodes you learn the sum of the other two", "Norm bounds are attested, not proven", "standard error", "MB up",
		"5, and up to 2 spare attempts",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the card does not say %q", want)
		}
	}
	if testing.Verbose() {
		t.Log("\n" + text)
	}
}

// What is stored and sent is the canonical text, and reads back to the same card.
func TestCardDigest(t *testing.T) {
	w := newWorld(t, 5, 1)
	b, err := w.card.JSON()
	must(t, err)
	again, err := ReadCard(b)
	must(t, err)
	d1, err := w.card.Digest()
	must(t, err)
	d2, err := again.Digest()
	must(t, err)
	if d1 != d2 {
		t.Fatal("another digest")
	}
	for _, bad := range [][]byte{
		append([]byte(" "), b...), append(bytes.Clone(b), '\n'), bytes.Replace(b, []byte(`"rounds":5`), []byte(`"rounds":5.0`), 1),
		bytes.Replace(b, []byte(`"job":`), []byte(`"joy":`), 1), bytes.Replace(b, []byte(`"bits":`), []byte(`"bits":0,"bits":`), 1),
		bytes.Replace(b, []byte(`"colluders":1,`), nil, 1), b[:len(b)-1],
	} {
		if _, err := ReadCard(bad); err == nil {
			t.Errorf("reads %.80s", bad)
		}
	}
}

func TestRhoIsExact(t *testing.T) {
	for text, want := range map[string]Rho{"0.5": 5e11, "0.000000000001": 1, "1": 1e12, "0.1": 1e11, "12.25": 1225e10} {
		var r Rho
		must(t, r.UnmarshalText([]byte(text)))
		back, err := r.MarshalText()
		must(t, err)
		if r != want || string(back) != text {
			t.Errorf("%s is %d and %s", text, r, back)
		}
	}
	for _, text := range []string{"", "-1", "1e3", "0.0000000000001", "1/2", ".5", "1.", "9999999"} {
		var r Rho
		if r.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is a cost", text)
		}
	}
}

// Every mistake in the YAML is refused with its line and column.
func TestCardYAMLIsStrict(t *testing.T) {
	good := goodCard(t)
	for _, c := range []struct{ from, to, says string }{
		{"purpose:", "purpoze:", "card.yaml:3:1: unknown key"},
		{"  family: poisson", "  family: poisson\n  famly: gamma", "card.yaml:11:3: unknown key"},
		{"until: 2099-12-31", "until: 2099-12-31\nuntil: 2100-12-31", "card.yaml:"},
		{"rounds: 5", "rounds: 5.5", "card.yaml:12:11: want a whole number"},
		{"rounds: 5", "rounds: \"5\"", "card.yaml:12:11"},
		{"start_mean: 0.3", "start_mean: .nan", "card.yaml:11:15: want a number"},
		{"start_mean: 0.3", "start_mean: -0.3", "start"},
		{"privacy: {rho: 0.5, places: 1}", "privacy: {}", "rho is missing"},
		{"privacy: {rho: 0.5, places: 1}", "privacy: {rho: 0.5}", "places is missing"},
		{"privacy: {rho: 0.5, places: 1}", "privacy: {rho: 0.5, places: 0}", "at least 1"},
		{"privacy: {rho: 0.5, places: 1}", "privacy: {rho: 1e-3, places: 1}", "want a number of at most twelve decimals"},
		{"unit: years", "unit: 5", "want a text"},
		{"range: [20, 60]", "range: [20]", "right length"},
		{"job: claim-frequency", "job: Claim Frequency", "lower case"},
		{"purpose: commercial-health-insurance", "purpose: resale", "purpose must be one of"},
		{"name: node-1, organisation: South Life", "name: node-1, organisation: North Mutual", "2 organisations"},
		{"name: node-1, organisation", "name: node-0, organisation", "twice"},
		{"recipients: [North Mutual, South Life, Pharma East]", "recipients: []", "recipients are missing"},
		{"description: How", "description: |\n  How\x01", "card.yaml"},
		{"code_list: sectors@2024-1", "code_list: sectors", "id@version"},
		{"version: qunxiang-card/1", "--- \na: 1\n---\nversion: qunxiang-card/1", "want one document"},
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

func goodCard(t testing.TB) string {
	w := newWorld(t, 5, 1)
	return w.yaml
}

func FuzzParseCard(f *testing.F) {
	f.Add([]byte("version: qunxiang-card/1\njob: x\n"))
	f.Add([]byte("a: [{b: 1}, *c]"))
	f.Add([]byte(goodCard(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCard("card.yaml", b)
		if err != nil {
			return
		}
		text, err := c.JSON()
		must(t, err)
		_, err = ReadCard(text)
		must(t, err)
	})
}

// Keys are the parties' own: an owner's key signs no messages, and speaks for one
// organisation.
func TestCardKeys(t *testing.T) {
	w := newWorld(t, 5, 1)
	for name, change := range map[string]func(c *Card){
		"owner is the node":           func(c *Card) { c.Nodes[0].Owner = c.Nodes[0].Key },
		"owner is the coordinator":    func(c *Card) { c.Nodes[0].Owner = c.Coordinator.Key },
		"owner is another node":       func(c *Card) { c.Nodes[0].Owner = c.Nodes[2].Key },
		"two owners of one key":       func(c *Card) { c.Nodes[0].Owner = c.Nodes[1].Owner },
		"two nodes of one key":        func(c *Card) { c.Nodes[0].Key = c.Nodes[1].Key },
		"coordinator's key":           func(c *Card) { c.Nodes[0].Key = c.Coordinator.Key },
		"text runs backwards":         func(c *Card) { c.Description = "paid to \u202eymene" },
		"text hides a line":           func(c *Card) { c.Recipients = []string{"x\u2028y"} },
		"no width":                    func(c *Card) { c.Nodes[1].Organisation = "North\u200b Mutual" },
		"filler":                      func(c *Card) { c.Nodes[1].Organisation = "North Mutual\u3164" },
		"soft hyphen":                 func(c *Card) { c.Coordinator.Organisation = "Health\u00ad Fund" },
		"variation":                   func(c *Card) { c.Description = "How often\ufe0f" },
		"an organisation in capitals": func(c *Card) { c.Nodes[1].Organisation = "NORTH MUTUAL" },
		"quote":                       func(c *Card) { c.Nodes[0].Name = `a"b` },
	} {
		c := *w.card
		c.Nodes = append([]Member(nil), w.card.Nodes...)
		change(&c)
		if err := c.check(); err == nil {
			t.Errorf("%s: the card is good", name)
		}
	}
}

// Approvals and notices read strictly, and what reads back is the same bytes.
func FuzzStatements(f *testing.F) {
	w := newWorld(f, 5, 1)
	a, err := Approve(w.card, "node-0", w.parties[0].owner)
	must(f, err)
	b, err := canonical(a)
	must(f, err)
	f.Add(b)
	f.Add([]byte(`{"job":"","kind":"ready","node":"x","signature":"","text":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a Approval
		var n Notice
		for _, v := range []any{&a, &n} {
			if strictly(b, v) != nil {
				continue
			}
			again, err := canonical(v)
			must(t, err)
			if !bytes.Equal(again, b) {
				t.Fatalf("%q reads as %q", b, again)
			}
		}
		if a.Verify(w.card) == nil && a.Node != "node-0" || n.Verify(w.card) == nil {
			t.Fatal("it verifies")
		}
	})
}
