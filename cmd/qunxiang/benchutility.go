package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/queries/certify"
)

func benchUtilityCommand() *cobra.Command {
	var persons, rows int64
	var asJSON bool
	var dir string
	var only []string
	c := &cobra.Command{
		Use: "utility", Short: "Every template: how good its answers are for what they cost", Args: cobra.NoArgs,
		Long: `Every template with its example, on a synthetic population, at the default cost:
what 5 % of every reference value in a group of 1,000 people costs, or a tenth of
a year's cap where that is out of reach. Printed are the median relative error of
the shown numbers; that of Laplace noise in every cell with basic composition for
the same part of a year's cap; and how many releases a year's cap affords, ours
and (in brackets) by that yardstick, where 5 % is wanted in a group of average
size: in a province of 50 million people, and with the coarse variants in a city
of 500,000.`,
		Example: "  qunxiang bench utility --persons 1000000 --rows 20000000",
		RunE: func(c *cobra.Command, _ []string) error {
			if dir == "" {
				temp, err := os.MkdirTemp("", "qunxiang-bench-*")
				if err != nil {
					return err
				}
				defer os.RemoveAll(temp)
				dir = temp
			}
			result, err := benchUtility(c.Context(), c.ErrOrStderr(), dir, only, persons, rows)
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), result)
			}
			return printUtility(c.OutOrStdout(), result)
		},
	}
	f := c.Flags()
	f.Int64Var(&persons, "persons", 1_000_000, "people")
	f.Int64Var(&rows, "rows", 20_000_000, "settlements")
	f.StringSliceVar(&only, "only", nil, "catalogue ids, by comma (default: all)")
	f.StringVar(&dir, "dir", "", "keep the population here and use it again (default: a temporary directory)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func benchUtility(ctx context.Context, log io.Writer, dir string, only []string, persons, rows int64) ([]*certify.Utility, error) {
	if err := benchDomain(ctx, log, dir, persons, rows); err != nil {
		return nil, err
	}
	fine, engine, err := benchJobs(dir, benchChoice{only: only})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	coarse, other, err := benchJobs(dir, benchChoice{only: only, coarse: true})
	if err != nil {
		return nil, err
	}
	defer other.Close()
	var out []*certify.Utility
	for i := range fine {
		u, err := certify.Measure(ctx, engine, fine[i], coarse[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fine[i].Template.Catalogue, err)
		}
		fmt.Fprintf(log, "%-4s%d numbers, median relative error %.3g\n", u.Catalogue, u.Numbers, u.Error)
		out = append(out, u)
	}
	return out, nil
}

func printUtility(w io.Writer, us []*certify.Utility) error {
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "template\tof a year's cap\tmedian error\tLaplace, basic\tprovince\tcity\t")
	for _, u := range us {
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\t%s\t%s\t\n", u.Catalogue, u.Template, percent(u.Cost.OfCap),
			percent(u.Error), percent(u.Laplace), affords(u.Afforded[0]), affords(u.Afforded[1]))
	}
	return t.Flush()
}

// percent keeps two or three digits.
func percent(x float64) string {
	switch {
	case x >= 0.1:
		return fmt.Sprintf("%.0f %%", 100*x)
	case x >= 0.001:
		return fmt.Sprintf("%.2f %%", 100*x)
	}
	return fmt.Sprintf("%.2g %%", 100*x)
}

func affords(a certify.Afforded) string {
	return fmt.Sprintf("%s (%s)", grouped(float64(a.Ours), 0), grouped(float64(a.Basic), 0))
}
