package main

import (
	_ "embed"

	"github.com/qunxiang/qunxiang/api"
)

// alertRules are rules of Prometheus on the server's metrics.
//
//go:embed alerts.yaml
var alertRules string

// vitals are how the domain is doing, for its own listener.
func (d *domain) vitals() api.Vitals {
	h := d.ledger.Health()
	return api.Vitals{
		Witnessed: h.Witnessed, Reached: h.Reached, ReadOnly: h.ReadOnly, Contact: h.Contact.Seconds(), Checkpoint: h.Checkpoint.Seconds(),
		Leaves: h.Leaves, Waiting: h.Waiting, Open: h.Open, Abandoned: h.Abandoned,
		Free: diskFree(d.dir), Pending: d.pending.Load(),
	}
}
