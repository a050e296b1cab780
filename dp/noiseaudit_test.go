package dp

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// asDrawn shows numbers as they are; rough shows three digits.
func asDrawn(x float64) float64 { return x }

func rough(x float64) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

// dice is quick noise of the same law: no test of these needs the library's.
type dice struct {
	r     *rand.Rand
	bend  func(z float64) float64 // what a cheat makes of a standard normal number
	every int                     // a number in so many is shown bare; 0: none
	n     int
}

// sigmas remembers deviations, which take long to work out.
var sigmas sync.Map

func sigmaOnce(linf int64, epsilon float64) float64 {
	if s, ok := sigmas.Load([2]float64{float64(linf), epsilon}); ok {
		return s.(float64)
	}
	s := sigmaFor(linf, epsilon)
	sigmas.Store([2]float64{float64(linf), epsilon}, s)
	return s
}

func (d *dice) Add(x, linf int64, epsilon, _ float64) (int64, error) {
	z := d.r.NormFloat64()
	if d.bend != nil {
		z = d.bend(z)
	}
	if d.n++; d.every > 0 && d.n%d.every == 0 {
		z = 0
	}
	return x + int64(math.Round(z*sigmaOnce(linf, epsilon))), nil
}

// tested is a question with keys of one's choice and a measure of each kind that
// is led back to draws.
func tested(groups int, private bool) Spec {
	s := Spec{L0: 2, K: 20, MaxRows: 10, MaxPeople: 1_000_000, Columns: []string{"fen", "month"}}
	k := Key{Name: "g", Private: private}
	if !private {
		for i := range groups {
			k.Values = append(k.Values, fmt.Sprint(i))
		}
	}
	s.Keys = []Key{k}
	s.Measures = []Measure{
		{Name: "rows", Kind: KindRows, Rows: 2},
		{Name: "paid", Kind: KindSum, Column: "fen", Rows: 2, RowLo: 0, RowHi: 100_000, Lo: 0, Hi: 150_000},
		{Name: "cost", Kind: KindMean, Column: "fen", Rows: 2, RowLo: 0, RowHi: 100_000, Lo: -100_000, Hi: 100_000, Centre: 30_000, RowsName: "bills"},
		{Name: "when", Kind: KindHistogram, At: "month", Rows: 2, Positions: []string{"1", "2", "3"}},
	}
	return s
}

// logged is a release: what goes into an audit.
type logged struct {
	totals *Totals
	claim  *NoiseClaim
	table  *Table
	shown  func(float64) float64
}

// totalsOf are totals of people in groups of different sizes, from 20 up, with
// more groups and rows than the bounds allow; the same for the same seed and salt.
func totalsOf(t testing.TB, s Spec, groups int, seed uint64, salt byte) *Totals {
	t.Helper()
	out, err := NewTotalsWith(s, [16]byte{salt, byte(seed), 1})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 1))
	b := &Batch{Values: make([][]int64, len(s.Columns))}
	person := uint32(0)
	for g := range groups {
		for range 10 + 12*g {
			b.Keys = append(b.Keys, [16]byte{byte(person), byte(person >> 8), byte(person >> 16), byte(seed)})
			for row := range 1 + r.IntN(4) {
				code, err := out.Group([]string{fmt.Sprint((g + row) % groups)})
				if err != nil {
					t.Fatal(err)
				}
				b.Person, b.Group = append(b.Person, person), append(b.Group, code)
				for c, v := range []int64{r.Int64N(120_000), r.Int64N(4)} {
					b.Values[c%len(b.Values)] = append(b.Values[c%len(b.Values)], v)
				}
			}
			person++
		}
	}
	if err := out.AddRange(b); err != nil {
		t.Fatal(err)
	}
	return out
}

