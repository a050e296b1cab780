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
