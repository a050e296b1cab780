package main

import (
	"fmt"
	"io"
	"math/big"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// allocated is the usage of an organisation with its part of a cost.
type allocated struct {
	ledger.Usage
	Part *int64 `json:"part_fen,omitempty"`
}

// usageReport is what ledger usage prints.
type usageReport struct {
	Usage []allocated `json:"usage"`
	Total *int64      `json:"total_fen,omitempty"`
	By    string      `json:"by,omitempty"`
}

// weights of an allocation, by the name of what it goes by.
var weights = map[string]func(ledger.Usage) int64{
	"rho":      func(u ledger.Usage) int64 { return u.Rho },
	"seconds":  func(u ledger.Usage) int64 { return u.Seconds },
	"requests": func(u ledger.Usage) int64 { return u.Charges + u.Repeats },
}

func ledgerCommand() *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Read the books", Example: "  qunxiang ledger usage --domain D"}
	c.AddCommand(usageCommand())
	return c
}

func usageCommand() *cobra.Command {
	var dir, total, by string
	var asJSON bool
	c := &cobra.Command{
		Use: "usage", Short: "What every organisation has used, and its part of a cost", Args: cobra.NoArgs,
		Long: `What every organisation has used of every template: requests, privacy cost, and
the seconds of its slots, whose length stands for the public size class of the
population; all of it is public. With --allocate, a cost in yuan is
divided by one of them; the parts add up to the whole, to the fen.`,
		Example: "  qunxiang ledger usage --domain D --allocate 100000.00 --by rho",
		RunE: func(c *cobra.Command, _ []string) error {
			report := usageReport{}
			if weights[by] == nil {
				return &exitError{exitUsage, fmt.Errorf("--by is rho, seconds or requests")}
			}
			if total != "" {
				fen, err := yuan(total)
				if err != nil {
					return &exitError{exitUsage, err}
				}
				report.Total, report.By = &fen, by
			}
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			report.fill(d.state.Usage())
			if asJSON {
				return printJSON(c.OutOrStdout(), report)
			}
			printUsage(c.OutOrStdout(), report)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "domain", "", "directory of the domain")
	_ = c.MarkFlagRequired("domain")
	f.StringVar(&total, "allocate", "", "a cost in yuan to divide")
	f.StringVar(&by, "by", "rho", "what to divide it by: rho, seconds or requests")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// yuan reads an amount with at most two decimals, in fen.
func yuan(text string) (int64, error) {
	r, ok := new(big.Rat).SetString(text)
	if !ok || r.Sign() < 0 || !r.Mul(r, big.NewRat(100, 1)).IsInt() || !r.Num().IsInt64() {
		return 0, fmt.Errorf("%q is not an amount in yuan such as 100000.00", text)
	}
	return r.Num().Int64(), nil
}

func (r *usageReport) fill(used []ledger.Usage) {
	r.Usage = []allocated{}
	shares := make([]int64, len(used))
	for i, u := range used {
		r.Usage, shares[i] = append(r.Usage, allocated{Usage: u}), weights[r.by()](u)
	}
	if r.Total == nil {
		return
	}
	for i, part := range ledger.Allocate(*r.Total, shares) {
		r.Usage[i].Part = &part
	}
}

func (r *usageReport) by() string {
	if r.By == "" {
		return "rho"
	}
	return r.By
}

func printUsage(w io.Writer, r usageReport) {
	if len(r.Usage) == 0 {
		fmt.Fprintln(w, "nothing was used")
		return
	}
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', tabwriter.AlignRight)
	head := "organisation\ttemplate\tslot\tcharged\trepeats\trho\tslot seconds\t"
	if r.Total != nil {
		head += "yuan\t"
	}
	fmt.Fprintln(t, head)
	for _, u := range r.Usage {
		fmt.Fprintf(t, "%s\t%s\t%d s\t%d\t%d\t%.6g\t%d\t", u.Organisation, u.Template, u.Slot, u.Charges, u.Repeats, float64(u.Rho)/1e12, u.Seconds)
		if u.Part != nil {
			fmt.Fprintf(t, "%s\t", grouped(float64(*u.Part)/100, 2))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	if r.Total != nil {
		fmt.Fprintf(w, "together %s yuan, divided by %s\n", grouped(float64(*r.Total)/100, 2), r.By)
	}
}
