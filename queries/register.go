package queries

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Register is what everybody may know of what was asked: by which organisation,
// what, for which purpose, on which day, at what privacy cost. It has no
// parameters, which may be trade secrets, no names of people or programs, and no
// id, key or digest by which anything could be fetched or matched. It says only
// what a checkpoint covers.
type Register struct {
	Population string  `json:"population"`
	Evaluation bool    `json:"evaluation"` // a trial: no approvals were needed
	Privacy    Promise `json:"privacy"`
	// Entries are newest first.
	Entries       []RegisterEntry `json:"entries"`
	Scopes        []RegisterScope `json:"scopes"`        // budgets that were ever charged
	Organisations []RegisterUse   `json:"organisations"` // what each has used of them
	// Repeats counts by organisation and template the answers given from store, at
	// no cost. It is left out while the log has leaves that no checkpoint covers.
	Repeats []RegisterRepeat `json:"repeats,omitempty"`
}

// Promise is how much all answers together can tell about one person.
type Promise struct {
	Epsilon float64 `json:"epsilon"`  // of the cap for life
	Factor  float64 `json:"factor"`   // e^Epsilon, rounded up: by how much odds move at most
	Delta   float64 `json:"delta"`    // but for this chance
	SoFar   float64 `json:"so_far"`   // the factor of what has been asked until now
	YearEps float64 `json:"year_eps"` // epsilon of the cap of one year's records
}

// RegisterEntry is one charged request, or all rounds of one training.
type RegisterEntry struct {
	Day          string          `json:"day"` // in China Standard Time; of a training, the first
	Organisation string          `json:"organisation"`
	Template     string          `json:"template"` // id@version
	Title        Text            `json:"title"`
	Description  Text            `json:"description"` // of the template, whatever the parameters
	Purpose      string          `json:"purpose"`
	State        State           `json:"state"` // running: its answer is not due yet
	Training     bool            `json:"training"`
	Rounds       int             `json:"rounds,omitempty"` // of a training; abandoned ones too
	Costs        []RegisterShare `json:"costs"`
}

// RegisterShare is a part of a budget: of the records of one year, or for life.
type RegisterShare struct {
	Scope string  `json:"scope"` // "2017" or "life"
	Share float64 `json:"share"` // of its cap, 0 to 1
}

// RegisterScope is a budget, in rho.
type RegisterScope struct {
	Scope string  `json:"scope"`
	Cap   float64 `json:"cap"`
	Spent float64 `json:"spent"`
	Left  float64 `json:"left"`
}

// RegisterUse is what one organisation has used of a budget, in rho.
type RegisterUse struct {
	Organisation string  `json:"organisation"`
	Scope        string  `json:"scope"`
	Requests     int64   `json:"requests"`
	Spent        float64 `json:"spent"`
	Share        float64 `json:"share"` // of the cap
}

// RegisterRepeat counts answers from store.
type RegisterRepeat struct {
	Organisation string `json:"organisation"`
	Template     string `json:"template"`
	Title        Text   `json:"title"`
	Requests     int64  `json:"requests"`
}

// china is where days are counted; it has had no summer time since 1991.
var china = time.FixedZone("CST", 8*3600)

// Register writes the public register from the log.
func (r *Runner) Register() *Register {
	caps := r.rules().Caps
	out := &Register{
		Population: r.rules().Population, Evaluation: r.rules().Mode == policy.ModeEvaluation,
		Entries: []RegisterEntry{}, Scopes: []RegisterScope{}, Organisations: []RegisterUse{},
		Privacy: Promise{Epsilon: caps.Life.Epsilon, Factor: factor(caps.Life.Epsilon), Delta: caps.Life.Delta, YearEps: caps.Year.Epsilon, SoFar: 1},
	}
	b := registrar{r: r, out: out, spent: map[string]int64{}, used: map[[2]string]*RegisterUse{}, jobs: map[string]int{}}
	var life dp.Cost
	for _, rec := range r.State.Requests() {
		if !r.covered(rec.Index) {
			continue
		}
		b.enter(rec)
		if sum, err := life.Plus(rec.Cost); err == nil {
			life = sum // every charge takes from life
		}
	}
	if life.Rho > 0 {
		out.Privacy.SoFar = factor(dp.Epsilon(life, caps.Life.Delta))
	}
	slices.Reverse(out.Entries)
	b.sum()
	if size := r.State.Size(); size == 0 || r.covered(size-1) {
		b.repeats()
	}
	return out
}

// covered says whether a checkpoint covers a leaf.
func (r *Runner) covered(index int64) bool {
	return r.State.Published(ledger.Request{Release: index})
}

