package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/qunxiang/qunxiang/dp"
)

// Load reads a policy file. Its errors are those of Parse, or of reading.
func Load(path string) (*Policy, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, b)
}

// Parse reads a policy strictly: one document, no unknown or repeated key, no
// alias or tag, nothing of another type than it should be. An error is
// ErrPolicy and begins with the place, name:line:column.
func Parse(name string, b []byte) (*Policy, error) {
	r := &reader{file: name}
	p := r.policy(r.document(b))
	if r.err != nil {
		return nil, r.err
	}
	sum := sha256.Sum256(b)
	p.digest = hex.EncodeToString(sum[:])
	return p, nil
}

func (r *reader) policy(root ast.Node) *Policy {
	m := r.members(root, "version", "mode", "population", "public_people?", "public_window?", "k", "k_floor?", "caps", "conversion_delta?",
		"slots?", "regions?", "owner?", "author?", "organisations?", "approvers?", "witnesses?", "retention_days?", "principals", "grants")
	p := &Policy{Undeclared: 2 * time.Second, Classes: slices.Clone(defaultClasses)}
	r.whole(m["version"], 1, 1)
	if p.Mode = r.text(m["mode"]); p.Mode != ModeEvaluation && p.Mode != ModeSupervised {
		r.want(m["mode"], "evaluation or supervised")
	}
	p.Population = r.plain(m["population"])
	p.PublicPeople = r.whole(m["public_people"], 0, math.MaxInt32)
	p.PublicFrom, p.PublicTo = r.window(m["public_window"])
	if n := m["public_window"]; n != nil {
		p.publicWindow = r.text(n)
	}
	r.threshold(p, m["k"], m["k_floor"])
	r.caps(p, m["caps"], m["conversion_delta"])
	r.slots(p, m["slots"])
	p.Regions = r.texts(m["regions"])
	for _, n := range r.list(m["principals"]) {
		p.Principals = append(p.Principals, r.person(p, n))
	}
	for _, n := range r.list(m["grants"]) {
		p.Grants = append(p.Grants, r.grant(p, n))
	}
	r.supervision(p, m)
	return p
}

// window reads FROM..TO; zero days where there is none.
func (r *reader) window(n ast.Node) (from, to time.Time) {
	if n == nil {
		return from, to
	}
	a, b, _ := strings.Cut(r.text(n), "..")
	from, err1 := time.Parse(time.DateOnly, a)
	to, err2 := time.Parse(time.DateOnly, b)
	if err1 != nil || err2 != nil || to.Before(from) {
		r.want(n, "two days, like 2016-01-01..2018-12-31")
	}
	return from, to
}

func (r *reader) threshold(p *Policy, k, floor ast.Node) {
	const most = 1_000_000
	least := int64(KFloor)
	if floor != nil {
		least = r.whole(floor, KFloor, most)
	}
	p.K, p.floor = int(least), int(least)
	if s, ok := k.(*ast.StringNode); ok && s.Value == "noisy" {
		p.NoisyK = true
		return
	}
	p.K = int(r.whole(k, least, most))
}

func (r *reader) caps(p *Policy, n, conversion ast.Node) {
	m := r.members(n, "year", "life")
	p.Caps.Year, p.year = r.limit(m["year"])
	p.Caps.Life, p.life = r.limit(m["life"])
	p.ConversionDelta = p.Caps.Life.Delta
	if conversion != nil {
		if p.ConversionDelta = r.number(conversion); !(p.ConversionDelta > 0 && p.ConversionDelta < 1e-3) {
			r.want(conversion, "a delta above 0 and below 0.001")
		}
	}
}

func (r *reader) limit(n ast.Node) (Cap, dp.Cost) {
	m := r.members(n, "epsilon", "delta")
	limit := Cap{Epsilon: r.number(m["epsilon"]), Delta: r.number(m["delta"])}
	if r.err != nil {
		return limit, dp.Cost{}
	}
	cost, err := dp.CapFor(limit.Epsilon, limit.Delta)
	if err != nil || cost.Rho <= 0 || cost.Delta <= 0 || limit.Epsilon > 100 || limit.Delta >= 1e-3 {
		r.want(n, "a budget: epsilon above 0 and at most 100, delta above 0 and below 0.001, neither so small that nothing fits")
	}
	return limit, cost
}

