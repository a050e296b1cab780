package main

import (
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		n    queries.ReleasedNumber
		unit string
		want string
	}{
		{queries.ReleasedNumber{Value: 1234567, Low: 100, High: -5}, "fen", "12,345.67  [1.00, -0.05]"},
		{queries.ReleasedNumber{Value: 0.0712, NoInterval: true}, "share", "7.1 %"},
	} {
		if got := interval(c.n, c.unit); got != c.want {
			t.Errorf("%+v: %q, want %q", c.n, got, c.want)
		}
	}
}
