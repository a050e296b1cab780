package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

func (d *domain) train(ctx context.Context, card *federated.Card, o *federated.NodeOptions) error {
	m, err := d.newest()
	if err != nil {
		return err
	}
	l := d.ledger
	if l == nil {
		l = &ledger.Ledger{State: d.state}
	}
	b := &federated.LedgerBooks{Ledger: l, Key: d.logKey(), Snapshot: m.ID, Scopes: []string{d.policy.Population + "/life", d.policy.Population + "/2017"}}
	for _, g := range d.policy.Grants {
		if b.Grant == "" && slices.Contains(g.Templates, card.Job) {
			b.Grant, b.Principal, b.Organisation = g.ID, g.Principal, d.policy.Organisation(g.Principal)
		}
	}
	o.Books, o.Rows = b, func(context.Context) ([]glm.Row, error) {
		r := rand.New(rand.NewPCG(uint64(len(m.ID)), uint64(m.ID[0])))
		rows := make([]glm.Row, m.People)
		for i := range rows {
			age, sector, extra := 20+40*r.Float64(), "industry", 0.0
			if r.IntN(2) == 1 {
				sector, extra = "services", 0.5
			}
			mean, visits := math.Exp(-1.2+0.4*(age-40)/20+extra), 0
			for p := r.Float64(); p > math.Exp(-mean); p *= r.Float64() {
				visits++
			}
			rows[i] = glm.Row{Person: fmt.Sprint(i), Response: float64(visits), Values: []glm.Value{{Number: age}, {Level: sector}}}
		}
		return rows, nil
	}
	return nil
}
