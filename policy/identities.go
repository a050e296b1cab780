package policy

import (
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Account is somebody's account at an OpenID provider: the claims iss and sub of
// OpenID Connect Core 1.0, compared byte by byte.
type Account struct{ Issuer, Subject string }

// ByCertificate is the principal to whom a client certificate's key is pinned, ""
// for nobody. A key is named by "sha256:" and the SHA-256 of its SubjectPublicKeyInfo
// in hex, so that a renewed certificate of the same key is still the same principal's.
func (p *Policy) ByCertificate(key string) string {
	return p.whose(func(x Principal) bool { return slices.Contains(x.Certificates, key) })
}

// ByAccount is the principal to whom an account belongs, "" for nobody.
func (p *Policy) ByAccount(issuer, subject string) string {
	return p.whose(func(x Principal) bool { return slices.Contains(x.Accounts, Account{issuer, subject}) })
}

func (p *Policy) whose(fits func(Principal) bool) string {
	if i := slices.IndexFunc(p.Principals, fits); i >= 0 {
		return p.Principals[i].ID
	}
	return ""
}

// keyPrefix names the hash of a pinned key. Without it, digits alone would be a
// number to YAML.
const keyPrefix = "sha256:"

var subjectPattern = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,255}$`) // OpenID Connect Core 2; no quote, no backslash

// certificates are pinned keys, none of which another principal has.
func (r *reader) certificates(p *Policy, n ast.Node) []string {
	keys := r.texts(n)
	for i, key := range keys {
		digest, ok := strings.CutPrefix(key, keyPrefix)
		if b, err := hex.DecodeString(digest); !ok || err != nil || len(b) != 32 || strings.ToLower(key) != key {
			r.want(r.list(n)[i], "sha256: and the 64 small hex digits of a key")
		}
		if p.ByCertificate(key) != "" {
			r.want(r.list(n)[i], "a key of one principal only")
		}
	}
	return keys
}

// accounts are accounts at OpenID providers, none of which another principal has.
func (r *reader) accounts(p *Policy, n ast.Node) []Account {
	var all []Account
	for _, e := range r.list(n) {
		m := r.members(e, "issuer", "subject")
		a := Account{Issuer: r.text(m["issuer"]), Subject: r.match(m["subject"], subjectPattern, "the subject (sub) of an account")}
		if u, err := url.Parse(a.Issuer); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			r.want(m["issuer"], "the address of an OpenID provider, as it stands in its tokens")
		}
		if p.ByAccount(a.Issuer, a.Subject) != "" || slices.Contains(all, a) {
			r.want(e, "an account of one principal only")
		}
		all = append(all, a)
	}
	return all
}
