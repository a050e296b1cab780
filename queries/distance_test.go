package queries

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// Every shown group has its distance from all shown groups; a hidden one counts
// in neither.
func TestDistanceOfGroups(t *testing.T) {
	tpl, err := workshopWith(t, "  - {name: by_age,", "  - {name: apart, title: {en: n, zh: n}, kind: distance, of: step, unit: share}\n  - {name: by_age,")
	if err != nil {
		t.Fatal(err)
	}
	q, err := (&Catalog{}).Compile(tpl, false, nil, Source{Snapshot: "s", MaxRows: 1000})
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(q, 600)
	kept := rows[:0]
	for _, row := range rows {
		if row.Keys[0] == "young" || row.Keys[1] == "A" || row.Keys[1] == "A>B" && row.Person[5] == 0 {
			kept = append(kept, row)
		}
	}
	r, _ := releaseExact(t, q, kept)
	var whole [3]float64
	hidden := 0
	for _, g := range r.Groups {
		if g.Suppressed {
			hidden++
			continue
		}
		for i := range whole {
			whole[i] += valueOf(t, g.Measures, "step", i)
		}
	}
	if hidden != 2 {
		t.Fatalf("%d groups are hidden", hidden)
	}
	for _, g := range r.Groups {
		if g.Suppressed {
			continue
		}
		var own, sum, want float64
		for i := range whole {
			own, sum = own+valueOf(t, g.Measures, "step", i), sum+whole[i]
		}
		for i := range whole {
			want += math.Abs(valueOf(t, g.Measures, "step", i)/own-whole[i]/sum) / 2
		}
		n := g.Measures["apart"].Number
		if n == nil || want == 0 {
			t.Fatalf("%v: no distance", g.Keys)
		}
		near(t, "distance", n.Value, want)
		if n.Low > n.Value || n.High < n.Value || n.High > 1 || n.Low < 0 {
			t.Errorf("interval %+v", n)
		}
	}
	for label, want := range map[string]string{"age=0-17": "age", "cover=180-349 days": "cover", "seen": ""} {
		if got := featureOf(label); got != want {
			t.Errorf("%s: feature %q", label, got)
		}
	}
	for edit, says := range map[string]string{"of: fee, unit": "histogram or series", "of: step, within: [age], unit": "within belongs"} {
		_, err := workshopWith(t, "  - {name: by_age,", "  - {name: apart, title: {en: n, zh: n}, kind: distance, "+edit+": share}\n  - {name: by_age,")
		if !errors.Is(err, ErrTemplate) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", edit, err)
		}
	}
}
