// Package certify tries a template on synthetic people and writes what an
// approver must know of it in two minutes: what it reads, how much one person
// can change, what that costs, and how accurate the answers will be.
//
// A template passes if its SQL keeps people apart (proved on the parsed tree
// and on the bound plan), reads every column it declares, gives each person of
// the population alone no more than its bounds, gives the parts of any
// partition what adds up to the whole, and if its noisy releases tell no more
// of one person than they are charged for. A feature template passes if its SQL
// keeps people apart and reads what it declares, and if taking any person away
// takes that person's rows away and changes no other. The population must be declared
// public: see dp/proof.
package certify

import (
	"context"
	"fmt"
	"slices"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/proof"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/locality"
)

// Population is the synthetic people that templates are tried on.
type Population struct {
	Source queries.Source
	People int
	// Only gives the epoch at which just these people, numbered from 0, are in
	// the snapshot: all others have opted out.
	Only func(people []int) (epoch int64)
}

// Options are what a certification needs.
type Options struct {
	Catalog *queries.Catalog // required: where the template's code lists are
	Engine  queries.Engine   // required for questions
	// Rows reads rows of people; required for feature templates.
	Rows       queries.PersonRows
	Population Population // required
	// Prove is the proof of locality with its findings. Required.
	Prove func(*queries.Template) (*locality.Proof, []locality.Finding, error)
	// Cap is what a cost is held against; zero = epsilon 10 at delta 1e-9.
	Cap dp.Cost
	// Draws of each neighbour in the statistical test; 0 = 100,000.
	Draws int
	// MaxCells bounds the work of the test: a person who moves more cells is
	// drawn fewer times, at least a tenth. 0 = 4.
	MaxCells int
}

// Certificate is the report. It passes if there are no findings.
type Certificate struct {
	Template  string       `json:"template"`
	Catalogue string       `json:"catalogue"`
	Digest    string       `json:"digest"`
	Title     queries.Text `json:"title"`
	Passed    bool         `json:"passed"`
	Findings  []Finding    `json:"findings"`
	// Declared is what clients see of it, with the bounds on a person.
	Declared  queries.Description `json:"declared,omitzero"`
	Reads     []locality.Read     `json:"reads"`
	Functions []string            `json:"functions"`
	Variants  []Variant           `json:"variants"` // fine and coarse
	// Features is the trial of a feature template, which has no variants.
	Features *FeatureTrial `json:"features,omitempty"`
}

// Finding is one reason why a template does not pass. Code is stable.
type Finding struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Variant is what was found of one variant with the template's example.
type Variant struct {
	Coarse     bool              `json:"coarse"`
	Parameters map[string]string `json:"parameters"`
	Groups     int               `json:"groups"` // public; 0 where a key is private
	L0         int               `json:"groups_per_person"`
	Years      []int             `json:"years_charged"`
	Cost       Cost              `json:"cost"`
	Dearest    *Dearest          `json:"dearest,omitempty"`
	People     int               `json:"people_tried"`
	Touched    int               `json:"people_in_the_answer"`
	Worst      float64           `json:"worst_share_of_cost"` // of the person who moves most
	Audit      *proof.Audit      `json:"audit"`
	Accuracy   []Accuracy        `json:"accuracy"`
	Units      map[string]string `json:"units"` // of the half-widths, by measure
}

// Certify tries one template. An error means that it could not be tried; what
// is wrong with the template is among the findings.
func Certify(ctx context.Context, t *queries.Template, o Options) (*Certificate, error) {
	if o.Draws == 0 {
		o.Draws = 100_000
	}
	if o.MaxCells == 0 {
		o.MaxCells = 4
	}
	if o.Cap == (dp.Cost{}) {
		var err error
		if o.Cap, err = dp.CapFor(10, 1e-9); err != nil {
			return nil, err
		}
	}
	c := &Certificate{Template: t.Ref(), Catalogue: t.Catalogue, Digest: t.Digest(), Title: t.Title, Declared: t.Describe(), Findings: []Finding{}}
	p, found, err := o.Prove(t)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		c.add("locality", "%s", f)
	}
	if p != nil {
		c.Reads, c.Functions = p.Reads, p.Functions
		if err := c.unread(t, o); err != nil {
			return nil, err
		}
	}
	if len(c.Findings) == 0 && t.Features != nil {
		if err := c.features(ctx, t, o); err != nil {
			return nil, err
		}
	} else if len(c.Findings) == 0 {
		for _, coarse := range []bool{false, true} {
			if err := c.variant(ctx, t, coarse, o); err != nil {
				return nil, err
			}
		}
	}
	c.Passed = len(c.Findings) == 0
	return c, nil
}

func (c *Certificate) add(code, format string, args ...any) {
	c.Findings = append(c.Findings, Finding{code, fmt.Sprintf(format, args...)})
}

// unread finds tables and columns that are declared and not read: what a
// template may see must be no more than it needs. Whatever can be left out of
// the declaration, and the SQL still binds, is not read.
func (c *Certificate) unread(t *queries.Template, o Options) error {
	for i, r := range t.Reads {
		for j := -1; j < len(r.Columns); j++ {
			less := *t
			less.Reads = slices.Clone(t.Reads)
			what := "table " + r.View
			if j < 0 {
				less.Reads = slices.Delete(less.Reads, i, i+1)
			} else {
				less.Reads[i].Columns = slices.Delete(slices.Clone(r.Columns), j, j+1)
				what = "column " + r.Columns[j] + " of " + r.View
			}
			p, found, err := o.Prove(&less)
			if err != nil {
				return err
			}
			if p != nil && len(found) == 0 {
				c.add("unread", "%s is declared and not read", what)
			}
		}
	}
	return nil
}
