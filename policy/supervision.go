package policy

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// ModeSupervised marks a domain in which two people of the authority or its regulator
// approve whatever changes what may be asked or is asked about. No domain leaves it.
const ModeSupervised = "supervised"

// The least a supervised domain names.
const (
	// MinApprovers are as many as are needed and one more, so that a lost key stops nothing.
	MinApprovers = 3
	// MinRetention is how many days released files are kept at least: six months, as
	// the law asks of logs (网络安全法, article 21).
	MinRetention = 183
)

// Organisation is one whose people may ask, and the agreement that lets them.
type Organisation struct {
	ID        string // as principals name it
	Title     string // in words
	Agreement string // what the owner of the data signed with it
	Until     string // last day of that, 2006-01-02 in UTC
}

// Approver is a person whose signature counts.
type Approver struct {
	Person string
	Key    string // Ed25519, 32 bytes in base64
}

// Supervision is what a supervised policy says besides; the zero value in an evaluation
// domain.
type Supervision struct {
	Owner         string // whose data they are
	Author        string // the principal who puts this version of the policy forward
	Organisations []Organisation
	Approvers     []Approver // in the order of persons
	Witnesses     []string   // verifier keys of C2SP tlog-cosignature, in order
	Quorum        int        // of the witnesses
	Retention     int        // days that released files are kept
}

// Person is who stands behind a principal, "" for a program and where the policy does
// not say. Two principals of one person are one for every rule that wants two.
func (p *Policy) Person(principal string) string {
	if x := p.principal(principal); x != nil {
		return x.Person
	}
	return ""
}

// Chain is how somebody came by a permission: the owner of the data lets an
// organisation, whose person is granted templates for a purpose until a day.
type Chain struct {
	Owner        string   `json:"owner"`
	Organisation string   `json:"organisation"`
	Title        string   `json:"organisation_title"`
	Agreement    string   `json:"agreement"`
	AgreedUntil  string   `json:"agreed_until"`
	Principal    string   `json:"principal"`
	Person       string   `json:"person"`
	Grant        string   `json:"grant"`
	Templates    []string `json:"templates"`
	Purposes     []string `json:"purposes"`
	Until        string   `json:"until"`
}

// Chain follows a grant back to the owner of the data. What an evaluation domain does
// not say is "".
func (p *Policy) Chain(g Grant) Chain {
	c := Chain{Owner: p.Supervision.Owner, Principal: g.Principal, Person: p.Person(g.Principal), Organisation: p.Organisation(g.Principal),
		Grant: g.ID, Templates: slices.Clone(g.Templates), Purposes: slices.Clone(g.Purposes), Until: g.Until}
	if o := p.organisation(c.Organisation); o != nil {
		c.Title, c.Agreement, c.AgreedUntil = o.Title, o.Agreement, o.Until
	}
	return c
}

func (p *Policy) organisation(id string) *Organisation {
	for i := range p.Supervision.Organisations {
		if p.Supervision.Organisations[i].ID == id {
			return &p.Supervision.Organisations[i]
		}
	}
	return nil
}

// Threshold is the threshold on a group's people in the file's own words.
func (p *Policy) Threshold() string {
	if p.NoisyK {
		return fmt.Sprintf("noisy, %d where keys are private", p.K)
	}
	return fmt.Sprint(p.K)
}

// cosignature is a verifier key of C2SP signed-note: a name, a hash and a key. Which
// algorithm it is of, the witness package says.
var cosignature = regexp.MustCompile(`^[^\s+]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{40,200}$`)

// supervision reads what only a supervised policy has, and holds the rest to it.
func (r *reader) supervision(p *Policy, m map[string]ast.Node) {
	s := &p.Supervision
	if p.Mode == ModeEvaluation {
		for _, key := range []string{"owner", "author", "organisations", "approvers", "witnesses", "retention_days"} {
			if m[key] != nil {
				r.fail(m[key], "%s is of the mode supervised", key)
			}
		}
		return
	}
	for _, key := range []string{"owner", "author", "organisations", "approvers", "witnesses"} {
		if m[key] == nil && r.err == nil {
			r.fail(m["mode"], "a supervised policy says %s", key)
		}
	}
	s.Owner = r.match(m["owner"], titlePattern, "a name without quotes and backslashes")
	if s.Author = r.text(m["author"]); p.Person(s.Author) == "" {
		r.want(m["author"], "the id of a principal with a person")
	}
	for _, n := range r.list(m["organisations"]) {
		s.Organisations = append(s.Organisations, r.organisation(p, n))
	}
	r.approvers(p, m["approvers"])
	r.witnesses(s, m["witnesses"])
	s.Retention = MinRetention
	if n := m["retention_days"]; n != nil {
		s.Retention = int(r.whole(n, MinRetention, 36500))
	}
	if r.err == nil {
		r.people(p, m["principals"])
	}
	if r.err == nil {
		r.agreed(p, m["grants"])
	}
}

