package policy_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy"
)

// keyOf is a public key in tests.
func keyOf(name string) string {
	seed := sha256.Sum256([]byte(name))
	return base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
}

// people is a supervised policy with three approvers of these names and further
// principals and grants.
func people(names []string, more, grants string) string {
	var approvers, principals strings.Builder
	for i, p := range names {
		fmt.Fprintf(&approvers, "  - {person: %q, key: %q}\n", p, keyOf(fmt.Sprint(i)))
		fmt.Fprintf(&principals, "  - {id: p-%d, organisation: authority, person: %q, roles: [steward]}\n", i, p)
	}
	return `version: 1
mode: supervised
population: testville
owner: "The authority"
author: steward-s
organisations:
  - {id: authority, title: "The authority", agreement: "statute", until: 2036-12-31}
approvers:
` + approvers.String() + `witnesses: {quorum: 1, keys: ["w.example+a620b300+BJsmrfh8hSohjJLimcf/awd8757UzDSSBxIdIAzz13TV"]}
k: 20
caps: {year: {epsilon: 10, delta: 1e-9}, life: {epsilon: 10, delta: 1e-9}}
principals:
  - {id: steward-s, organisation: authority, person: Stan, roles: [steward]}
` + principals.String() + more + "grants:" + grants + "\n"
}

// One person is one name: nobody is two people by a blank, a case, a dot or another
// alphabet.
func TestNamesOfPersons(t *testing.T) {
	parse := func(second string) error {
		_, err := policy.Parse("p", []byte(people([]string{"Ada", second, "Cy"}, "", " []")))
		return err
	}
	for _, name := range []string{"Bo", "王小明", "Jean-Luc O'Neill Jr.", "Åsa", "Бо", "Ádám", "Adam"} {
		if err := parse(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"Ada ", " Ada", "Ad  a", "\u0410da", "ada", "Ada.", "A-da", "ＡＤＡ", "A\u0301da\u0410", "Bo\u0430", "Ada\u200b", "Ada\u00a0", "Bo1", "", "Ada_", "-Bo"} {
		if parse(name) == nil {
			t.Errorf("%q is somebody else than Ada", name)
		}
	}
}

// The role node frees only a node from having a person: with another it asks, and somebody
// asks by it.
func TestNodeWithAnotherRole(t *testing.T) {
	names := []string{"Ada", "Bo", "Cy"}
	for roles, ok := range map[string]bool{"node": true, "insurer, pharma, node": false, "node, steward": false} {
		more := "  - {id: backdoor, organisation: nowhere, roles: [" + roles + "]}\n"
		if _, err := policy.Parse("p", []byte(people(names, more, " []"))); (err == nil) != ok {
			t.Errorf("%s: %v", roles, err)
		}
	}
}

// An approver's key that anybody can sign for is none.
func TestUnsoundApproverKey(t *testing.T) {
	text := people([]string{"Ada", "Bo", "Cy"}, "", " []")
	for _, key := range []string{"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/AU=", "7f///////////////////////////////////////38="} {
		if _, err := policy.Parse("p", []byte(strings.Replace(text, keyOf("0"), key, 1))); err == nil {
			t.Errorf("taken: %s", key)
		}
	}
}
