package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/qunxiang/qunxiang/queries"
)

// showFeatures shows a feature template: what a row is and holds.
func showFeatures(w io.Writer, t *queries.Template, catalog *queries.Catalog, asJSON bool) error {
	if asJSON {
		return printJSON(w, t.DescribeFeatures())
	}
	printHead(w, t, catalog)
	f := t.DescribeFeatures()
	fmt.Fprintf(w, "\nrows\n  one row is %s\n  a person has at most %d\n\ncolumns\n", f.Row.EN, f.RowsPerPerson)
	for _, c := range f.Columns {
		fmt.Fprintf(w, "  %-10s %-10s %s\n", c.Name, c.Role, inWords(c))
	}
	printLimits(w, t)
	return nil
}

func inWords(c queries.DescribedColumn) string {
	switch {
	case c.Lists != "":
		return "one factor (no, yes) for each list of " + c.Lists
	case len(c.Levels) > 0:
		return strings.Join(c.Levels, ", ") + " (code list " + c.CodeList + ")"
	}
	return fmt.Sprintf("%s, from %v to %v", c.Unit, c.Range[0], c.Range[1])
}
