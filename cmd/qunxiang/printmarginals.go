package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/qunxiang/qunxiang/queries"
)

// shownRows is how many synthetic rows and how many unmeasured pairs are printed.
const shownRows = 10

// printMarginals shows the one-way tables, the tree of chosen pairs and what was
// left, in the columns of the group's table. Cells of pairs are many: they are in
// the JSON.
func printMarginals(t io.Writer, m queries.ReleasedValue) {
	fmt.Fprintf(t, "    one-way tables\t%s\n", shownUnit(m.Unit))
	for _, p := range m.Values {
		fmt.Fprintf(t, "      %s\t%s\n", p.At, interval(p.ReleasedNumber, m.Unit))
	}
	fmt.Fprint(t, "    chosen pairs\tcells\tindependence error\n")
	for _, p := range m.Marginals.Pairs {
		half := 0.0
		if len(p.Cells) > 0 {
			half = (p.Cells[0].High - p.Cells[0].Low) / 2
		}
		fmt.Fprintf(t, "      %s x %s\t%d, each ± %s\t%s\n", p.A, p.B, len(p.Cells), amount(half, m.Unit), interval(p.Independence, m.Unit))
	}
	if len(m.Marginals.Left) > 0 {
		fmt.Fprint(t, "    pairs not measured\t\tindependence error\n")
	}
	for _, e := range m.Marginals.Left {
		fmt.Fprintf(t, "      %s x %s\t\t%s\n", e.A, e.B, interval(e.Independence, m.Unit))
	}
}

// printSynthetic shows the first rows of the synthetic population, and how far all
// of them are from the released tables.
func printSynthetic(w io.Writer, r *queries.Release) {
	s, one, two := r.Synthetic, 0.0, 0.0
	for _, g := range r.Groups {
		for _, m := range g.Measures {
			if m.Marginals == nil {
				continue
			}
			for _, f := range m.Marginals.Fit {
				one = max(one, f.Distance)
			}
			for _, p := range m.Marginals.Pairs {
				two = max(two, p.Fit)
			}
		}
	}
	fmt.Fprintf(w, "  synthetic rows: %s (all of them with --format csv, arrow or parquet); at most %s of them would have to change for a one-way table, %s for a chosen pair\n",
		grouped(float64(len(s.Rows)), 0), amount(one, "share"), amount(two, "share"))
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	fmt.Fprintln(t, "    "+strings.Join(s.Columns, "\t"))
	for _, row := range s.Rows[:min(shownRows, len(s.Rows))] {
		fmt.Fprintln(t, "    "+strings.Join(row, "\t"))
	}
	t.Flush()
}
