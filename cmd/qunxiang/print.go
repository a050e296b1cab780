package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/qunxiang/qunxiang/queries"
)

// printJSON writes one indented JSON document.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// amount shows a number in its unit: fen as yuan, shares in per cent, counts with separators.
func amount(x float64, unit string) string {
	switch unit {
	case "fen":
		return grouped(x/100, 2)
	case "share":
		return strconv.FormatFloat(x*100, 'f', 1, 64) + " %"
	case "1/10000":
		return strconv.FormatFloat(x/100, 'f', 1, 64) + " %"
	}
	if x == math.Trunc(x) {
		return grouped(x, 0)
	}
	return grouped(x, 2)
}

// shownUnit is the unit that amount shows.
func shownUnit(unit string) string {
	switch unit {
	case "fen":
		return "yuan"
	case "share", "1/10000":
		return ""
	}
	return unit
}

func grouped(x float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(x), 'f', decimals, 64)
	whole, rest, _ := strings.Cut(s, ".")
	var b strings.Builder
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	if rest != "" {
		b.WriteString("." + rest)
	}
	if x < 0 && strings.Trim(s, "0.,") != "" {
		return "-" + b.String()
	}
	return b.String()
}

// interval shows a number with its interval, if it has one.
func interval(n queries.ReleasedNumber, unit string) string {
	if n.NoInterval {
		return amount(n.Value, unit)
	}
	return fmt.Sprintf("%s  [%s, %s]", amount(n.Value, unit), amount(n.Low, unit), amount(n.High, unit))
}

// printEstimate tells what a request would cost and how wrong the answer may be.
func printEstimate(w io.Writer, e *queries.Estimate) {
	variant := ""
	if e.Coarse {
		variant = ", coarse variant"
	}
	fmt.Fprintf(w, "%s  %s (%s%s)\n", e.Catalogue, e.Title.EN, e.Template, variant)
	if e.Free {
		fmt.Fprintln(w, "  A release you have answers this: it costs nothing.")
	}
	if e.Suspended {
		fmt.Fprintln(w, "  The template is suspended until the steward resumes it.")
	}
	fmt.Fprintf(w, "  Cost            rho %.6g, delta %.3g (as epsilon %.3g at delta %.0e)\n", e.Rho, e.Delta, e.Epsilon, e.DisplayDelta)
	for _, s := range e.Scopes {
		fit := ""
		if !s.Fits {
			fit = "  DOES NOT FIT"
		}
		fmt.Fprintf(w, "  Budget          %s: %.2f %% of the cap; %.2f %% is spent or set aside%s\n", shortScope(s.Scope), 100*s.Share, 100*(s.Spent+s.Held)/s.Cap, fit)
	}
	if q := e.Quota; q != nil {
		fit := ""
		if !q.Fits {
			fit = "  DOES NOT FIT"
		}
		fmt.Fprintf(w, "  Quota           grant %s: rho %.6g is left of %.6g%s\n", q.Grant, max(0, q.Quota-q.Spent-q.Held), q.Quota, fit)
	}
	if !e.Fits && e.FitsAt > 0 {
		fmt.Fprintf(w, "  What would fit  the same relative error in groups of %s people\n", grouped(float64(e.FitsAt), 0))
	}
	for _, m := range e.Measures {
		at := ""
		if m.At > 0 {
			at = fmt.Sprintf(" in a group of %s people", grouped(float64(m.At), 0))
		}
		fmt.Fprintf(w, "  Error           %s: ± %s %s%s (95 %%)\n", m.Name, amount(m.HalfWidth, m.Unit), shownUnit(m.Unit), at)
	}
	groups := "found privately"
	if e.Groups > 0 {
		groups = strconv.Itoa(e.Groups)
	}
	fmt.Fprintf(w, "  Groups          %s; those under about %s people are not shown (k = %d)\n", groups, grouped(float64(e.SmallestGroup), 0), e.K)
	fmt.Fprintf(w, "  Answer          %.0f s after the charge\n", e.SlotSeconds)
	printNotes(w, e.Notes)
}

// printNotes says what the interval does not: limits and biases.
func printNotes(w io.Writer, notes []queries.Text) {
	for _, n := range notes {
		fmt.Fprintf(w, "  - %s\n", n.EN)
	}
}

// shortScope leaves out the population, which is the same in every scope.
func shortScope(scope string) string { return scope[strings.LastIndexByte(scope, '/')+1:] }

func shortScopes(scopes []string) string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = shortScope(s)
	}
	return strings.Join(out, ", ")
}

func intervalMeaning(r *queries.Release) string {
	for _, g := range r.Groups {
		for _, m := range g.Measures {
			if m.Banded() {
				return "[low, high] is the 95 % interval of the noise, of curves that of noise and sample (Greenwood)."
			}
		}
	}
	return "[low, high] is the 95 % interval of the noise."
}

