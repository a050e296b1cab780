package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// Whoever shows a training job may not have its card signed in other words, under another
// digest than its own, nor on terms that are not the card's or of another asker.
func TestJobIsShown(t *testing.T) {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	card := trainingCard(t, catalog)
	leaf, err := card.JSON()
	if err != nil {
		t.Fatal(err)
	}
	text, err := card.Text()
	if err != nil {
		t.Fatal(err)
	}
	a, err := card.Aside()
	if err != nil {
		t.Fatal(err)
	}
	r := ledger.Reserve{Template: card.Source.Template, Purpose: card.Purpose, Cost: a.Whole, Until: a.Until, By: "steward-s", Grant: "g-1", Scopes: []string{"testville/2017", "testville/life"}}
	good := api.Proposal{Subject: ledger.SubjectJob, Name: r.Terms("testville"), Detail: text, Leaf: leaf, Digest: digestOf(leaf), By: []string{"steward-s"}}
	if err := checkProposal(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*api.Proposal){
		"name":     func(p *api.Proposal) { p.Name = "training job other" },
		"somebody": func(p *api.Proposal) { p.By = []string{"steward-t"} },
		"nobody":   func(p *api.Proposal) { p.By = nil },
		"two":      func(p *api.Proposal) { p.By = append(p.By, "steward-t") },
		"cost":     func(p *api.Proposal) { p.Name = strings.Replace(p.Name, "rho ", "rho 9", 1) },
		"template": func(p *api.Proposal) { p.Name = strings.Replace(p.Name, card.Source.Template, "other@1.0.0", 1) },
		"purpose":  func(p *api.Proposal) { p.Name = strings.Replace(p.Name, card.Purpose, "research", 1) },
		"delta":    func(p *api.Proposal) { p.Name = strings.Replace(p.Name, "delta ", "delta 9", 1) },
		"last day": func(p *api.Proposal) { p.Name = strings.Replace(p.Name, card.Until, "2100-01-01", 1) },
		"end":      func(p *api.Proposal) { p.Name += ", or more" },
		"digest":   func(p *api.Proposal) { p.Digest = strings.Repeat("0", 64) },
		"words":    func(p *api.Proposal) { p.Detail = strings.Replace(p.Detail, "rho 0", "rho 0.0", 1) },
		"card":     func(p *api.Proposal) { p.Leaf = bytes.Replace(p.Leaf, []byte(`"places":1`), []byte(`"places":2`), 1) },
		"no card":  func(p *api.Proposal) { p.Leaf = []byte("{}") },
		"kind":     func(p *api.Proposal) { p.Subject = ledger.SubjectDelete },
	} {
		bad := good
		if edit(&bad); checkProposal(bad) == nil {
			t.Errorf("signed with another %s", name)
		}
	}
}
