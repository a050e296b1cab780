package console

import (
	"bytes"
	"encoding/csv"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
)

// modelView is a finished regression: a table and a picture of its terms, and what its
// sums say besides.
type modelView struct {
	Terms       *table
	Picture     *chart
	Facts       []fact
	Converged   bool
	Unreliable  int
	Intercept   string
	Multiplies  bool // relativities, or odds ratios
	Logistic    bool
	HasExposure bool
}

// model puts a fit into words.
func (v *view) model(p *federated.Verified) *modelView {
	c, f := p.Card, p.Fit
	m := &modelView{
		Converged: f.Converged, Intercept: v.interceptAt(c), Multiplies: c.Model.Family != glm.Linear,
		Logistic: c.Model.Family == glm.Logistic, HasExposure: c.Model.Exposure,
	}
	m.Terms = &table{Caption: v.say("terms"), Keys: []string{v.say("term")}, Columns: []column{{Name: v.say("coefficient")}}}
	if m.Multiplies {
		m.Terms.Columns = append(m.Terms.Columns, column{Name: v.ratio(c)})
	}
	m.Terms.Columns = append(m.Terms.Columns, column{Name: v.say("noise share")})
	for _, t := range f.Terms {
		r := row{Heads: []string{v.term(c, t.Name)}}
		low, high := perUnit(t)
		r.Cells = append(r.Cells, v.estimate(t.PerUnit, low, high))
		if m.Multiplies {
			r.Cells = append(r.Cells, v.estimate(t.Relativity, t.RelativityLo, t.RelativityHi))
		}
		share := cell{Value: v.Percent(t.NoiseShare)}
		if t.Unreliable {
			m.Unreliable++
			share.Interval = v.say("unreliable")
		}
		r.Cells = append(r.Cells, share)
		m.Terms.Rows = append(m.Terms.Rows, r)
	}
	m.Picture = v.forest(c, f)
	m.Facts = []fact{{v.say("rows about"), v.Count(f.Rows)}}
	if c.Model.Exposure {
		m.Facts = append(m.Facts, fact{v.say("exposure"), v.Count(f.Exposure)})
	}
	m.Facts = append(m.Facts, fact{v.say("deviance"), v.Count(f.Deviance)}, fact{"Pearson χ²", v.Count(f.Pearson)},
		fact{v.say("dispersion"), v.Figure(f.Dispersion)}, fact{v.say("last step"), v.Figure(f.LastStep.Norm)})
	return m
}

// perUnit is the 95 % interval of a coefficient for one of the number's own units.
func perUnit(t glm.Term) (low, high float64) {
	if t.SE == 0 {
		return t.Lo, t.Hi
	}
	return t.Lo * t.PerUnitSE / t.SE, t.Hi * t.PerUnitSE / t.SE
}

// estimate is a number with the ends of its interval, with the digits that it leaves.
func (v *view) estimate(x, low, high float64) cell {
	half := min(x-low, high-x)
	n := decimals(half)
	return cell{grouped(x, n), v.say("from to", grouped(low, n), grouped(high, n))}
}

// ratio is what exp of a coefficient is called.
func (v *view) ratio(c *federated.Card) string {
	if c.Model.Family == glm.Logistic {
		return v.say("odds ratio")
	}
	return v.say("relativity")
}

// intercept is the term that package glm calls so.
const intercept = "(intercept)"

// term is the name of a term with the unit of a number, or a level against its reference.
func (v *view) term(c *federated.Card, name string) string {
	if name == intercept {
		return v.say("intercept")
	}
	for _, f := range c.Model.Features {
		switch level, ok := strings.CutPrefix(name, f.Name+"="); {
		case f.Range != nil && f.Name == name:
			return v.say("per unit", name, v.unitWord(f.Unit))
		case f.Range == nil && ok:
			return v.say("level against", f.Name, level, f.Levels[0].Name)
		}
	}
	return name
}

// interceptAt says where the model has its intercept: at the middle of each number's
// range, and at the first level of each factor.
func (v *view) interceptAt(c *federated.Card) string {
	var at []string
	for _, f := range c.Model.Features {
		if f.Range == nil {
			at = append(at, f.Name+" = "+f.Levels[0].Name)
			continue
		}
		at = append(at, f.Name+" = "+v.Figure(f.Range[0]+(f.Range[1]-f.Range[0])/2)+" "+v.unitWord(f.Unit))
	}
	return strings.Join(at, v.say("comma"))
}

// Sizes of the forest, in units of the picture, and the widest span that it shows: an
// interval beyond it is cut off there.
const (
	forestLeft, forestRight = 240.0, 470.0
	forestSpan              = 4.0 // of a logarithm: 1/55 to 55
)

