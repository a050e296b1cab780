package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, name string) *policy.Policy {
	t.Helper()
	p, err := policy.Load(filepath.Join("testdata", name))
	must(t, err)
	return p
}

// Every refusal has a fixture; its first line says what is wrong and where.
func TestBadPolicies(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	must(t, err)
	if len(files) < 50 {
		t.Fatalf("only %d fixtures", len(files))
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		must(t, err)
		first, _, _ := strings.Cut(string(b), "\n")
		want := "policy is not valid: policy.yaml:" + strings.TrimPrefix(first, "# want: ")
		_, err = policy.Parse("policy.yaml", b)
		if err == nil || err.Error() != want || !errors.Is(err, policy.ErrPolicy) {
			t.Errorf("%s:\n got %v\nwant %s", path, err, want)
		}
	}
	for text, want := range map[string]string{
		strings.Repeat("#", 1<<18+1): "p:1:1: the file is over 256 KiB",
		strings.Repeat("[", 1<<18):   "p:1:1: brackets are nested too deeply",
	} {
		if _, err := policy.Parse("p", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := policy.Load("testdata/absent.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
}

const pinned = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// A certificate and an account are somebody's only where they fit whole.
func TestIdentities(t *testing.T) {
	p := load(t, "full.good.yaml")
	for key, want := range map[string]string{pinned: "steward-s", pinned[:70]: "", "": "", strings.ToUpper(pinned): ""} {
		if got := p.ByCertificate(key); got != want {
			t.Errorf("key %q is of %q", key, got)
		}
	}
	for a, want := range map[policy.Account]string{
		{Issuer: "https://login.example/realm", Subject: "248289761001"}: "steward-s", {Issuer: "https://login.example/realm/", Subject: "248289761001"}: "",
		{Issuer: "https://other.example", Subject: "248289761001"}: "", {Issuer: "https://login.example/realm"}: "", {}: "",
	} {
		if got := p.ByAccount(a.Issuer, a.Subject); got != want {
			t.Errorf("%v is of %q", a, got)
		}
	}
}

func TestGoodPolicy(t *testing.T) {
	p := load(t, "full.good.yaml")
	want := &policy.Policy{
		Mode: "evaluation", Population: "demo", PublicPeople: 500_000, K: 25,
		PublicFrom: time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC), PublicTo: time.Date(2018, 12, 31, 0, 0, 0, 0, time.UTC),
		Caps:            policy.Caps{Year: policy.Cap{Epsilon: 10, Delta: 1e-9}, Life: policy.Cap{Epsilon: 20.5, Delta: 2e-9}},
		ConversionDelta: 1e-10, Undeclared: 3 * time.Second,
		Classes: []policy.SlotClass{{People: 1000, Slot: 2 * time.Second}, {People: 1_000_000, Slot: time.Minute}},
		Regions: []string{"110101", "上海"},
		Principals: []policy.Principal{
			{ID: "insurer-a", Organisation: "甲 Insurance", Roles: []policy.Role{policy.Insurer}},
			{ID: "steward-s", Organisation: "authority", Roles: []policy.Role{policy.Steward, policy.Regulator},
				Certificates: []string{pinned}, Accounts: []policy.Account{{Issuer: "https://login.example/realm", Subject: "248289761001"}}},
		},
		Grants: []policy.Grant{{ID: "g-1", Principal: "insurer-a", Templates: []string{"claim-severity", "claim-frequency@1.0.0"},
			Purposes: []string{"commercial-health-insurance"}, Until: "2027-12-31", QuotaRho: 0.5}},
	}
	have := reflect.ValueOf(*p)
	for i := range have.NumField() {
		if f := have.Type().Field(i); f.IsExported() && !reflect.DeepEqual(have.Field(i).Interface(), reflect.ValueOf(*want).Field(i).Interface()) {
			t.Errorf("%s: %+v", f.Name, have.Field(i))
		}
	}
	// dp's tests prove the conversion; here it is that year is year and life is life.
	if y, l := p.YearCap(), p.LifeCap(); y.Rho < 1_059_000_000_000 || y.Rho > 1_060_000_000_000 || y.Delta < 499e9 || y.Delta > 500e9 || l.Delta <= y.Delta || l.Rho <= y.Rho {
		t.Errorf("caps %+v and %+v", y, l)
	}
	if len(p.Digest()) != 64 || p.Digest() == load(t, "least.good.yaml").Digest() {
		t.Error("the digest is not the file's")
	}
	if p.Organisation("insurer-a") != "甲 Insurance" || p.Organisation("nobody") != "" {
		t.Error("organisation")
	}
}

func TestDefaults(t *testing.T) {
	p := load(t, "least.good.yaml")
	if !p.NoisyK || p.K != 20 || p.ConversionDelta != 1e-9 || p.Regions != nil {
		t.Errorf("%+v", p)
	}
}

func TestSlot(t *testing.T) {
	p := load(t, "least.good.yaml")
	last := time.Duration(0)
	for _, people := range []int64{0, 1, 100_000, 100_001, 1_000_001, 10_000_001, 100_000_001, 1 << 40} {
		p.PublicPeople = people
		s := p.Slot()
		if s < 2*time.Second || s < last || s%time.Second != 0 {
			t.Errorf("%d people: %v", people, s)
		}
		last = s
	}
	p = load(t, "full.good.yaml")
	for people, want := range map[int64]time.Duration{0: 3 * time.Second, 1000: 2 * time.Second, 1001: time.Minute, 1_000_000: time.Minute, 9_000_000: time.Minute} {
		p.PublicPeople = people
		if got := p.Slot(); got != want {
			t.Errorf("%d people: %v, want %v", people, got, want)
		}
	}
}

func TestEvaluation(t *testing.T) {
	until := time.Date(2027, 11, 21, 20, 0, 0, 0, time.UTC)
	b := policy.Evaluation(policy.EvaluationOptions{Population: "demo-1", PublicPeople: 42, Until: until, Offers: []policy.Offer{
		{Template: "claim-severity@1.0.0", Audiences: []string{"insurer"}, Purposes: []string{"commercial-health-insurance"}},
		{Template: "incidence@1.0.0", Audiences: []string{"pharma", "regulator"}, Purposes: []string{"drug-development", "fund-regulation"}},
		{Template: "visits-features@1.0.0", Audiences: []string{"node"}, Purposes: []string{"health-management", "commercial-health-insurance"}},
	}})
	p, err := policy.Parse("policy.yaml", b)
	must(t, err)
	if p.Mode != policy.ModeEvaluation || p.Population != "demo-1" || p.PublicPeople != 42 || p.K != 20 || p.Caps.Life != (policy.Cap{Epsilon: 10, Delta: 1e-9}) {
		t.Errorf("%+v", p)
	}
	for who, template := range map[string]policy.TemplateRef{
		"insurer-a":   {ID: "claim-severity", Version: "1.0.0", Certified: true, Audiences: []string{"insurer"}, Purposes: []string{"commercial-health-insurance"}},
		"pharma-b":    {ID: "incidence", Version: "1.0.0", Certified: true, Audiences: []string{"pharma", "regulator"}, Purposes: []string{"drug-development"}},
		"regulator-r": {ID: "incidence", Version: "1.0.0", Certified: true, Audiences: []string{"pharma", "regulator"}, Purposes: []string{"fund-regulation"}},
	} {
		if _, err := p.Decide(policy.Ask{Principal: who, Template: template, At: until}); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
	must(t, p.May("steward-s", policy.ResumeTemplate))
	// The domain's node, and nobody else, may train on feature templates; it may ask nothing.
	if nodes := p.Nodes(); !slices.Equal(nodes, []string{"node-n"}) {
		t.Errorf("nodes %v", nodes)
	}
	features := policy.TemplateRef{ID: "visits-features", Version: "1.0.0", Certified: true, Audiences: []string{"node"}, Purposes: []string{"health-management"}}
	severity := policy.TemplateRef{ID: "claim-severity", Version: "1.0.0", Certified: true, Audiences: []string{"insurer"}, Purposes: []string{"commercial-health-insurance"}}
	for _, x := range p.Principals {
		_, err := p.Decide(policy.Ask{Principal: x.ID, Template: features, At: until})
		if (err == nil) != (x.ID == "node-n") {
			t.Errorf("%s trains: %v", x.ID, err)
		}
	}
	if _, err := p.Decide(policy.Ask{Principal: "node-n", Template: severity, At: until}); err == nil {
		t.Error("the node may ask a question")
	}
	features.Certified = false
	if _, err := p.Decide(policy.Ask{Principal: "node-n", Template: features, At: until}); err == nil {
		t.Error("the node may train on what is not certified")
	}
	for _, purpose := range []string{"drug-development", "fund-regulation"} {
		if slices.Contains(p.Grants[0].Purposes, purpose) {
			t.Errorf("an insurer is granted %s", purpose)
		}
	}
	if !strings.Contains(string(b), "slot: 2m}") || !strings.Contains(string(b), "slot: 36h}") {
		t.Errorf("slots are not written briefly:\n%s", b)
	}
	if d := load(t, "least.good.yaml"); !reflect.DeepEqual(p.Classes, d.Classes) {
		t.Errorf("written %v, by default %v", p.Classes, d.Classes)
	}
	if !strings.Contains(string(b), "# ") {
		t.Error("a policy for people has comments")
	}
	if _, err := policy.Parse("p", policy.Evaluation(policy.EvaluationOptions{Population: "demo", Until: until})); err != nil {
		t.Errorf("without templates: %v", err)
	}
}

// Every shipped slot is ten times what the dearest template takes.
func TestShippedSlotsAreLongEnough(t *testing.T) {
	for _, tt := range []struct {
		people int64
		run    time.Duration // measured up to a million, in proportion beyond
	}{{10_000, 200 * time.Millisecond}, {50_000, 600 * time.Millisecond}, {100_000, 900 * time.Millisecond}, {250_000, 1700 * time.Millisecond},
		{1_000_000, 6 * time.Second}, {10_000_000, time.Minute}, {100_000_000, 10 * time.Minute}, {1_000_000_000, 100 * time.Minute}} {
		p, err := policy.Parse("p", policy.Evaluation(policy.EvaluationOptions{Population: "demo", PublicPeople: tt.people}))
		must(t, err)
		if p.Slot() < 10*tt.run || !p.SlotSuits(tt.people) || p.SlotSuits(100*tt.people) != (p.Slot() == 36*time.Hour) {
			t.Errorf("%d people: %v for a run of %v", tt.people, p.Slot(), tt.run)
		}
	}
	p, err := policy.Parse("p", policy.Evaluation(policy.EvaluationOptions{Population: "demo"}))
	must(t, err)
	if p.Slot() != 2*time.Second || !p.SlotSuits(10_000) || p.SlotSuits(10_001) {
		t.Errorf("undeclared: %v", p.Slot())
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	must(f, err)
	for _, path := range files {
		b, err := os.ReadFile(path)
		must(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := policy.Parse("policy.yaml", b)
		if err != nil {
			if !errors.Is(err, policy.ErrPolicy) || !strings.Contains(err.Error(), ": policy.yaml:") {
				t.Fatalf("no place in %v", err)
			}
			return
		}
		if p.K < policy.KFloor || p.Mode != policy.ModeEvaluation || p.YearCap().Rho <= 0 || p.LifeCap().Rho <= 0 || p.Slot() < time.Second {
			t.Fatalf("taken: %+v", p)
		}
	})
}
