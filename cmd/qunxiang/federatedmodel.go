package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
)

func federatedModelCommand() *cobra.Command {
	var l lineageFlags
	c := &cobra.Command{
		Use: "model", Short: "Show a finished model, with its intervals and where it comes from", Args: cobra.NoArgs,
		Long: `Show the model of a finished job. It is verified first, like federated verify does,
and nothing is shown that does not follow from the sums.

The intercept is not where every number is 0: it is at the middle of each number's
range on the card, and at each factor's reference level. The values are shown below
the terms (intercept_at in JSON). A prediction takes a number's distance from there.

Intervals are of 95 % and count the noise that protects people. A term whose
variance is mostly noise is marked unreliable. A relativity is what one unit more of
a number, or a level against its reference, multiplies the mean by (the odds, in a
logistic model).`,
		Example: "  qunxiang federated model --dir D\n  qunxiang federated model --dir D --job 5f1c09aa --json",
		RunE: func(c *cobra.Command, _ []string) error {
			folder, o, err := l.open()
			if err != nil {
				return withCode(err)
			}
			if _, err := os.Stat(filepath.Join(folder, modelFile)); errors.Is(err, fs.ErrNotExist) {
				return unfinished(folder)
			}
			v, err := federated.Verify(folder, o)
			if err != nil {
				return verifyCode(err)
			}
			if l.asJSON {
				return printJSON(c.OutOrStdout(), modelOf(v))
			}
			return printModel(c.OutOrStdout(), v)
		},
	}
	l.add(c)
	return c
}

// unfinished says why there is no model.
func unfinished(folder string) error {
	if why, err := os.ReadFile(filepath.Join(folder, stoppedFile)); err == nil {
		return &exitError{exitStopped, fmt.Errorf("there is no model: the job has stopped: %s", why)}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	rounds := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "round-") {
			rounds++
		}
	}
	return &exitError{exitFailed, fmt.Errorf("there is no model yet: %d rounds are closed", rounds)}
}

// modelReport is a model with its lineage.
type modelReport struct {
	Job          string      `json:"job"`
	Name         string      `json:"name"`
	Family       string      `json:"family"`
	Fit          *glm.Fit    `json:"fit,omitempty"` // of a regression
	InterceptAt  []basePoint `json:"intercept_at"`  // what the intercept of fit is for
	Coefficients []int64     `json:"coefficients"`  // units of 2^-40
	Unreliable   []string    `json:"unreliable"`    // terms that are mostly noise
	Approvals    []approved  `json:"approvals"`
	Rounds       []roundJSON `json:"rounds"`
	Burnt        []uint64    `json:"burnt"`
	Rho          string      `json:"rho"`
	LedgerKey    string      `json:"ledger_key"`
}

