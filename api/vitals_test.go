package api

import (
	"strings"
	"testing"
)

// The vitals are told inside only, by one look, and the disk in classes.
func TestVitals(t *testing.T) {
	looks := 0
	s, _ := server(t, func(o *Options) {
		o.Vitals = func() Vitals {
			looks++
			return Vitals{Witnessed: true, ReadOnly: true, Contact: 61.5, Checkpoint: 3, Leaves: 17, Waiting: 2, Open: 3, Abandoned: 1, Free: 0.1234567, Pending: true}
		}
	})
	if w := do(s.Handler(), "GET", "/metrics", ""); w.Code != 404 || looks != 0 {
		t.Errorf("clients are told: %d", w.Code)
	}
	text := do(s.Internal(), "GET", "/metrics", "").Body.String()
	for _, want := range []string{
		"qunxiang_witnesses_needed 1\n", "qunxiang_witnesses_reached 0\n", "qunxiang_log_read_only 1\n", "qunxiang_witnesses_contact_age_seconds 61.5\n", "qunxiang_checkpoint_age_seconds 3\n",
		"qunxiang_log_leaves 17\n", "qunxiang_releases_waiting 2\n", "qunxiang_charges_open 3\n", "qunxiang_charges_abandoned_total 1\n",
		"qunxiang_disk_free_at_least 0.1\n", "qunxiang_policy_waiting 1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing of %q in\n%s", want, text)
		}
	}
	if looks != 1 {
		t.Errorf("%d looks", looks)
	}
}

func TestFreeClass(t *testing.T) {
	for free, want := range map[float64]float64{1: 0.5, 0.5: 0.5, 0.4999: 0.2, 0.2: 0.2, 0.19: 0.1, 0.06: 0.05, 0.05: 0.05, 0.03: 0.02, 0.0199: 0, 0: 0, -1: 0} {
		if got := FreeClass(free); got != want {
			t.Errorf("%v free: class %v, want %v", free, got, want)
		}
	}
}
