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
// name or digest than its own.
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
	good := api.Proposal{Subject: ledger.SubjectJob, Name: jobName(card), Detail: text, Leaf: leaf, Digest: digestOf(leaf)}
	if err := checkProposal(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*api.Proposal){
		"name":     func(p *api.Proposal) { p.Name = "training job other" },
		"somebody": func(p *api.Proposal) { p.By = []string{"steward-s"} },
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
