package console

import (
	"math"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

// budgetLine is how one budget stands.
type budgetLine struct {
	queries.ScopeShare
	Left  float64 // share of the cap that is neither spent nor set aside
	More  int     // requests like the visitor's own last ones that still fit; -1 unknown
	Chart *chart
}

// budgetsView is all budgets.
type budgetsView struct {
	Lines  []budgetLine
	Grants []grantLine
}

// budgetLines say how every budget stands that was ever charged.
func (v *view) budgetLines() []budgetLine {
	typical, grant := v.typical()
	var out []budgetLine
	all := v.c.Service.Budgets()
	forLife := math.MaxInt32 // every charge takes from life too, and from its grant's quota
	if quota, ok := v.quota(grant); ok && typical > 0 {
		forLife = likeThis(quota, typical, 0)
	}
	for _, s := range all {
		if typical > 0 && short(s.Scope) == "life" {
			forLife = min(likeThis(s, typical, 0), forLife)
		}
	}
	for _, s := range all {
		line := budgetLine{ScopeShare: s, More: -1}
		if s.Cap > 0 {
			line.Left = math.Max(0, (s.Cap-s.Spent-s.Held)/s.Cap)
		}
		if typical > 0 {
			line.More = min(forLife, likeThis(s, typical, 0))
		}
		out = append(out, line)
	}
	return out
}

// typical is what the visitor's own questions cost on the mean, 0 before the first, and the
// grant of the newest.
func (v *view) typical() (rho float64, grant string) {
	past := v.past(20)
	for _, p := range past {
		rho += p.Rho / float64(len(past))
	}
	if len(past) > 0 {
		grant = past[0].Grant
	}
	return rho, grant
}

// budgets shows what is left of every budget, how it went down in a year, and the
// visitor's own grants.
func (c *console) budgets(v *view) error {
	data := budgetsView{Lines: v.budgetLines()}
	spent := v.spentOn()
	for i := range data.Lines {
		scope := short(data.Lines[i].Scope)
		data.Lines[i].Chart = v.burnDown(scope, spent[scope])
	}
	data.Grants = v.grants()
	return v.show("budgets", v.say("nav budgets"), data)
}

// spentOn is what was charged to each budget on each day, as shares of its cap, from the
// public register: what everybody may know. The server folds it for all who look at a time.
func (v *view) spentOn() map[string]map[string]float64 {
	out := map[string]map[string]float64{}
	register := v.c.host.Register()
	if register == nil {
		return out
	}
	for _, e := range register.Entries {
		for _, cost := range e.Costs {
			if out[cost.Scope] == nil {
				out[cost.Scope] = map[string]float64{}
			}
			out[cost.Scope][e.Day] += cost.Share
		}
	}
	return out
}

// burnDown draws what was left of a budget on each day of the last year; spent is what was
// charged to it on a day.
func (v *view) burnDown(scope string, spent map[string]float64) *chart {
	today := v.c.Now().In(api.China)
	year := 365
	left := 1.0
	first := today.AddDate(0, 0, -year).Format(time.DateOnly)
	for day, share := range spent {
		if day < first {
			left -= share
		}
	}
	var b svg
	const wideAll, high, bottom, start = 640.0, 150.0, 26.0, 48.0
	x, y := scale{0, float64(year + 8), start, wideAll - 8}, scale{0, 1, high - bottom, 10}
	for _, mark := range []float64{0, 0.5, 1} {
		b.line(start, y.at(mark), wideAll-8, y.at(mark), "grid")
		b.text(start-8, y.at(mark)+4, "end", "tick", grouped(100*mark, 0)+" %")
	}
	d := "M" + spot(x.at(0), y.at(left))
	for i := 0; i <= year; i++ {
		at := today.AddDate(0, 0, i-year)
		if at.Day() == 1 && at.Month()%2 == 1 && i < year-12 {
			b.text(x.at(float64(i)), high-8, "middle", "tick", v.month(at))
			b.line(x.at(float64(i)), high-bottom, x.at(float64(i)), high-bottom+4, "axis")
		}
		if share := spent[at.Format(time.DateOnly)]; share > 0 {
			d += "L" + spot(x.at(float64(i)), y.at(math.Max(0, left)))
			left -= share
			d += "L" + spot(x.at(float64(i)), y.at(math.Max(0, left)))
		}
	}
	d += "L" + spot(x.at(x.hi), y.at(math.Max(0, left)))
	b.path(d+"L"+spot(x.at(x.hi), y.at(0))+"L"+spot(x.at(0), y.at(0))+"Z", "band c0")
	b.path(d, "curve c0")
	out := &chart{ID: "burn-" + scope, Title: v.say("burn down", v.Scope(scope))}
	out.Picture = b.drawn(out.ID, out.Title, v.say("burn down is", v.Percent(math.Max(0, left))), wideAll, high)
	return out
}

// month is the name of a month on an axis.
func (w words) month(t time.Time) string {
	if w.lang == "zh" {
		return t.Format("1月")
	}
	return t.Format("Jan")
}

// short is a scope without its population.
func short(scope string) string {
	for i := len(scope) - 1; i >= 0; i-- {
		if scope[i] == '/' {
			return scope[i+1:]
		}
	}
	return scope
}
