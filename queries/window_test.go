package queries_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// A window beyond the days that the data are declared to hold is refused.
func TestWindowOutsideThePublicRange(t *testing.T) {
	c := catalog(t)
	tpl, err := c.Find("I3")
	if err != nil {
		t.Fatal(err)
	}
	src := source
	src.From, src.To = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2018, 12, 31, 0, 0, 0, 0, time.UTC)
	for window, ok := range map[string]bool{"2016-01-01..2018-12-31": true, "2017": true, "2015-12-31..2016-12-30": false, "2018-06-01..2019-01-01": false} {
		_, err := c.Compile(tpl, false, map[string]string{"window": window}, src)
		if ok && err != nil || !ok && (!errors.Is(err, queries.ErrParameter) || !strings.Contains(err.Error(), "public range")) {
			t.Errorf("%s: %v", window, err)
		}
	}
}

// Looking back to before the data begin is refused too: the parameter that does
// it is named.
func TestLookbackOutsideThePublicRange(t *testing.T) {
	c := catalog(t)
	tpl, err := c.Find("P1")
	if err != nil {
		t.Fatal(err)
	}
	src := source
	src.From, src.To = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2018, 12, 31, 0, 0, 0, 0, time.UTC)
	for washout, ok := range map[string]bool{"0": true, "366": true, "367": false, "1000": false} {
		_, err := c.Compile(tpl, false, map[string]string{"window": "2017", "codes": "hypertension", "washout": washout}, src)
		if ok && err != nil || !ok && (!errors.Is(err, queries.ErrParameter) || !strings.Contains(err.Error(), "washout: looking back")) {
			t.Errorf("washout %s: %v", washout, err)
		}
	}
}

// A bound per year grows with the years begun since the window's first day, not
// with the calendar years it touches; a series has more months, each as bounded
// as before.
func TestBoundsPerYear(t *testing.T) {
	c := catalog(t)
	bounds := func(ref, window string, measure string) (lo, hi int64, positions int) {
		t.Helper()
		tpl, err := c.Find(ref)
		if err != nil {
			t.Fatal(err)
		}
		q, err := c.Compile(tpl, false, map[string]string{"window": window}, source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range q.Job.Spec.Measures {
			if m.Name == measure {
				return m.Lo, m.Hi, m.MaxPositions
			}
		}
		t.Fatalf("no measure %s", measure)
		return 0, 0, 0
	}
	_, year, _ := bounds("I2", "2017", "person_days")
	if _, across, _ := bounds("I2", "2016-07-01..2017-06-30", "person_days"); across != year {
		t.Errorf("a year across New Year is bounded by %d days, a calendar year by %d", across, year)
	}
	if _, two, _ := bounds("I2", "2016-07-01..2017-07-02", "person_days"); two != 2*year {
		t.Errorf("a year and a day is bounded by %d days, want %d", two, 2*year)
	}
	_, month, months := bounds("R2", "2017", "payments")
	if _, m, n := bounds("R2", "2016-01-01..2018-12-31", "payments"); m != month || n != 3*months {
		t.Errorf("three years: %d in each of %d months, one year: %d in each of %d", m, n, month, months)
	}
}
