package dataset

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Print writes the report for a person to read; as JSON it marshals as it is.
func (q *Quality) Print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "indicator\tvalue\tlimit\t\n")
	for _, i := range q.Indicators {
		sign, word := ">=", "met"
		if i.Name == "timeliness" || i.Name == "accuracy" {
			sign = "<="
		}
		if !i.Met {
			word = "NOT MET"
		}
		value := fmt.Sprintf("%.2f %s", i.Value, i.Unit)
		if !i.Measured {
			value, word = "-", "not measured: the source does not say"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s %g %s\t%s\n", i.Name, value, sign, i.Limit, i.Unit, word)
	}
	fmt.Fprintf(tw, "\t\t\t\ntable\tread\tloaded\tremoved\tput aside\n")
	for _, t := range Tables() {
		c := q.Tables[t.Name]
		if c == nil || c.Read == 0 {
			continue
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\n", t.Name, c.Read, c.Loaded, c.Merged+c.Void+c.Refunds+c.Capped, c.QuarantinedTotal())
		for _, r := range c.removed() {
			fmt.Fprintf(tw, "  %s\t%d\t\t\t\n", r.reason, r.n)
		}
	}
	fmt.Fprintf(tw, "\t\t\t\ncheck\trows\theld\t\n")
	for _, c := range q.Checks {
		fmt.Fprintf(tw, "%s\t%d\t%d\t\n", c.Name, c.Rows, c.Held)
	}
	if q.FaultCount > 0 {
		fmt.Fprintf(tw, "\t\t\t\nbroken places\t%d\t\t\n", q.FaultCount)
	}
	for _, f := range q.Faults {
		fmt.Fprintf(tw, "%s\t\t\t\n", f)
	}
	for _, r := range q.Remarks {
		fmt.Fprintf(tw, "%s\t\t\t\n", r)
	}
	return tw.Flush()
}

type reasonCount struct {
	reason string
	n      int64
}

// removed lists why rows were not loaded, most frequent first.
func (t *TableCount) removed() []reasonCount {
	all := []reasonCount{{"(further rows of a person)", t.Merged}, {"(void)", t.Void}, {"(refunds)", t.Refunds}, {"(row cap)", t.Capped}}
	for reason, n := range t.Quarantined {
		all = append(all, reasonCount{reason, n})
	}
	all = slices.DeleteFunc(all, func(r reasonCount) bool { return r.n == 0 })
	slices.SortFunc(all, func(a, b reasonCount) int {
		if a.n != b.n {
			return int(b.n - a.n)
		}
		if a.reason < b.reason {
			return -1
		}
		return 1
	})
	return all
}
