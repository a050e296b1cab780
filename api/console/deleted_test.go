package console

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// TestHistoryIsWhole: what was given again and what is deleted since stand among the
// answers as what they are, and neither counts as a price that was paid.
func TestHistoryIsWhole(t *testing.T) {
	s, d := site(t)
	mine, again := d.add("insurer-a", severity()), d.add("insurer-a", severity())
	d.deleted[mine.ID] = ledger.Deletion{Leaf: 1234, Time: noon.AddDate(0, 7, 0), Approvals: 2}
	for i, by := range []string{"insurer-a", "regulator-r"} {
		r, _ := d.charged(2)
		id := again.ID[:len(again.ID)-2] + []string{"fa", "fb"}[i]
		d.repeats = append(d.repeats, ledger.Trace{ID: id, By: by, Time: noon.Add(time.Hour), Purpose: []string{"health-management", string(policy.ReadReleases)}[i], Replay: true, Request: r})
		d.tickets[id], d.owner[id], d.stored[id] = d.tickets[again.ID], by, d.stored[again.ID]
	}
	for lang, want := range map[string][]string{"en": {"given again, nothing charged", "deleted", "31 August 2026", "health management"}, "zh": {"取用已有回答，未扣减预算", "已删除", "2026年8月31日", "健康管理"}} {
		p := signedIn(t, s, "token-a", lang).get("/console/requests")
		p.check(t, "history")
		for _, w := range want {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: the history has no %q", lang, w)
			}
		}
		if n := strings.Count(p.body, `<th scope="row">`); n != 3 || strings.Index(p.body, want[0]) > strings.Index(p.body, want[2]) {
			t.Errorf("%s: %d rows, or not the newest first", lang, n)
		}
	}
	p := signedIn(t, s, "token-a", "en")
	if got := p.get("/console/requests/" + d.repeats[0].ID); got.status != http.StatusOK || !strings.Contains(got.body, "13,000") {
		t.Errorf("what was given again is %d", got.status)
	}
	if got := signedIn(t, s, "token-r", "en").get("/console/requests").body; !strings.Contains(got, "handed to you by your role") || strings.Contains(got, "given again") {
		t.Error("what was handed over by role is not said to be")
	}
}

// TestDeletedAnswers: whoever had an answer reads when it was deleted, and has its receipt
// checked still; to all others it is what does not exist.
func TestDeletedAnswers(t *testing.T) {
	s, d := site(t)
	mine := d.add("insurer-a", severity())
	d.deleted[mine.ID] = ledger.Deletion{Leaf: 1234, Time: noon.AddDate(0, 7, 0), Approvals: 2}
	path := "/console/requests/" + mine.ID
	for lang, want := range map[string][]string{"en": {"deleted on 31 August 2026 under the approvals of 2 people: leaf 1,234", "receipt still verifies"}, "zh": {"2026年8月31日 经 2 人批准删除，见日志第 1,234 条", "回执仍可核验"}} {
		b := signedIn(t, s, "token-a", lang)
		p := b.get(path)
		p.check(t, "deleted")
		for _, w := range want {
			if p.status != http.StatusOK || !strings.Contains(p.body, w) {
				t.Errorf("%s: %d without %q", lang, p.status, w)
			}
		}
		v := b.get(path + "/verify")
		if v.status != http.StatusOK || !strings.Contains(v.body, `verdict good`) || strings.Contains(v.body, "--release") || strings.Contains(v.body, map[string]string{"en": "very bytes", "zh": "字节与日志"}[lang]) {
			t.Errorf("%s: its receipt is checked as %d", lang, v.status)
		}
	}
	if p := signedIn(t, s, "token-r", "en").get(path); p.status != http.StatusNotFound {
		t.Errorf("to a regulator who never had it, it is %d", p.status)
	}
	nowhere := signedIn(t, s, "token-b", "en")
	for _, look := range []string{path, path + "/verify"} {
		if p := nowhere.get(look); p.status != http.StatusNotFound || p.body != nowhere.get("/console/nowhere").body {
			t.Errorf("%s is %d to another organisation", look, p.status)
		}
	}
	// To one of another organisation who was handed it, the receipt does not show the charge.
	d.handed[[2]string{mine.ID, "pharma-b"}] = true
	r, _ := d.charged(0)
	d.repeats = append(d.repeats, ledger.Trace{ID: "q-again", By: "pharma-b", Time: noon, Purpose: "drug-development", Replay: true, Request: r})
	d.tickets["q-again"], d.owner["q-again"] = d.tickets[mine.ID], "pharma-b"
	p := nowhere.get("/console/requests/q-again")
	if p.status != http.StatusOK || !strings.Contains(p.body, "takes the released file beside it") || strings.Contains(p.body, "/verify") || strings.Contains(p.body, "insurer-a") {
		t.Errorf("a repeat of what is deleted is %d:\n%s", p.status, p.body)
	}
	if p := nowhere.get("/console/requests/q-again/verify"); p.status != http.StatusNotFound {
		t.Errorf("its receipt is checked without the file: %d", p.status)
	}
}
