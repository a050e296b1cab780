package api

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics count what clients did and what they were told, beside the Vitals. None of
// them depends on the data: there are no run times or sizes, no abandoned runs but
// those that the log tells at their slots, and not the usual figures of the process, whose memory
// follows the data.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	tickets  *prometheus.CounterVec
	refusals *prometheus.CounterVec
}

func newMetrics(look func() Vitals) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "qunxiang", Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: counter("http_requests_total", "Requests by route and class of status.", "route", "class"),
		tickets:  counter("tickets_total", "Tickets handed out, repeats included, by whether the request was charged.", "charged"),
		refusals: counter("refusals_total", "Problems by name and, where a policy refused, rule.", "problem", "rule"),
	}
	m.registry.MustRegister(m.requests, m.tickets, m.refusals)
	if look != nil {
		m.registry.MustRegister(newVitals(look))
	}
	return m
}

func (m *metrics) answered(route string, status int) {
	m.requests.WithLabelValues(route, strconv.Itoa(status/100)+"xx").Inc()
}

func (m *metrics) ticket(charged bool) {
	m.tickets.WithLabelValues(strconv.FormatBool(charged)).Inc()
}

func (m *metrics) refused(p *Problem) {
	if p.Type == problemType+abandoned.name {
		return // whether a run failed depends on the data
	}
	m.refusals.WithLabelValues(p.Name(), p.Rule).Inc()
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