func planned(t testing.TB, s Spec) *Plan {
	t.Helper()
	plan, err := Price(s, Want{Rho: 0.02}, DeltaRule{Fixed: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func releaseOf(t testing.TB, plan *Plan, groups int, seed uint64, noise seam.Noise, shown func(float64) float64) logged {
	t.Helper()
	s := plan.Spec()
	table, err := release(totalsOf(t, s, groups, seed, 7), plan, noise)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := ClaimNoise(s, plan.Sigmas(), plan.Cost())
	if err != nil {
		t.Fatal(err)
	}
	for i := range table.Groups {
		for j := range table.Groups[i].Measures {
			m := &table.Groups[i].Measures[j]
			m.Value = shown(m.Value)
			for k := range m.Values {
				m.Values[k].Value = shown(m.Values[k].Value)
			}
		}
	}
	return logged{totalsOf(t, s, groups, seed, 7), claim, table, shown}
}

func verdict(t testing.TB, alpha float64, log []logged) bool {
	t.Helper()
	a, err := NewNoiseAudit(alpha)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range log {
		if _, err := a.Add(l.totals, l.claim, l.table, l.shown); err != nil {
			t.Fatalf("release %d: %v", i, err)
		}
	}
	pass, err := a.Verdict()
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

// The library's own noise passes (false alarm 1e-6 each), with public and private
// keys, numbers as drawn or rounded, k exact or noisy.
func TestHonestNoisePasses(t *testing.T) {
	noisy := tested(12, false)
	noisy.NoisyK = true
	for name, s := range map[string]Spec{"public": tested(12, false), "private": tested(0, true), "noisy k": noisy} {
		for _, shown := range []func(float64) float64{asDrawn, rough} {
			var log []logged
			for seed := range uint64(12) {
				log = append(log, releaseOf(t, planned(t, s), 12, seed, gaussian{}, shown))
			}
			if !verdict(t, 1e-6, log) {
				t.Errorf("%s: honest noise is accused", name)
			}
		}
	}
}

// trial is a log of releases with the given noise; the sizes of the groups lie
// around the threshold, so that it chooses.
func trial(t testing.TB, p *Plan, releases, groups int, noise func(release int) seam.Noise) []logged {
	t.Helper()
	var log []logged
	for i := range releases {
		log = append(log, releaseOf(t, p, groups, uint64(i), noise(i), asDrawn))
	}
	return log
}

// At most alpha of honest logs fail: with 60 logs and alpha 0.01, six or more
// alarms have a chance of 2e-5, and that only if the bounds were tight.
func TestFalseAlarms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for name, s := range map[string]Spec{"public": tested(8, false), "private": tested(0, true)} {
		alarms, p := 0, planned(t, s)
		for range 60 {
			if !verdict(t, 0.01, trial(t, p, 6, 8, func(int) seam.Noise { return &dice{r: r} })) {
				alarms++
			}
		}
		if alarms > 5 {
			t.Errorf("%s: %d of 60 honest logs fail at 0.01", name, alarms)
		}
	}
}

// Of groups that lie at the threshold only the lucky are shown, and no alarm comes
// of it (1e-6 each).
func TestTheChoiceIsPartOfTheLaw(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 9))
	const groups = 60
	for name, s := range map[string]Spec{"public": tested(groups, false), "private": tested(0, true)} {
		s.Measures, s.Columns, s.L0 = nil, nil, 1
		plan := planned(t, s)
		fill := func() *Totals {
			out, err := NewTotalsWith(s, [16]byte{1})
			if err != nil {
				t.Fatal(err)
			}
			b := &Batch{}
			for g := range groups {
				code, err := out.Group([]string{fmt.Sprint(g)})
				if err != nil {
					t.Fatal(err)
				}
				for range plan.Threshold() - 5 {
					p := uint32(len(b.Keys))
					b.Keys = append(b.Keys, [16]byte{byte(p), byte(p >> 8), byte(p >> 16)})
					b.Person, b.Group = append(b.Person, p), append(b.Group, code)
				}
			}
			if err := out.AddRange(b); err != nil {
				t.Fatal(err)
			}
			return out
		}
		claim, err := ClaimNoise(s, plan.Sigmas(), plan.Cost())
		if err != nil {
			t.Fatal(err)
		}
		var log []logged
		for range 10 {
			table, err := release(fill(), plan, &dice{r: r})
			if err != nil {
				t.Fatal(err)
			}
			log = append(log, logged{fill(), claim, table, asDrawn})
		}
		if !verdict(t, 1e-6, log) {
			t.Errorf("%s: honest noise is accused", name)
		}
	}
}

// memory gives each release the noise that an earlier one had.
type memory struct {
	dice
	kept []float64
	at   int
}

func (m *memory) Add(x, linf int64, epsilon, _ float64) (int64, error) {
	if m.at == len(m.kept) {
		m.kept = append(m.kept, m.r.NormFloat64())
	}
	m.at++
	return x + int64(math.Round(m.kept[m.at-1]*sigmaOnce(linf, epsilon))), nil
}

// single gives all numbers of a release the same noise.
type single struct {
	r *rand.Rand
	z float64
}

func (m *single) Add(x, linf int64, epsilon, _ float64) (int64, error) {
	return x + int64(math.Round(m.z*sigmaOnce(linf, epsilon))), nil
}

// Every cheat is found at alpha 1e-6 in logs of so many releases, each of some 90
// numbers: in at least 5 of 6 logs. One that is found with chance 0.999, as all of
// these are, would fail this with 1.5e-5.
func TestCheatsAreFound(t *testing.T) {
	p := planned(t, tested(12, false))
	r := rand.New(rand.NewPCG(2, 9))
	bent := func(f func(float64) float64) func(int) seam.Noise {
		return func(int) seam.Noise { return &dice{r: r, bend: f} }
	}
	for _, c := range []struct {
		name     string
		releases int
		noise    func() func(int) seam.Noise
	}{
		{"half the noise", 4, func() func(int) seam.Noise { return bent(func(z float64) float64 { return z / 2 }) }},
		{"four fifths of the noise", 24, func() func(int) seam.Noise { return bent(func(z float64) float64 { return 0.8 * z }) }},
		{"trimmed at two deviations", 36, func() func(int) seam.Noise {
			return bent(func(z float64) float64 {
				for math.Abs(z) > 2 {
					z = r.NormFloat64()
				}
				return z
			})
		}},
		{"clipped at two deviations", 60, func() func(int) seam.Noise {
			return bent(func(z float64) float64 { return max(-2, min(2, z)) })
		}},
		{"the nearer of two draws", 6, func() func(int) seam.Noise {
			return bent(func(z float64) float64 {
				if y := r.NormFloat64(); math.Abs(y) < math.Abs(z) {
					return y
				}
				return z
			})
		}},
		{"the higher of two draws", 6, func() func(int) seam.Noise {
			return bent(func(z float64) float64 { return max(z, r.NormFloat64()) })
		}},
		{"none at all in one release of many", 24, func() func(int) seam.Noise {
			return func(i int) seam.Noise {
				if i == 3 {
					return &dice{r: r, bend: func(float64) float64 { return 0 }}
				}
				return &dice{r: r}
			}
		}},
		{"a quarter of it in one release of three", 3, func() func(int) seam.Noise {
			return func(i int) seam.Noise {
				if i == 1 {
					return &dice{r: r, bend: func(z float64) float64 { return z / 4 }}
				}
				return &dice{r: r}
			}
		}},
		{"none in one of a hundred numbers", 60, func() func(int) seam.Noise {
			d := &dice{r: r, every: 100}
			return func(int) seam.Noise { return d }
		}},
		{"the same noise in two releases", 12, func() func(int) seam.Noise {
			m := &memory{dice: dice{r: r}}
			return func(i int) seam.Noise {
				if i == 2 || i == 7 {
					m.at = 0
					return m
				}
				return &dice{r: r}
			}
		}},
		{"the same noise for all numbers", 12, func() func(int) seam.Noise {
			return func(i int) seam.Noise {
				if i == 2 {
					return &single{r, r.NormFloat64()}
				}
				return &dice{r: r}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := 0
			for range 6 {
				if !verdict(t, 1e-6, trial(t, p, c.releases, 12, c.noise())) {
					found++
				}
			}
			if found < 5 {
				t.Errorf("found in %d of 6 logs", found)
			}
		})
	}
}

// What is kept of the data is seen in no form, before the verdict or after it.
func TestNoiseAuditIsSilent(t *testing.T) {
	p := planned(t, tested(12, false))
	l := releaseOf(t, p, 12, 1, &dice{r: rand.New(rand.NewPCG(4, 4))}, asDrawn)
	exact, err := totalsOf(t, p.Spec(), 12, 1, 7).Unseal(seam.Issue())
	if err != nil {
		t.Fatal(err)
	}
	var secrets []string // residuals as they would be printed
	for _, g := range exact.Groups {
		for _, shown := range l.table.Groups {
			if m := named(&shown, "paid"); m != nil && slices.Equal(shown.Keys, g.Keys) {
				secrets = append(secrets, fmt.Sprint(int64(m.Value)-g.Cells["paid"][0]), fmt.Sprint(g.Cells["paid"][0]))
			}
		}
	}
	if len(secrets) < 10 {
		t.Fatalf("only %d residuals to look for", len(secrets))
	}
	a, err := NewNoiseAudit(1e-6)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Add(l.totals, l.claim, l.table, l.shown); err != nil {
		t.Fatal(err)
	}
	look := func() {
		t.Helper()
		for name, text := range formsOf(t, a) {
			if !strings.Contains(text, "redacted") {
				t.Errorf("%s says %.200q", name, text)
			}
			for _, s := range secrets {
				if strings.Contains(text, s) {
					t.Errorf("%s shows the residual %s", name, s)
				}
			}
		}
	}
	look()
	if pass, err := a.Verdict(); !pass || err != nil {
		t.Errorf("verdict %v, %v", pass, err)
	}
	look()
	if _, err := a.Verdict(); !errors.Is(err, ErrReleased) {
		t.Errorf("a second verdict: %v", err)
	}
	if _, err := a.Add(totalsOf(t, p.Spec(), 12, 1, 7), l.claim, l.table, l.shown); !errors.Is(err, ErrReleased) {
		t.Errorf("after the verdict: %v", err)
	}
}

func formsOf(t *testing.T, a *NoiseAudit) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		out[verb] = fmt.Sprintf(verb, a)
		out["holder "+verb] = fmt.Sprintf(verb, struct{ A *NoiseAudit }{a})
		out["value "+verb] = fmt.Sprintf(verb, *a)
	}
	asJSON, err := json.Marshal(struct{ A *NoiseAudit }{a})
	if err != nil {
		t.Fatal(err)
	}
	var asGob, asLog bytes.Buffer
	if err := gob.NewEncoder(&asGob).Encode(a); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&asLog, nil)).Info("x", "a", a)
	out["json"], out["gob"], out["log"] = string(asJSON), asGob.String(), asLog.String()
	return out
}