func (r *reader) organisation(p *Policy, n ast.Node) Organisation {
	m := r.members(n, "id", "title", "agreement", "until")
	o := Organisation{
		ID: r.plain(m["id"]), Title: r.match(m["title"], titlePattern, "a name without quotes and backslashes"),
		Agreement: r.match(m["agreement"], titlePattern, "the number of an agreement"), Until: r.day(m["until"]),
	}
	if p.organisation(o.ID) != nil {
		r.want(m["id"], "each id only once")
	}
	return o
}

// day is a calendar day.
func (r *reader) day(n ast.Node) string {
	s := r.text(n)
	if day, err := time.Parse(time.DateOnly, s); err != nil || day.Format(time.DateOnly) != s {
		r.want(n, "a day, like 2027-12-31")
	}
	return s
}

// approvers are people of the steward's or regulator's side, each with one key that
// nobody else has.
func (r *reader) approvers(p *Policy, n ast.Node) {
	for _, e := range r.list(n) {
		m := r.members(e, "person", "key")
		a := Approver{Person: r.text(m["person"]), Key: r.text(m["key"])}
		if !slices.ContainsFunc(p.Principals, func(x Principal) bool {
			return x.Person == a.Person && (slices.Contains(x.Roles, Steward) || slices.Contains(x.Roles, Regulator))
		}) {
			r.want(m["person"], "the person of a principal with the role steward or regulator")
		}
		if b, err := base64.StdEncoding.Strict().DecodeString(a.Key); err != nil || !witness.SoundKey(b) {
			r.want(m["key"], "an Ed25519 public key in base64, as qunxiang approve keygen prints it")
		}
		if slices.ContainsFunc(p.Supervision.Approvers, func(o Approver) bool { return o.Person == a.Person || o.Key == a.Key }) {
			r.want(e, "each person and each key only once")
		}
		p.Supervision.Approvers = append(p.Supervision.Approvers, a)
	}
	if len(p.Supervision.Approvers) < MinApprovers {
		r.want(n, "at least three approvers")
	}
	slices.SortFunc(p.Supervision.Approvers, func(a, b Approver) int { return strings.Compare(a.Person, b.Person) })
}

func (r *reader) witnesses(s *Supervision, n ast.Node) {
	m := r.members(n, "quorum", "keys")
	s.Witnesses = r.texts(m["keys"])
	entries := r.list(m["keys"])
	for i, key := range s.Witnesses {
		if !cosignature.MatchString(key) {
			r.want(entries[i], "a witness's verifier key, as qunxiang witness init prints it")
		}
	}
	s.Quorum = int(r.whole(m["quorum"], 1, int64(max(1, len(s.Witnesses)))))
	if len(s.Witnesses) == 0 {
		r.want(m["keys"], "at least one witness")
	}
	if 2*s.Quorum <= len(s.Witnesses) { // two halves could cosign two histories
		r.want(m["quorum"], "more than half of the witnesses: with fewer, two histories of one log could be cosigned")
	}
	slices.Sort(s.Witnesses)
}

// people wants a person behind every principal but the domain's own node, and no two whom
// nobody can tell apart.
func (r *reader) people(p *Policy, n ast.Node) {
	entries := r.list(n)
	spelt := map[string]string{}
	for i, x := range p.Principals {
		node := len(x.Roles) == 1 && x.Roles[0] == Node // with another role it asks, and somebody asks by it
		if one := spelt[sounds(x.Person)]; one != "" && one != x.Person {
			r.want(entries[i], "a person whose name cannot be taken for "+one)
		}
		spelt[sounds(x.Person)] = x.Person
		if x.Person == "" && !node {
			r.want(entries[i], "a person: who stands behind each principal is known where two people approve")
		}
		if p.organisation(x.Organisation) == nil && !node {
			r.want(entries[i], "an organisation of the list above")
		}
	}
}

// agreed wants no grant to outlast the agreement with its organisation.
func (r *reader) agreed(p *Policy, n ast.Node) {
	entries := r.list(n)
	for i, g := range p.Grants {
		if o := p.organisation(p.Organisation(g.Principal)); o != nil && g.Until > o.Until {
			r.want(entries[i], "a grant that ends no later than the agreement with its organisation")
		}
	}
}