// factor is e^epsilon, rounded up to two digits.
func factor(epsilon float64) float64 {
	x := math.Exp(epsilon)
	scale := math.Pow(10, math.Floor(math.Log10(x))-1)
	return math.Ceil(x/scale-1e-9) * scale
}

// registrar writes a register.
type registrar struct {
	r     *Runner
	out   *Register
	spent map[string]int64 // rho by scope
	used  map[[2]string]*RegisterUse
	jobs  map[string]int // entry of a training's job
}

func (b *registrar) enter(rec ledger.Request) {
	training := b.training(rec)
	for _, scope := range rec.Scopes {
		b.spent[scope] += rec.Cost.Rho
		u := b.used[[2]string{rec.Organisation, scope}]
		if u == nil {
			u = &RegisterUse{Organisation: rec.Organisation, Scope: b.short(scope)}
			b.used[[2]string{rec.Organisation, scope}] = u
		}
		u.Requests++
		u.Spent += rec.Cost.RhoFloat()
		u.Share += b.share(scope, rec.Cost)
	}
	i, known := b.jobs[rec.Key]
	if training && known {
		e := &b.out.Entries[i]
		e.Rounds++
		for j, scope := range rec.Scopes {
			if j < len(e.Costs) { // a job's charges have the same scopes
				e.Costs[j].Share += b.share(scope, rec.Cost)
			}
		}
		e.State = b.state(rec)
		return
	}
	title, about := b.title(rec.Template)
	e := RegisterEntry{
		Day: rec.Time.In(china).Format(time.DateOnly), Organisation: rec.Organisation,
		Template: rec.Template, Title: title, Description: about, Purpose: rec.Purpose, State: b.state(rec), Training: training,
	}
	for _, scope := range rec.Scopes {
		e.Costs = append(e.Costs, RegisterShare{b.short(scope), b.share(scope, rec.Cost)})
	}
	if training {
		e.Rounds, b.jobs[rec.Key] = 1, len(b.out.Entries)
	}
	b.out.Entries = append(b.out.Entries, e)
}

func (b *registrar) training(rec ledger.Request) bool { return rec.Catalogue == ledger.Training }

// state is where a charge stands as far as checkpoints tell. That it was
// abandoned is told once its leaf cannot but be covered: with the whole log.
func (b *registrar) state(rec ledger.Request) State {
	switch {
	case b.r.State.Published(rec):
		return Released
	case rec.Abandoned && b.r.covered(b.r.State.Size()-1):
		return Abandoned
	}
	return Running
}

func (b *registrar) short(scope string) string {
	return strings.TrimPrefix(scope, b.r.State.Population()+"/")
}

func (b *registrar) share(scope string, c dp.Cost) float64 {
	limit, ok := b.r.State.Cap(scope)
	if !ok || limit.Rho == 0 {
		return 0
	}
	return float64(c.Rho) / float64(limit.Rho)
}

// title is what a template is called and does; one that is no longer offered has none.
func (b *registrar) title(ref string) (title, about Text) {
	for _, list := range [][]*Template{b.r.Catalog.templates, b.r.Catalog.features} {
		if t := findIn(list, ref); t != nil {
			return t.Title, t.Description
		}
	}
	return Text{EN: "A question that is no longer offered", ZH: "已停用的问题"}, Text{}
}

// sum adds up budgets and what organisations used of them.
func (b *registrar) sum() {
	for scope, rho := range b.spent {
		limit, _ := b.r.State.Cap(scope)
		b.out.Scopes = append(b.out.Scopes, RegisterScope{
			Scope: b.short(scope), Cap: limit.RhoFloat(), Spent: dp.Cost{Rho: rho}.RhoFloat(),
			Left: dp.Cost{Rho: max(0, limit.Rho-rho)}.RhoFloat(),
		})
	}
	slices.SortFunc(b.out.Scopes, func(x, y RegisterScope) int { return cmp.Compare(x.Scope, y.Scope) })
	for _, u := range b.used {
		b.out.Organisations = append(b.out.Organisations, *u)
	}
	slices.SortFunc(b.out.Organisations, func(x, y RegisterUse) int {
		return cmp.Or(cmp.Compare(x.Organisation, y.Organisation), cmp.Compare(x.Scope, y.Scope))
	})
}

func (b *registrar) repeats() {
	for _, u := range b.r.State.Usage() {
		if u.Repeats > 0 {
			title, _ := b.title(u.Template)
			b.out.Repeats = append(b.out.Repeats, RegisterRepeat{u.Organisation, u.Template, title, u.Repeats})
		}
	}
}
