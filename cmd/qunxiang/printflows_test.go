package main

import (
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

func TestPrintFlows(t *testing.T) {
	var b strings.Builder
	printFlows(&b, &queries.Release{})
	if b.Len() > 0 {
		t.Errorf("no flows print %q", b.String())
	}
	printFlows(&b, &queries.Release{Flows: []queries.Flow{
		{Step: 0, To: "metformin", People: queries.ReleasedNumber{Value: 175, Low: 172, High: 178}},
		{Step: 1, From: "metformin", To: "statins", People: queries.ReleasedNumber{Value: 31, Low: 28, High: 34}},
	}})
	for _, want := range []string{"(start)", "> metformin", "metformin  > statins", "31  [28, 34]"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
