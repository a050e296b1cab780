package queries_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy"
)

// In an evaluation domain everybody may leave the purpose out for most
// templates, and gets one that suits their role; nobody gets another's.
func TestEvaluationPurposes(t *testing.T) {
	h := newHouse(t, nil)
	defer h.close()
	roles := map[string]string{"insurer-a": "insurer", "pharma-b": "pharma", "regulator-r": "regulator"}
	alien := map[string][]string{
		"insurer-a": {"drug-development", "fund-regulation"}, "pharma-b": {"commercial-health-insurance", "fund-regulation"},
		"regulator-r": {"drug-development", "commercial-health-insurance"},
	}
	main := map[string]string{"insurer-a I2": "commercial-health-insurance", "insurer-a I3": "commercial-health-insurance", "pharma-b P1": "drug-development", "regulator-r R1": "fund-regulation"}
	for _, tpl := range catalog(t).Templates() {
		askers := 0
		for who, role := range roles {
			if !slices.Contains(tpl.Audiences, role) {
				continue
			}
			d, err := h.policy.Decide(policy.Ask{Principal: who, At: time.Now(), Template: policy.TemplateRef{
				ID: tpl.ID, Version: tpl.Version, Certified: true, Audiences: tpl.Audiences, Purposes: tpl.Purposes}})
			var refusal *policy.Refusal
			if errors.As(err, &refusal) {
				t.Logf("%s %s: %v", who, tpl.Catalogue, err)
				continue
			}
			askers++
			if slices.Contains(alien[who], d.Purpose) {
				t.Errorf("%s asks %s for %s", who, tpl.Catalogue, d.Purpose)
			}
			if want := main[who+" "+tpl.Catalogue]; want != "" && d.Purpose != want {
				t.Errorf("%s asks %s for %q, want %s", who, tpl.Catalogue, d.Purpose, want)
			}
			delete(main, who+" "+tpl.Catalogue)
		}
		if askers == 0 {
			t.Errorf("nobody may ask %s without naming a purpose", tpl.Catalogue)
		}
	}
	if len(main) != 0 {
		t.Errorf("not asked: %v", main)
	}
}
