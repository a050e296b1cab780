package policy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Supervised is a policy of every key there is.
func supervised() *Policy {
	key := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	p := &Policy{
		Mode: ModeSupervised, Population: "p-1", PublicPeople: 1000, publicWindow: "2016-01-01..2018-12-31",
		K: 25, floor: 25, NoisyK: true, Caps: Caps{Year: Cap{2.5, 1e-9}, Life: Cap{10, 1e-8}}, ConversionDelta: 1e-7,
		Undeclared: 3 * time.Second, Classes: []SlotClass{{10, 90 * time.Second}, {20, 36 * time.Hour}}, Regions: []string{"north", "south"},
		Principals: []Principal{
			{ID: "insurer-a", Organisation: "ins", Person: "Ina", Roles: []Role{Insurer}, Certificates: []string{"sha256:" + strings.Repeat("ab", 32)},
				Accounts: []Account{{"https://login.example", "12"}}},
			{ID: "123", Organisation: "authority", Person: "Ada 阿", Roles: []Role{Steward, Regulator}},
			{ID: "steward-b", Organisation: "authority", Person: "Bo", Roles: []Role{Steward}},
			{ID: "regulator-c", Organisation: "authority", Person: "Cy", Roles: []Role{Regulator}},
			{ID: "node-n", Organisation: "domain", Roles: []Role{Node}},
		},
		Grants: []Grant{{ID: "g-1", Principal: "insurer-a", Templates: []string{"claim-severity@1.0.0"}, Purposes: []string{"health-management"}, Until: "2027-12-31", QuotaRho: 0.5}},
		Supervision: Supervision{Owner: "the authority", Author: "steward-b", Retention: 400, Quorum: 1, Witnesses: []string{"w.example+01234567+" + key(9)},
			Organisations: []Organisation{{"authority", "The authority", "statute", "2030-12-31"}, {"ins", "Insurer A", "2026/17", "2027-12-31"}},
			Approvers:     []Approver{{"Ada 阿", key(1)}, {"Bo", key(2)}, {"Cy", key(3)}}},
	}
	return p
}

func TestFormatRoundTrip(t *testing.T) {
	p := supervised()
	text := p.Format()
	back, err := Parse("p", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if again := back.Format(); !bytes.Equal(again, text) {
		t.Fatalf("written differently:\n%s\n%s", text, again)
	}
	if !reflect.DeepEqual(back.Supervision, p.Supervision) || !reflect.DeepEqual(back.Principals, p.Principals) || !reflect.DeepEqual(back.Grants, p.Grants) {
		t.Fatalf("read back %+v", back)
	}
	for _, name := range []string{"PublicPeople", "K", "NoisyK", "Caps", "ConversionDelta", "Undeclared", "Classes", "Regions", "Mode", "Population"} {
		a, b := reflect.ValueOf(*back).FieldByName(name), reflect.ValueOf(*p).FieldByName(name)
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			t.Errorf("%s: %v, want %v", name, a, b)
		}
	}
}

// What a supervised policy must say, and what it must not.
func TestSupervisedPolicies(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Policy)
		want   string
	}{
		"two approvers":       {func(p *Policy) { p.Supervision.Approvers = p.Supervision.Approvers[:2] }, "at least three approvers"},
		"approver of no side": {func(p *Policy) { p.Supervision.Approvers[0].Person = "Ina" }, "the person of a principal with the role steward or regulator"},
		"one key for two":     {func(p *Policy) { p.Supervision.Approvers[0].Key = p.Supervision.Approvers[1].Key }, "each person and each key only once"},
		"one person twice":    {func(p *Policy) { p.Supervision.Approvers[0].Person = "Bo" }, "each person and each key only once"},
		"short key":           {func(p *Policy) { p.Supervision.Approvers[0].Key = "aaaa" }, "an Ed25519 public key in base64"},
		"no witness":          {func(p *Policy) { p.Supervision.Witnesses = nil }, "a list"},
		"too large a quorum":  {func(p *Policy) { p.Supervision.Quorum = 2 }, "a whole number from 1 to 1"},
		"half of the witnesses": {func(p *Policy) {
			p.Supervision.Witnesses = append(p.Supervision.Witnesses, strings.Replace(p.Supervision.Witnesses[0], "w.", "x.", 1))
		}, "more than half of the witnesses"},
		"no quorum":             {func(p *Policy) { p.Supervision.Quorum = 0 }, "a whole number from 1 to 1"},
		"witness without a key": {func(p *Policy) { p.Supervision.Witnesses[0] = "w.example" }, "a witness's verifier key"},
		"kept too short":        {func(p *Policy) { p.Supervision.Retention = 182 }, "a whole number from 183"},
		"author unknown":        {func(p *Policy) { p.Supervision.Author = "steward-x" }, "the id of a principal with a person"},
		"author a program":      {func(p *Policy) { p.Supervision.Author = "node-n" }, "the id of a principal with a person"},
		"principal unknown":     {func(p *Policy) { p.Principals[0].Person = "" }, "a person: who stands behind"},
		"no agreement":          {func(p *Policy) { p.Principals[0].Organisation = "other" }, "an organisation of the list above"},
		"outlasts agreement":    {func(p *Policy) { p.Grants[0].Until = "2028-01-01" }, "a grant that ends no later than the agreement"},
		"evaluation":            {func(p *Policy) { p.Mode = ModeEvaluation }, ""},
	} {
		p := supervised()
		tt.change(p)
		_, err := Parse("p", p.Format())
		if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
	text := bytes.Replace(supervised().Format(), []byte("mode: supervised"), []byte("mode: evaluation"), 1)
	if _, err := Parse("p", text); err == nil || !strings.Contains(err.Error(), "owner is of the mode supervised") {
		t.Errorf("approvers in an evaluation's policy: %v", err)
	}
	for _, key := range []string{"owner", "author", "organisations", "approvers", "witnesses"} {
		text := bytes.Replace(supervised().Format(), []byte("\n"+key+":"), []byte("\n#"+key+":"), 1)
		if _, err := Parse("p", text); err == nil {
			t.Errorf("without %s: taken", key)
		}
	}
}

func TestChain(t *testing.T) {
	p := supervised()
	c := p.Chain(p.Grants[0])
	want := Chain{"the authority", "ins", "Insurer A", "2026/17", "2027-12-31", "insurer-a", "Ina", "g-1", []string{"claim-severity@1.0.0"}, []string{"health-management"}, "2027-12-31"}
	if !reflect.DeepEqual(c, want) {
		t.Fatalf("%+v", c)
	}
}
