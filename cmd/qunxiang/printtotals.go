package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/qunxiang/qunxiang/queries"
)

// printTotals shows the sums of the shown groups, a line per number; totals that
// add nothing together, because their keys are those of the table, are left out.
func printTotals(w io.Writer, r *queries.Release) {
	for _, total := range r.Totals {
		if len(total.Keys) == len(r.Keys) {
			continue
		}
		head := "all groups shown"
		var keys []string
		for _, k := range r.Keys {
			if v, ok := total.Keys[k]; ok {
				keys = append(keys, k+" "+v)
			}
		}
		if len(keys) > 0 {
			head = strings.Join(keys, ", ")
		}
		fmt.Fprintf(w, "  total of %s (%d shown", head, total.Groups)
		if total.Suppressed > 0 {
			fmt.Fprintf(w, ", %d suppressed and not in it", total.Suppressed)
		}
		fmt.Fprintln(w, ")")
		t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
		for _, n := range totalNames(r, total) {
			m := total.Measures[n]
			if m.Number != nil {
				fmt.Fprintf(t, "    %s%s\t%s\n", n, unitOf(r, n), interval(*m.Number, m.Unit))
				continue
			}
			for _, p := range m.Values {
				fmt.Fprintf(t, "    %s %s%s\t%s\n", n, p.At, unitOf(r, n), interval(p.ReleasedNumber, m.Unit))
			}
		}
		t.Flush()
	}
}

// totalNames are the numbers of a total in the order of the table's.
func totalNames(r *queries.Release, total queries.ReleasedTotal) []string {
	var out []string
	for _, n := range measureNames(r) {
		if _, ok := total.Measures[n]; ok {
			out = append(out, n)
		}
	}
	return out
}