// forest draws each term's multiplier, or coefficient in a linear model, with its
// interval, beside the line of no effect. Multipliers are on a logarithmic scale. The
// intercept is no effect and not drawn.
func (v *view) forest(c *federated.Card, f *glm.Fit) *chart {
	linear := c.Model.Family == glm.Linear
	type effect struct {
		name       string
		at, lo, hi float64
		said       cell
		unsure     bool
	}
	var all []effect
	low, high := 0.0, 0.0
	for _, t := range f.Terms {
		if t.Name == intercept {
			continue
		}
		lo, hi := perUnit(t)
		e := effect{strings.Replace(t.Name, "=", v.say("colon"), 1), t.PerUnit, lo, hi, v.estimate(t.PerUnit, lo, hi), t.Unreliable}
		if !linear {
			e.at, e.lo, e.hi = math.Log(t.Relativity), math.Log(t.RelativityLo), math.Log(t.RelativityHi)
			e.at, e.lo, e.hi = within(e.at), within(e.lo), within(e.hi)
			e.said = v.estimate(t.Relativity, t.RelativityLo, t.RelativityHi)
		}
		low, high = min(low, e.lo), max(high, e.hi)
		all = append(all, e)
	}
	if len(all) == 0 {
		return nil
	}
	var b svg
	x, marks := round(low, high)
	if !linear {
		x, marks = multiples(low, high)
	}
	x.from, x.to = forestLeft, forestRight
	height := barsAbove + barHigh*float64(len(all)) + 8
	for _, m := range marks {
		b.line(x.at(m), barsAbove-6, x.at(m), height-8, "grid")
		said := v.Figure(m)
		if !linear {
			said = v.Figure(math.Exp(m))
		}
		b.text(x.at(m), barsAbove-12, "middle", "tick", said)
	}
	b.line(x.at(0), barsAbove-6, x.at(0), height-8, "axis")
	for i, e := range all {
		middle := barsAbove + barHigh*(float64(i)+0.5)
		b.text(forestLeft-12, middle+4, "end", "label", clipped(e.name, forestLeft-16))
		b.line(x.at(e.lo), middle, x.at(e.hi), middle, "error")
		b.line(x.at(e.lo), middle-5, x.at(e.lo), middle+5, "error")
		b.line(x.at(e.hi), middle-5, x.at(e.hi), middle+5, "error")
		class := "bar"
		if e.unsure {
			class = "hidden"
		}
		b.rect(x.at(e.at)-5, middle-5, 10, 10, class)
		b.text(forestRight+14, middle+4, "start", "figure", e.said.Value)
		b.text(barsWide-4, middle+4, "end", "quiet", e.said.Interval)
	}
	title, what := v.say("coefficients"), v.say("forest linear", v.Count(len(all)))
	if !linear {
		title, what = v.ratio(c), v.say("forest", v.Count(len(all)))
	}
	out := &chart{ID: "forest", Title: title, Note: v.say("forest note")}
	out.Picture = b.drawn(out.ID, title, what, barsWide, height)
	return out
}

// within keeps a logarithm to what the forest shows.
func within(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return min(max(x, -forestSpan), forestSpan)
}

// multiples is a logarithmic scale about 1 with up to seven round factors to mark.
func multiples(low, high float64) (scale, []float64) {
	low, high = min(low, -0.05), max(high, 0.05)
	factors := []float64{0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50}
	switch {
	case high-low < 0.5:
		factors = []float64{0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4}
	case high-low < 1.6:
		factors = []float64{0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5}
	}
	var marks []float64
	for _, f := range factors {
		if m := math.Log(f); m >= low && m <= high {
			marks = append(marks, m)
		}
	}
	return scale{lo: low, hi: high}, marks
}

// trainingFile sends a job's card, or its model as CSV or JSON.
func (c *console) trainingFile(v *view) error {
	j, err := v.job()
	if err != nil {
		return err
	}
	file := v.r.PathValue("file")
	if j.TrainingJob == nil && (file != "card.json" || j.Shown == nil) {
		return errNotFound
	}
	media, body := "application/json", []byte(nil)
	switch {
	case file == "card.json":
		body, err = j.Shown.JSON()
	case file == "model.json":
		body = j.Report
	case file == "model.csv" && j.Proof != nil && j.Proof.Fit != nil:
		media = "text/csv; charset=utf-8"
		body, err = termsCSV(j.Proof.Fit)
	}
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return errNotFound
	}
	h := v.w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+j.Digest[:8]+"-"+v.r.PathValue("file")+`"`)
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(body) // a browser that has gone is no matter
	return nil
}

// termsCSV writes a fit's terms per unit, with every digit.
func termsCSV(f *glm.Fit) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"term", "coefficient", "standard_error", "low", "high", "relativity", "relativity_low", "relativity_high", "noise_share", "unreliable"}}
	for _, t := range f.Terms {
		line := []string{api.SafeText(t.Name)}
		low, high := perUnit(t)
		for _, x := range []float64{t.PerUnit, t.PerUnitSE, low, high, t.Relativity, t.RelativityLo, t.RelativityHi, t.NoiseShare} {
			line = append(line, strconv.FormatFloat(x, 'g', -1, 64))
		}
		rows = append(rows, append(line, strconv.FormatBool(t.Unreliable)))
	}
	err := w.WriteAll(rows)
	return b.Bytes(), err
}
