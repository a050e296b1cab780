package ledger_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

var (
	words  = rapid.StringMatching(`[a-z0-9é群像<>&' ./-]{1,40}`)
	counts = rapid.Int64Range(0, 1<<53-1)
	money  = rapid.Int64Range(1, 1<<63-1)
	whens  = rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "time"), 0).UTC()
	})
	lists   = rapid.SliceOfNDistinct(words, 1, 5, rapid.ID[string])
	digests = rapid.StringMatching(`[0-9a-f]{64}`)
	costs   = rapid.Custom(func(t *rapid.T) dp.Cost {
		return dp.Cost{Rho: money.Draw(t, "rho"), Delta: money.Draw(t, "delta")}
	})
)

func sorted(list []string) []string {
	for i := range list {
		for j := range i {
			if list[i] < list[j] {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return list
}

// bodies draws a leaf's body of any type.
func bodies(t *rapid.T) ledger.Body {
	w := func() string { return words.Draw(t, "text") }
	n := func() int64 { return counts.Draw(t, "count") }
	switch rapid.IntRange(0, 13).Draw(t, "type") {
	case 0:
		return &ledger.Charge{ID: w(), Principal: w(), Organisation: w(), Grant: w(), Purpose: w(), Template: w() + "@1",
			Catalogue: w(), TemplateDigest: w(), Key: w(), Snapshot: w(), Epoch: n(), Scopes: sorted(lists.Draw(t, "scopes")),
			Cost:   costs.Draw(t, "cost"),
			Sigmas: rapid.MapOfN(words, rapid.Float64Range(1e-300, 1e300), 1, 9).Draw(t, "sigmas"),
			Due:    whens.Draw(t, "due"), Idempotency: w(), Request: w(), Policy: n(), Rules: rapid.Int64Range(0, 2).Draw(t, "rules")}
	case 1:
		return &ledger.Release{Charge: n(), ID: w(), Digest: digests.Draw(t, "digest")}
	case 2:
		return &ledger.Replay{ID: w(), Release: n(), Grant: w(), Principal: w(), Organisation: w(), Purpose: w(), Idempotency: w(), Request: w()}
	case 3:
		return &ledger.Abandon{Charge: n()}
	case 4:
		return &ledger.Deny{Principal: w(), Template: w(), Rule: w()}
	case 5:
		return &ledger.Snapshot{Snapshot: w(), By: w()}
	case 8:
		rules, by := rapid.Int64Range(0, 2).Draw(t, "rules"), ""
		if rules == 2 {
			by = w()
		}
		return &ledger.Reserve{Job: w(), Principal: w(), Organisation: w(), Grant: w(), Purpose: w(), Template: w() + "@1", TemplateDigest: w(),
			Scopes: sorted(lists.Draw(t, "scopes")), Cost: costs.Draw(t, "cost"), Until: "2027-12-31", By: by, Rules: rules}
	case 9:
		return &ledger.Close{Reserve: n()}
	case 10:
		made := whens.Draw(t, "made")
		return &ledger.Approve{Subject: "template", Digest: digests.Draw(t, "digest"), Name: w(), Approver: w(), Revoked: rapid.Bool().Draw(t, "revoked"),
			Made: made, Expires: made.Add(24 * time.Hour), Signature: w()}
	case 11:
		return &ledger.Key{Use: "log", Algorithm: "sm2", Public: w(), Lost: rapid.Bool().Draw(t, "lost"), By: w()}
	case 12:
		return &ledger.Delete{Leaf: n(), By: w()}
	case 13:
		return &ledger.Audit{Leaves: max(1, n()), Root: digests.Draw(t, "root"), Passed: rapid.Bool().Draw(t, "passed"), By: w()}
	case 6:
		return &ledger.Resume{Template: w() + "@1", By: sorted(lists.Draw(t, "by"))}
	}
	g := &ledger.Grant{Population: w(), Policy: w(), Mode: "evaluation", Year: costs.Draw(t, "year"), Life: costs.Draw(t, "life")}
	for _, id := range lists.Draw(t, "grants") {
		g.Grants = append(g.Grants, ledger.Granted{ID: id, Principal: w(), Templates: lists.Draw(t, "templates"),
			Purposes: lists.Draw(t, "purposes"), Until: "2027-12-31", QuotaRho: n()})
	}
	return g
}

// drawLink draws the chain of a leaf of format 2, or "" for one of format 1 where its body
// may be one.
func drawLink(t *rapid.T, b ledger.Body) string {
	switch b := b.(type) {
	case *ledger.Approve, *ledger.Key, *ledger.Delete, *ledger.Audit:
	default:
		if rapid.Bool().Draw(t, "format 1") {
			return ""
		}
	case *ledger.Charge:
		if rapid.Bool().Draw(t, "format 1") {
			b.Policy, b.Rules = 0, 0
			return ""
		}
	case *ledger.Reserve:
		if rapid.Bool().Draw(t, "format 1") {
			b.Rules, b.By = 0, ""
			return ""
		}
	case *ledger.Replay:
		if rapid.Bool().Draw(t, "format 1") {
			b.Grant = ""
			return ""
		}
	case *ledger.Grant:
		if rapid.Bool().Draw(t, "supervised") {
			supervise(b)
		} else if rapid.Bool().Draw(t, "format 1") {
			return ""
		}
		b.Replaces = rapid.Int64Range(-1, 1<<53-1).Draw(t, "replaces")
		if rapid.Bool().Draw(t, "read") {
			b.Readers = []ledger.Reader{{Organisation: "o", Principal: "p"}, {Organisation: "o", Principal: "q"}}
		}
	}
	return digests.Draw(t, "previous")
}

func supervise(g *ledger.Grant) {
	key := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	g.Mode, g.By, g.K, g.Retention = "supervised", "s-1", "20", 183
	g.Approvers = []ledger.Approver{{Person: "p-1", Key: key(1)}, {Person: "p-2", Key: key(2)}, {Person: "p-3", Key: key(3)}}
	g.Persons = []ledger.Person{{Person: "p-1", Principal: "s-1"}, {Person: "p-2", Principal: "s-2"}, {Person: "p-3", Principal: "s-3"}}
	g.Witnesses = ledger.Witnesses{Keys: []string{witnessKey("w")}, Quorum: 1}
	for i := range g.Grants {
		g.Grants[i].Organisation = "o"
	}
}

func TestLeafRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := ledger.Leaf{Index: counts.Draw(t, "index"), Time: whens.Draw(t, "time"), Body: bodies(t)}
		l.Previous = drawLink(t, l.Body)
		raw, err := ledger.Encode(l)
		if err != nil {
			t.Fatal(err)
		}
		switch len(raw) {
		case 1024, 4096, 16384, 65535:
		default:
			t.Fatalf("a leaf of %d bytes", len(raw))
		}
		canonical, err := jcs.Transform(raw)
		if err != nil || !bytes.Equal(raw, canonical) {
			t.Fatalf("not canonical: %v\n%s\n%s", err, raw, canonical)
		}
		back, err := ledger.Decode(raw)
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Fatalf("read back %+v (%v), want %+v", back.Body, err, l.Body)
		}
	})
}