func (r *reader) slots(p *Policy, n ast.Node) {
	if n == nil {
		return
	}
	m := r.members(n, "undeclared?", "classes?")
	if u := m["undeclared"]; u != nil {
		p.Undeclared = r.span(u, time.Second, time.Hour)
	}
	if m["classes"] == nil {
		return
	}
	p.Classes = nil
	var last SlotClass
	for _, n := range r.list(m["classes"]) {
		m := r.members(n, "people", "slot")
		c := SlotClass{People: r.whole(m["people"], 1, math.MaxInt32), Slot: r.span(m["slot"], time.Second, 48*time.Hour)}
		if c.People <= last.People || c.Slot < last.Slot {
			r.want(n, "classes that rise in people and do not fall in slot")
		}
		p.Classes, last = append(p.Classes, c), c
	}
}

func (r *reader) span(n ast.Node, low, high time.Duration) time.Duration {
	d, err := time.ParseDuration(r.text(n))
	if err != nil || d < low || d > high || d%time.Second != 0 {
		r.want(n, "whole seconds from "+low.String()+" to "+high.String()+", like 2s or 24h")
	}
	return d
}

var (
	namePattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	titlePattern    = regexp.MustCompile(`^[^\p{C}"\\]{1,128}$`)
	templatePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}(@[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6})?$`)
)

func (r *reader) match(n ast.Node, pattern *regexp.Regexp, what string) string {
	s := r.text(n)
	if !pattern.MatchString(s) {
		r.want(n, what)
	}
	return s
}

func (r *reader) plain(n ast.Node) string {
	return r.match(n, namePattern, "a name of small letters, digits, dots, dashes and underscores")
}

func (r *reader) person(p *Policy, n ast.Node) Principal {
	m := r.members(n, "id", "organisation", "person?", "roles", "certificates?", "accounts?")
	x := Principal{
		ID:           r.plain(m["id"]),
		Organisation: r.match(m["organisation"], titlePattern, "a name without quotes and backslashes"),
		Certificates: r.certificates(p, m["certificates"]),
		Accounts:     r.accounts(p, m["accounts"]),
	}
	if n := m["person"]; n != nil {
		if x.Person = r.match(n, personPattern, "a person's name, of letters, full stops, hyphens, apostrophes and single blanks"); mixed(x.Person) {
			r.want(n, "a name in one script: letters of two may look alike")
		}
	}
	if p.principal(x.ID) != nil {
		r.want(m["id"], "each id only once")
	}
	for i, role := range r.texts(m["roles"]) {
		if !slices.Contains(roles, Role(role)) {
			r.want(r.list(m["roles"])[i], "a role: insurer, pharma, regulator, steward or node")
		}
		x.Roles = append(x.Roles, Role(role))
	}
	if len(x.Roles) == 0 {
		r.want(m["roles"], "at least one role")
	}
	return x
}

func (r *reader) grant(p *Policy, n ast.Node) Grant {
	m := r.members(n, "id", "principal", "templates", "purposes", "until", "quota_rho?")
	g := Grant{
		ID: r.plain(m["id"]), Principal: r.plain(m["principal"]),
		Templates: r.texts(m["templates"]), Purposes: r.texts(m["purposes"]), Until: r.day(m["until"]),
	}
	if slices.ContainsFunc(p.Grants, func(o Grant) bool { return o.ID == g.ID }) {
		r.want(m["id"], "each id only once")
	}
	if p.principal(g.Principal) == nil {
		r.want(m["principal"], "the id of a principal above")
	}
	if len(g.Templates) == 0 {
		r.want(m["templates"], "at least one template")
	}
	for i, t := range g.Templates {
		if !templatePattern.MatchString(t) {
			r.want(r.list(m["templates"])[i], "a template, like claim-severity or claim-severity@1.0.0")
		}
	}
	if len(g.Purposes) == 0 {
		r.want(m["purposes"], "at least one purpose")
	}
	for i, x := range g.Purposes {
		if !slices.Contains(purposes, x) {
			r.want(r.list(m["purposes"])[i], "a declared purpose")
		}
	}
	if quota := m["quota_rho"]; quota != nil {
		if g.QuotaRho = r.number(quota); g.QuotaRho > 1000 {
			r.want(quota, "a number from 0 to 1000")
		}
	}
	return g
}