// A table that cannot be of its question is refused in words that quote what was
// shown and nothing else; one that the data rule out fails.
func TestNoiseAuditOfTamperedTables(t *testing.T) {
	p, r := planned(t, tested(12, false)), rand.New(rand.NewPCG(5, 5))
	fresh := func() logged { return releaseOf(t, p, 12, 1, &dice{r: r}, asDrawn) }
	exact, err := totalsOf(t, p.Spec(), 12, 1, 7).Unseal(seam.Issue())
	if err != nil {
		t.Fatal(err)
	}
	shownGroup := func(l logged) *Group {
		return &l.table.Groups[slices.IndexFunc(l.table.Groups, func(g Group) bool { return !g.Suppressed })]
	}
	for name, tamper := range map[string]func(l logged){
		"a group less":     func(l logged) { l.table.Groups = l.table.Groups[1:] },
		"groups swapped":   func(l logged) { g := l.table.Groups; g[0], g[1] = g[1], g[0] },
		"a measure less":   func(l logged) { g := shownGroup(l); g.Measures = g.Measures[:1] },
		"half a person":    func(l logged) { shownGroup(l).Measures[0].Value += 0.5 },
		"half a fen":       func(l logged) { named(shownGroup(l), "paid").Value += 0.5 },
		"no number":        func(l logged) { shownGroup(l).Measures[0].Value = math.NaN() },
		"below threshold":  func(l logged) { shownGroup(l).Measures[0].Value = float64(p.Threshold() - 1) },
		"another axis":     func(l logged) { named(shownGroup(l), "when").Values[0].At = "9" },
		"a shorter axis":   func(l logged) { m := named(shownGroup(l), "when"); m.Values = m.Values[:2] },
		"suppressed, told": func(l logged) { shownGroup(l).Suppressed = true },
	} {
		l := fresh()
		tamper(l)
		a, err := NewNoiseAudit(1e-6)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Add(l.totals, l.claim, l.table, l.shown)
		if !errors.Is(err, ErrClaim) {
			t.Errorf("%s: %v", name, err)
		}
		for _, g := range exact.Groups {
			if paid := fmt.Sprint(g.Cells["paid"][0]); err != nil && paid != "0" && strings.Contains(err.Error(), paid) {
				t.Errorf("%s: %v quotes the data", name, err)
			}
		}
	}
	l := fresh()
	named(shownGroup(l), "rows").Value += 1e6 // no draw reaches there
	if verdict(t, 1e-6, []logged{l}) {
		t.Error("a number beyond all noise passes")
	}
}