// A leaf can be written in one way only: whatever is changed in it, if it is
// still read, it is read as what it says.
func TestDecodeStrict(t *testing.T) {
	c := charge("r-1", 5, dawn)
	raw, err := ledger.Encode(ledger.Leaf{Index: 7, Time: dawn, Body: &c})
	must(t, err)
	text := string(raw)
	repad := func(s string) string { // keep the length of the leaf
		if n := len(s) - len(text); n > 0 {
			return strings.Replace(s, strings.Repeat("0", n), "", 1)
		}
		return strings.Replace(s, `"pad":"`, `"pad":"`+strings.Repeat("0", len(text)-len(s)), 1)
	}
	for name, bad := range map[string]string{
		"unknown member":      repad(strings.Replace(text, `"type"`, `"tip":"x","type"`, 1)),
		"missing member":      repad(strings.Replace(text, `"epoch":20778,`, ``, 1)),
		"double member":       repad(strings.Replace(text, `"epoch":20778`, `"epoch":20778,"epoch":20778`, 1)),
		"order":               strings.Replace(text, `"rho":"5","scopes":["testville/2017","testville/life"]`, `"scopes":["testville/2017","testville/life"],"rho":"5"`, 1),
		"scopes out of order": strings.Replace(text, `"testville/2017","testville/life"`, `"testville/life","testville/2017"`, 1),
		"number for string":   repad(strings.Replace(text, `"rho":"5"`, `"rho":5`, 1)),
		"leading zero":        repad(strings.Replace(text, `"rho":"5"`, `"rho":"05"`, 1)),
		"negative":            repad(strings.Replace(text, `"rho":"5"`, `"rho":"-5"`, 1)),
		"zero cost":           strings.Replace(text, `"rho":"5"`, `"rho":"0"`, 1),
		"overflow":            repad(strings.Replace(text, `"rho":"5"`, `"rho":"9223372036854775808"`, 1)),
		"float":               repad(strings.Replace(text, `"index":7`, `"index":7.0`, 1)),
		"space":               repad(strings.Replace(text, `"index":7`, `"index": 7`, 1)),
		"escape":              repad(strings.Replace(text, `"grant":"g-1"`, `"grant":"g\u002d1"`, 1)),
		"bad UTF-8":           strings.Replace(text, `"grant":"g-1"`, "\"grant\":\"g-\xff\"", 1),
		"control character":   strings.Replace(text, `"grant":"g-1"`, "\"grant\":\"g-\n\"", 1),
		"other padding":       strings.Replace(text, `"pad":"000`, `"pad":"0x0`, 1),
		"less padding":        strings.Replace(text, `"pad":"0`, `"pad":"`, 1),
		"too much padding":    strings.Replace(text, `"pad":"`, `"pad":"`+strings.Repeat("0", 4096-1024), 1),
		"type":                strings.Replace(text, `"type":"CHARGE"`, `"type":"CHARGY"`, 1),
		"other type":          repad(strings.Replace(text, `"type":"CHARGE"`, `"type":"ABANDON"`, 1)),
		"leaf behind a leaf":  strings.Replace(text, strings.Repeat("0", len(`{"type":"CHARGE"}`)), "", 1) + `{"type":"CHARGE"}`,
		"trailing bytes":      text[:len(text)-1] + `} `,
		"sigma zero":          repad(strings.Replace(text, `"1.25e+07"`, `"0"`, 1)),
		"sigma spelt long":    repad(strings.Replace(text, `"1.25e+07"`, `"12500000"`, 1)),
		"sigma infinite":      repad(strings.Replace(text, `"1.25e+07"`, `"+Inf"`, 1)),
		"empty id":            repad(strings.Replace(text, `"id":"r-1"`, `"id":""`, 1)),
		"empty":               "",
		"null":                "null",
	} {
		if bad == text {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := ledger.Decode([]byte(bad)); err == nil {
			t.Errorf("%s: read", name)
		} else {
			want(t, err, ledger.ErrLeaf)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, change := range map[string]func(*ledger.Charge){
		"quote":            func(c *ledger.Charge) { c.ID = `a"b` },
		"newline":          func(c *ledger.Charge) { c.Principal = "a\nb" },
		"bad UTF-8":        func(c *ledger.Charge) { c.Purpose = "\xff" },
		"long":             func(c *ledger.Charge) { c.Key = strings.Repeat("k", 513) },
		"no version":       func(c *ledger.Charge) { c.Template = "claim-severity" },
		"negative rho":     func(c *ledger.Charge) { c.Cost.Rho = -1 },
		"negative delta":   func(c *ledger.Charge) { c.Cost.Delta = -1 },
		"no sigma":         func(c *ledger.Charge) { c.Sigmas = nil },
		"part of a second": func(c *ledger.Charge) { c.Due = c.Due.Add(time.Millisecond) },
		"double scope":     func(c *ledger.Charge) { c.Scopes = []string{life, life} },
		"too large": func(c *ledger.Charge) {
			c.Scopes = nil
			for i := range 200 {
				c.Scopes = append(c.Scopes, strings.Repeat("s", 400)+string(rune('a'+i%26))+string(rune('a'+i/26)))
			}
			sorted(c.Scopes)
		},
	} {
		c := charge("r-1", 5, dawn)
		change(&c)
		_, err := ledger.Encode(ledger.Leaf{Index: 1, Time: dawn, Body: &c})
		if err == nil {
			t.Errorf("%s: written", name)
			continue
		}
		want(t, err, ledger.ErrLeaf)
	}
}

func FuzzDecode(f *testing.F) {
	g := grant(1000)
	c := charge("r-1", 5, dawn)
	for i, b := range []ledger.Body{&c, &g, &ledger.Release{Charge: 1, ID: "r", Digest: digest("d")}, &ledger.Abandon{Charge: 3},
		&ledger.Replay{ID: "r", Release: 1, Principal: "p", Organisation: "o", Purpose: "x", Request: "q"},
		&ledger.Deny{Principal: "p", Rule: "no-grant"}, &ledger.Snapshot{Snapshot: "s", By: "p"}, &ledger.Resume{Template: template, By: []string{"p"}}} {
		raw, err := ledger.Encode(ledger.Leaf{Index: int64(i), Time: dawn, Body: b})
		must(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := ledger.Decode(raw)
		if err != nil {
			return
		}
		again, err := ledger.Encode(l)
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("read but not written back the same: %v", err)
		}
		if !json.Valid(raw) {
			t.Fatal("read, and it is not JSON")
		}
	})
}