// basePoint is the value of a feature for which the intercept is: a number, or a level.
type basePoint struct {
	Feature string   `json:"feature"`
	Number  *float64 `json:"number,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	Level   string   `json:"level,omitempty"`
}

// interceptAt lists where the card's model has its intercept: numbers are scaled to
// [-1, 1] about the middle of their range, and the first level of a factor is its
// reference.
func interceptAt(c *federated.Card) []basePoint {
	out := []basePoint{}
	for _, f := range c.Model.Features {
		if f.Range == nil {
			out = append(out, basePoint{Feature: f.Name, Level: f.Levels[0].Name})
			continue
		}
		middle := f.Range[0] + (f.Range[1]-f.Range[0])/2
		out = append(out, basePoint{Feature: f.Name, Number: &middle, Unit: f.Unit})
	}
	return out
}

// String is the point as a term of a sentence.
func (b basePoint) String() string {
	if b.Number != nil {
		return fmt.Sprintf("%s = %g %s", b.Feature, *b.Number, b.Unit)
	}
	return b.Feature + " = " + b.Level
}

type approved struct {
	Node         string `json:"node"`
	Organisation string `json:"organisation"`
	Owner        string `json:"owner_fingerprint"`
}

func modelOf(v *federated.Verified) modelReport {
	r := modelReport{
		Job: v.Job.String(), Name: v.Card.Job, Family: string(v.Card.Model.Family), Fit: v.Fit, Coefficients: v.State,
		Unreliable: []string{}, InterceptAt: []basePoint{}, Rounds: roundsJSON(v), Burnt: append([]uint64{}, v.Burnt...), Rho: rhoText(v.Rho), LedgerKey: v.LedgerKey,
	}
	for _, n := range v.Card.Nodes {
		r.Approvals = append(r.Approvals, approved{n.Name, n.Organisation, n.Owner.Fingerprint()})
	}
	if v.Fit != nil {
		r.InterceptAt = interceptAt(v.Card)
		for _, t := range v.Fit.Terms {
			if t.Unreliable {
				r.Unreliable = append(r.Unreliable, t.Name)
			}
		}
	}
	return r
}

func printModel(w io.Writer, v *federated.Verified) error {
	fmt.Fprintf(w, "%s: %s\n\n", v.Card.Job, v.Card.Description)
	if v.Fit == nil {
		fmt.Fprintf(w, "A network of %d weights; --json writes them.\n", len(v.State)/2)
	} else if err := printFit(w, v.Card, v.Fit); err != nil {
		return err
	}
	return printLineage(w, v)
}

// printFit writes the terms in the units of the card.
func printFit(w io.Writer, c *federated.Card, f *glm.Fit) error {
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', tabwriter.AlignRight)
	ratio := "relativity"
	if c.Model.Family == glm.Logistic {
		ratio = "odds ratio"
	}
	linear := c.Model.Family == glm.Linear
	if linear {
		ratio = ""
	}
	fmt.Fprintf(t, "term\tcoefficient\tstandard error\t95 %% interval\t%s\t95 %% interval\tnoise\t\n", ratio)
	for _, x := range f.Terms {
		mark := ""
		if x.Unreliable {
			mark = " UNRELIABLE"
		}
		rel, between := "", ""
		if !linear {
			rel, between = decimals(x.Relativity), span(x.RelativityLo, x.RelativityHi)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%.0f %%\t%s\n", termName(c, x.Name), decimals(x.PerUnit), decimals(x.PerUnitSE),
			span(perUnit(x, x.Lo), perUnit(x, x.Hi)), rel, between, 100*x.NoiseShare, mark)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nCoefficients are for one unit of a number, and of a level against its reference. noise is its part of the variance.\n")
	printIntercept(w, c)
	fmt.Fprintf(w, "About %s rows", grouped(f.Rows, 0))
	if c.Model.Exposure {
		fmt.Fprintf(w, ", exposure %s", grouped(f.Exposure, 0))
	}
	fmt.Fprintf(w, "; deviance %s, Pearson %s, dispersion %s (all with noise)\n", grouped(f.Deviance, 0), grouped(f.Pearson, 0), decimals(f.Dispersion))
	if !f.Converged {
		fmt.Fprintln(w, "NOT CONVERGED: the last step was longer than noise explains; do not use these numbers.")
	}
	return nil
}

// printIntercept says where the intercept is.
func printIntercept(w io.Writer, c *federated.Card) {
	var points []string
	for _, b := range interceptAt(c) {
		points = append(points, b.String())
	}
	if points != nil {
		fmt.Fprintf(w, "The intercept is at %s, not at 0: predict with a number's distance from there.\n", strings.Join(points, ", "))
	}
}

// perUnit takes an end of the scaled interval to one of the number's own units.
func perUnit(t glm.Term, end float64) float64 {
	if t.SE == 0 {
		return end
	}
	return end * t.PerUnitSE / t.SE
}

// termName adds the unit of a number.
func termName(c *federated.Card, name string) string {
	for _, f := range c.Model.Features {
		if f.Name == name && f.Range != nil {
			return name + " (per " + f.Unit + ")"
		}
	}
	return name
}

func decimals(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }

func span(lo, hi float64) string { return "[" + decimals(lo) + ", " + decimals(hi) + "]" }

// printLineage writes contract -> approvals -> transcripts -> charges.
func printLineage(w io.Writer, v *federated.Verified) error {
	fmt.Fprintf(w, "\nWhere it comes from (verified)\n")
	fmt.Fprintf(w, "  contract     card %s\n", v.Job)
	for _, n := range v.Card.Nodes {
		fmt.Fprintf(w, "  approved by  %s, node %s, owner's key %s\n", n.Organisation, n.Name, n.Owner.Fingerprint()[:17]+" ...")
	}
	for i, r := range v.Rounds {
		fmt.Fprintf(w, "  round %d      attempt %d, transcript %s, model %s -> %s\n", i+1, r.Attempt, brief(r.Root), brief(r.Model), brief(r.Next))
	}
	for _, a := range v.Burnt {
		fmt.Fprintf(w, "  burnt        attempt %d, charged, no sum\n", a)
	}
	_, err := fmt.Fprintf(w, "  charged      rho %s at this node, in %d charges of its log\n", rhoShort(v.Rho), len(v.Rounds)+len(v.Burnt))
	return err
}