// printRelease shows a released table for a person to read.
func printRelease(w io.Writer, r *queries.Release) {
	fmt.Fprintf(w, "%s  %s (%s)  release %s\n", r.Catalogue, r.Title.EN, r.Template, r.ID)
	names := measureNames(r)
	if onAxis(r, names) {
		printAxes(w, r, names)
	} else {
		printTable(w, r, names)
	}
	printTotals(w, r)
	printFlows(w, r)
	shown, hidden := 0, 0
	for _, g := range r.Groups {
		if g.Suppressed {
			hidden++
		} else {
			shown++
		}
	}
	fmt.Fprintf(w, "%d groups shown, %d suppressed (fewer than about k = %d people, or too few to tell). %s\n", shown, hidden, r.Privacy.K, intervalMeaning(r))
	charged := "charged to " + shortScopes(r.Privacy.Scopes)
	if !r.Privacy.Charged {
		charged = "a stored release: nothing was charged"
	}
	mark := ""
	if r.Evaluation {
		mark = "  EVALUATION DOMAIN"
	}
	fmt.Fprintf(w, "rho %.6g, delta %.3g; %s%s\n", r.Privacy.Rho, r.Privacy.Delta, charged, mark)
	printNotes(w, r.Notes)
}

func measureNames(r *queries.Release) []string {
	seen := map[string]bool{}
	for _, g := range r.Groups {
		for n := range g.Measures {
			seen[n] = true
		}
	}
	names := make([]string, 0, len(seen))
	for n := range seen {
		names = append(names, n)
	}
	sort.Slice(names, func(i, j int) bool {
		if (names[i] == "people") != (names[j] == "people") {
			return names[i] == "people"
		}
		return names[i] < names[j]
	})
	return names
}

func onAxis(r *queries.Release, names []string) bool {
	for _, g := range r.Groups {
		for _, n := range names {
			if g.Measures[n].Values != nil {
				return true
			}
		}
	}
	return false
}

func keyTexts(r *queries.Release, g queries.ReleasedGroup) []string {
	out := []string{}
	for _, k := range r.Keys {
		out = append(out, g.Keys[k])
	}
	if len(out) == 0 {
		out = append(out, "everyone")
	}
	return out
}

func keyHeads(r *queries.Release) []string {
	if len(r.Keys) == 0 {
		return []string{"group"}
	}
	return r.Keys
}

func printTable(w io.Writer, r *queries.Release, names []string) {
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	heads := append([]string{}, keyHeads(r)...)
	for _, n := range names {
		heads = append(heads, n+unitOf(r, n))
	}
	fmt.Fprintln(t, "  "+strings.Join(heads, "\t"))
	for _, g := range r.Groups {
		cells := keyTexts(r, g)
		if g.Suppressed && len(names) == 0 {
			cells = append(cells, "suppressed")
		}
		for _, n := range names {
			m, ok := g.Measures[n]
			switch {
			case g.Suppressed:
				cells = append(cells, "suppressed")
			case !ok || m.Number == nil:
				cells = append(cells, "-")
			default:
				cells = append(cells, interval(*m.Number, m.Unit))
			}
		}
		fmt.Fprintln(t, "  "+strings.Join(cells, "\t"))
	}
	t.Flush()
}

func unitOf(r *queries.Release, name string) string {
	for _, g := range r.Groups {
		if m, ok := g.Measures[name]; ok {
			if u := shownUnit(m.Unit); u != "" && u != name {
				return " (" + u + ")"
			}
			return ""
		}
	}
	return ""
}

// printAxes shows one block per group: a line per position.
func printAxes(w io.Writer, r *queries.Release, names []string) {
	for _, g := range r.Groups {
		head := strings.Join(keyTexts(r, g), ", ")
		if g.Suppressed {
			fmt.Fprintf(w, "  %s: suppressed\n", head)
			continue
		}
		fmt.Fprintf(w, "  %s\n", head)
		t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
		for _, n := range names {
			m, ok := g.Measures[n]
			switch {
			case !ok:
			case m.Number != nil:
				fmt.Fprintf(t, "    %s%s\t%s\n", n, unitOf(r, n), interval(*m.Number, m.Unit))
			default:
				if m.Marginals != nil {
					printMarginals(t, m)
					continue
				}
				for _, p := range m.Values {
					fmt.Fprintf(t, "    %s %s%s\t%s\n", n, p.At, unitOf(r, n), interval(p.ReleasedNumber, m.Unit))
				}
			}
		}
		t.Flush()
	}
	if r.Synthetic != nil {
		printSynthetic(w, r)
	}
}