func TestClaimNoise(t *testing.T) {
	for _, private := range []bool{false, true} {
		p := planned(t, tested(5, private))
		c, err := ClaimNoise(p.Spec(), p.Sigmas(), p.Cost())
		if err != nil || c.p.Threshold() != p.Threshold() {
			t.Errorf("threshold %d, claimed %v: %v", p.Threshold(), c, err)
		}
		less := p.Sigmas()
		less["people"] *= 1.001
		for name, f := range map[string]func() (*NoiseClaim, error){
			"another deviation": func() (*NoiseClaim, error) { return ClaimNoise(p.Spec(), less, p.Cost()) },
			"another cost": func() (*NoiseClaim, error) {
				return ClaimNoise(p.Spec(), p.Sigmas(), Cost{p.Cost().Rho - 1, p.Cost().Delta})
			},
			"no channels": func() (*NoiseClaim, error) { return ClaimNoise(p.Spec(), nil, p.Cost()) },
		} {
			if _, err := f(); !errors.Is(err, ErrClaim) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	noisy := tested(5, false)
	noisy.NoisyK = true
	p := planned(t, noisy)
	if c, err := ClaimNoise(tested(5, false), p.Sigmas(), p.Cost()); err != nil || !c.Spec().NoisyK || c.p.Threshold() != p.Threshold() {
		t.Errorf("noisy k: %v", err)
	}
}
