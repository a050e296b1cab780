package certify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/dp/proof"
)

// Markdown writes the certificate for a person to read.
func (c *Certificate) Markdown() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	verdict := "**certified**"
	if !c.Passed {
		verdict = "**refused**"
	}
	p("# %s %s (%s): %s\n", c.Catalogue, c.Title.EN, c.Template, verdict)
	p("%s\n", c.Title.ZH)
	p("Digest of the pair: `%s`\n", c.Digest)
	if len(c.Findings) > 0 {
		p("## Why it is refused\n")
		for _, f := range c.Findings {
			p("- **%s**: %s", f.Code, f.Text)
		}
		p("")
	}
	if len(c.Reads) > 0 {
		p("## What it reads\n")
		for _, r := range c.Reads {
			p("- %s: %s", r.Table, strings.Join(r.Columns, ", "))
		}
		p("\nEvery row of its answer depends on one person: proved on the parsed SQL and on the bound plan.")
		if len(c.Functions) > 0 {
			p("Functions: %s.", strings.Join(c.Functions, ", "))
		}
		p("")
	}
	if c.Features != nil {
		c.Features.markdown(p)
		c.chosen(p)
	} else {
		c.declared(p)
	}
	for _, v := range c.Variants {
		v.markdown(p)
	}
	return b.String()
}

// declared is who may ask, what a person may change, and the limits that every
// answer carries.
func (c *Certificate) declared(p func(string, ...any)) {
	d := c.Declared
	if d.Template == "" {
		return // it could not be parsed
	}
	p("## What it takes of a person\n")
	p("For %s, to the end of %s.\n", strings.Join(d.Audiences, ", "), strings.Join(d.Purposes, ", "))
	for _, k := range d.Keys {
		p("- group by %s: %s", k.Name, k.Domain)
	}
	p("- a person counts in at most %d of the groups", d.L0)
	var derived []string
	for _, m := range d.Measures {
		if m.Bounds == "" {
			derived = append(derived, m.Name)
			continue
		}
		p("- %s (%s, %s): %s", m.Name, m.Kind, m.Unit, strings.ReplaceAll(m.Bounds, "; where", "\n  - where"))
	}
	if len(derived) > 0 {
		p("- made of these after the noise: %s", strings.Join(derived, ", "))
	}
	c.chosen(p)
}

// chosen is what a client or a job card may choose, and what it is told.
func (c *Certificate) chosen(p func(string, ...any)) {
	d := c.Declared
	p("\nClients choose:\n")
	for _, x := range d.Parameters {
		p("- %s: %s", x.Name, x.Limits)
	}
	p("\nEvery answer says:\n")
	for _, n := range d.Notes {
		p("- %s", n.EN)
	}
	p("")
}

func (v Variant) markdown(p func(string, ...any)) {
	name := "As it is"
	if v.Coarse {
		name = "Coarse variant"
	}
	p("## %s\n", name)
	groups := fmt.Sprintf("%d public groups", v.Groups)
	if v.Groups == 0 {
		groups = "groups found privately"
	}
	p("Tried with %s: %s, at most %d of a person; years charged %s.\n", given(v.Parameters), groups, v.L0, years(v.Years))
	what := "5 % of every reference value at 1,000 people"
	if v.Cost.Limited != "" {
		what = v.Cost.Limited + " (5 % at 1,000 people is out of reach)"
	}
	p("| at %s | |\n|---|---|", what)
	p("| cost | rho %.4g, delta %.2g: %.2f %% of a year's cap |", v.Cost.Rho, v.Cost.Delta, 100*v.Cost.OfCap)
	if x := v.Dearest; x != nil {
		worst := fmt.Sprintf("rho %.4g: %.2f %% of a year's cap", x.Cost.Rho, 100*x.Cost.OfCap)
		if x.Cost.Limited != "" {
			worst = "5 % at 1,000 people is out of reach"
		}
		p("| dearest choice | %s=%s: %s |", x.Parameter, x.Value, worst)
	}
	p("| bounds | each of %d people alone keeps to them, %d are in the answer; the one who moves most moves %.0f %% of what is charged |", v.People, v.Touched, 100*v.Worst)
	p("| people apart | three random partitions add up to the whole, cell by cell |")
	if v.Audit != nil {
		p("| noise | %d draws of each neighbour; nearest to a violation by %.3f in probability; false alarm %.0e |", v.Audit.Draws, v.Audit.Margin, proof.FalseAlarm)
	}
	p("\n| people in the group | not shown | 95 %% half-widths |\n|---|---|---|")
	for _, a := range v.Accuracy {
		var widths []string
		for _, m := range slices.Sorted(maps.Keys(a.HalfWidth)) {
			widths = append(widths, m+" "+width(a.HalfWidth[m], v.Units[m]))
		}
		p("| %d | %.1f %% | %s |", a.People, 100*a.Suppressed, strings.Join(widths, "; "))
	}
	p("")
}

// width writes an error as people say it: money in yuan, shares in percent.
func width(w float64, unit string) string {
	switch unit {
	case "fen":
		return fmt.Sprintf("%.4g yuan", w/100)
	case "of the rank", "of the share":
		return fmt.Sprintf("%.2g points (%%) %s", 100*min(1, w), unit)
	}
	return fmt.Sprintf("%.4g %s", w, unit)
}

func given(parameters map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		out = append(out, name+"="+parameters[name])
	}
	return "`" + strings.Join(out, " ") + "`"
}

func years(list []int) string {
	var out []string
	for _, y := range list {
		out = append(out, fmt.Sprint(y))
	}
	return strings.Join(append(out, "life"), ", ")
}
