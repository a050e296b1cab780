package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/qunxiang/qunxiang/queries"
)

// printFlows shows how many people go from one stage to the next, step by step.
func printFlows(w io.Writer, r *queries.Release) {
	if len(r.Flows) == 0 {
		return
	}
	fmt.Fprintln(w, "  from one step to the next, of the paths shown:")
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	for _, f := range r.Flows {
		from := f.From
		if from == "" {
			from = "(start)"
		}
		fmt.Fprintf(t, "    %d\t%s\t> %s\t%s\n", f.Step, from, f.To, interval(f.People, "people"))
	}
	t.Flush()
}
