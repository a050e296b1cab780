package api

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Vitals are how a domain is doing, for whoever keeps it. They are told on the internal
// listener only, and even there nothing in them depends on the data: what the log tells
// its readers, the time of slots, and how full the disk is, in classes.
type Vitals struct {
	Witnessed  bool    // charges need witnesses, or the copy outside
	Reached    bool    // and they are in reach, or nothing needs them
	ReadOnly   bool    // nothing is written before they were met, since the start
	Contact    float64 // seconds since they last cosigned
	Checkpoint float64 // seconds since the newest checkpoint
	Leaves     int64   // of the log
	Waiting    int64   // answers that wait for witnesses
	Open       int64   // charges whose slot is to come
	Abandoned  int64   // charges in the log that have no answer
	Free       float64 // least free share of the domain's disk; see FreeClass
	Pending    bool    // policy.yaml waits for approvals, or cannot be put in force
}

// freeClasses are the shares of a disk that are told apart: how much the engine spills
// depends on the data.
var freeClasses = []float64{0.5, 0.2, 0.1, 0.05, 0.02}

// FreeClass is the largest class that a free share of the disk reaches, 0 below the least.
func FreeClass(free float64) float64 {
	for _, c := range freeClasses {
		if free >= c {
			return c
		}
	}
	return 0
}

// vital is a figure of Vitals.
type vital struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(Vitals) float64
}

// vitals collects them whenever the metrics are read.
type vitals struct {
	look func() Vitals
	list []vital
}

func newVitals(look func() Vitals) *vitals {
	v := &vitals{look: look}
	add := func(name, help string, kind prometheus.ValueType, value func(Vitals) float64) {
		v.list = append(v.list, vital{prometheus.NewDesc("qunxiang_"+name, help, nil, nil), kind, value})
	}
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	add("witnesses_needed", "1 if charges need witnesses or the copy outside.", gauge, func(v Vitals) float64 { return bit(v.Witnessed) })
	add("witnesses_reached", "1 if the quorum has cosigned a moment ago, or none is needed.", gauge, func(v Vitals) float64 { return bit(v.Reached) })
	add("log_read_only", "1 if nothing is written because those outside were not met since the start.", gauge, func(v Vitals) float64 { return bit(v.ReadOnly) })
	add("witnesses_contact_age_seconds", "Time since the quorum last cosigned, or since the start.", gauge, func(v Vitals) float64 { return v.Contact })
	add("checkpoint_age_seconds", "Time since the log's newest checkpoint.", gauge, func(v Vitals) float64 { return v.Checkpoint })
	add("log_leaves", "Leaves of the log.", gauge, func(v Vitals) float64 { return float64(v.Leaves) })
	add("releases_waiting", "Answers that wait for witnesses.", gauge, func(v Vitals) float64 { return float64(v.Waiting) })
	add("charges_open", "Charges whose slot is to come.", gauge, func(v Vitals) float64 { return float64(v.Open) })
	add("charges_abandoned_total", "Charges that the log shows as abandoned, since it was begun.", counter, func(v Vitals) float64 { return float64(v.Abandoned) })
	add("disk_free_at_least", "Share of the domain's disk that is free at least, in classes.", gauge, func(v Vitals) float64 { return FreeClass(v.Free) })
	add("policy_waiting", "1 if policy.yaml is not in force.", gauge, func(v Vitals) float64 { return bit(v.Pending) })
	return v
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe implements prometheus.Collector.
func (v *vitals) Describe(out chan<- *prometheus.Desc) {
	for _, x := range v.list {
		out <- x.desc
	}
}

// Collect implements prometheus.Collector: one look for all figures.
func (v *vitals) Collect(out chan<- prometheus.Metric) {
	now := v.look()
	for _, x := range v.list {
		out <- prometheus.MustNewConstMetric(x.desc, x.kind, x.value(now))
	}
}
