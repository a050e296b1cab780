package qunxiang_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the pictures anew")

// picture is a drawing of docs/img in words of one language, 640 wide.
type picture struct {
	strings.Builder
	say func(en, zh string) string
}

func (p *picture) add(format string, a ...any) { fmt.Fprintf(p, format+"\n", a...) }

func (p *picture) text(x, y float64, class, s string) {
	p.add(`<text x="%.1f" y="%.1f" class="%s">%s</text>`, x, y, class, s)
}

func (p *picture) line(x1, y1, x2, y2 float64, class string) {
	p.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

func (p *picture) box(x, y, w, h float64, class string) {
	p.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`, x, y, w, h, class)
}

// look has a dark half for readers who like it.
const look = `<style>
svg{font:14px system-ui,sans-serif;--ink:#1d2733;--dim:#5d6b7a;--main:#0b5c8a;--pale:#9cc4dc;--warn:#a33a12;--back:#fff}
@media(prefers-color-scheme:dark){svg{--ink:#e6ebf0;--dim:#9aa8b5;--main:#63b3e0;--pale:#2c5a75;--warn:#f0936a;--back:#11181f}}
.back{fill:var(--back)}text{fill:var(--ink)}.dim{fill:var(--dim)}.mid{text-anchor:middle}.end{text-anchor:end}
.axis{stroke:var(--dim)}.dash{stroke:var(--dim);stroke-dasharray:5 4}.main{fill:var(--main)}.pale{fill:var(--pale)}
.curve{fill:none;stroke:var(--main);stroke-width:2.5}.other{fill:none;stroke:var(--warn);stroke-width:2.5;stroke-dasharray:7 4}
.bar{stroke:var(--main);stroke-width:3}.miss{stroke:var(--warn);stroke-width:3}.warn{fill:var(--warn)}.hidden{fill:none;stroke:var(--dim);stroke-dasharray:4 3}
</style>`

func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

func below(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// onePerson is what an answer may be, with a person and without.
func onePerson(p *picture) (title string) {
	const sigma, from, to = 8.0, 970.0, 1030.0
	at := func(n float64) float64 { return 40 + (n-from)/(to-from)*560 }
	for _, x := range []struct {
		people float64
		class  string
	}{{1000, "curve"}, {999, "other"}} {
		var points []string
		for n := from; n <= to; n += 0.5 {
			points = append(points, fmt.Sprintf("%.1f,%.1f", at(n), 230-3400*density((n-x.people)/sigma)/sigma))
		}
		p.add(`<polyline class="%s" points="%s"/>`, x.class, strings.Join(points, " "))
	}
	p.line(40, 230, 600, 230, "axis")
	for n := from; n <= to; n += 10 {
		p.text(at(n), 250, "dim mid", fmt.Sprint(n))
	}
	p.line(420, 40, 450, 40, "curve")
	p.text(458, 45, "", p.say("with you: 1,000 people", "有您：1,000 人"))
	p.line(420, 64, 450, 64, "other")
	p.text(458, 69, "", p.say("without you: 999", "没有您：999 人"))
	p.text(320, 276, "mid", p.say("what the answer may be, and how likely", "回答可能是多少，以及有多大可能"))
	return p.say("How likely each answer is with one person in the data and without: two bell curves one apart and eight wide, nearly the same",
		"某人在与不在数据中时，各个回答的可能性：两条宽为 8、相距 1 的钟形曲线，几乎重合")
}

// guesses is how often the best guess whether a person is in the data is right, of
// Gaussian noise at a cost of rho: Phi(sqrt(rho/2)), by Neyman and Pearson.
func guesses(p *picture) (title string) {
	p.text(40, 30, "", p.say("Of 100 guesses whether you are in the data, right are at most", "猜测您是否在数据中，100 次里最多猜对"))
	for i, rho := range []float64{0, 0.001, 0.01, 0.1, 0.5, 1.06} {
		y, right := 50+34*float64(i), below(math.Sqrt(rho/2))
		p.text(120, y+16, "end", fmt.Sprintf("ρ = %v", rho))
		p.box(132, y, 400*right, 22, "pale")
		p.box(132, y, 200, 22, "main")
		p.text(142+400*right, y+16, "", fmt.Sprintf("%.1f", 100*right))
	}
	p.line(332, 42, 332, 254, "dash")
	p.text(332, 274, "dim mid", p.say("50: a coin", "50：掷硬币"))
	return p.say("Right guesses out of 100 by cost: 50.0 at rho 0, 50.9 at 0.001, 52.8 at 0.01, 58.8 at 0.1, 69.1 at 0.5, 76.7 at 1.06",
		"不同成本下 100 次中猜对的次数：ρ=0 为 50.0，0.001 为 50.9，0.01 为 52.8，0.1 为 58.8，0.5 为 69.1，1.06 为 76.7")
}

// intervals are twenty answers to one question with their intervals.
func intervals(p *picture) (title string) {
	const truth, sigma = 1000.0, 20.0
	r := rand.New(rand.NewPCG(1, 0))
	at := func(n float64) float64 { return 40 + (n-920)/160*560 }
	missed := 0
	for i := range 20 {
		value, y := truth+sigma*r.NormFloat64(), 44+11*float64(i)
		low, high := value-1.96*sigma, value+1.96*sigma
		class := "bar"
		if low > truth || high < truth {
			class, missed = "miss", missed+1
			p.text(at(high)+8, y+5, "warn", p.say("missed", "未覆盖"))
		}
		p.line(at(low), y, at(high), y, class)
		p.add(`<circle cx="%.1f" cy="%.1f" r="4" class="%s"/>`, at(value), y, map[string]string{"bar": "main", "miss": "warn"}[class])
	}
	p.line(at(truth), 30, at(truth), 262, "dash")
	p.text(at(truth), 22, "mid", p.say("the exact number, which nobody is told", "真实数字，谁也不会知道"))
	p.text(320, 280, "mid", p.say(fmt.Sprintf("20 answers and their 95 %% intervals: %d missed", missed), fmt.Sprintf("20 个回答及其 95 %% 区间：%d 个未覆盖", missed)))
	return p.say(fmt.Sprintf("Twenty answers to the same question, each with its 95 %% interval; %d of the intervals does not reach the exact number", missed),
		fmt.Sprintf("同一问题的二十个回答及其 95 %% 区间，其中 %d 个区间没有覆盖真实数字", missed))
}

// smallGroups are groups by their size, those that are hidden drawn as outlines.
func smallGroups(p *picture) (title string) {
	const k, sure = 20, 75
	at := func(n float64) float64 { return 230 - n*1.2 }
	for i, n := range []float64{3, 12, 19, 26, 80, 120, 160} {
		x, class, word := 60+80*float64(i), "main", p.say("shown", "显示")
		switch {
		case n < k:
			class, word = "hidden", p.say("never", "从不")
		case n < sure:
			class, word = "hidden", p.say("seldom", "很少")
		}
		p.box(x, at(n), 48, n*1.2, class)
		p.text(x+24, at(n)-6, "mid", fmt.Sprint(n))
		p.text(x+24, 250, "dim mid", word)
	}
	p.line(40, at(k), 620, at(k), "dash")
	p.text(40, at(k)-6, "dim", "k = 20")
	p.line(40, 230, 620, 230, "axis")
	p.text(320, 278, "mid", p.say("people in a group, and whether it is shown", "组内人数，以及是否显示"))
	return p.say("Seven groups: those of 3, 12 and 19 people are never shown, one of 26 seldom, those of 80, 120 and 160 are",
		"七个组：3、12、19 人的从不显示，26 人的很少显示，80、120、160 人的显示")
}

// yearsBudget is what a year of records may be asked.
func yearsBudget(p *picture) (title string) {
	x := 40.0
	for i, part := range []struct {
		share  float64
		en, zh string
	}{{0.27, "severity", "赔付强度"}, {0.12, "frequency", "赔付频率"}, {0.18, "persistence", "用药持续"}, {0.43, "left", "剩余"}} {
		w := 560 * part.share
		class, word := "main", ""
		switch {
		case part.en == "left":
			class = "hidden"
		case i%2 == 1:
			class = "pale"
		}
		p.box(x, 60, w, 44, class)
		p.text(x+w/2, 126, "mid", p.say(part.en, part.zh)+word)
		p.text(x+w/2, 146, "dim mid", fmt.Sprintf("%.0f %%", 100*part.share))
		x += w
	}
	p.text(40, 40, "", p.say("The year 2017 may be asked this much, by all together, for ever", "2017 年的数据总共只能被问这么多：所有人合计，永不重置"))
	return p.say("A bar of the budget of one year: severity took 27 percent, frequency 12, persistence 18; 43 are left, and nothing fills it again",
		"一年预算的横条：赔付强度用去 27 %，赔付频率 12 %，用药持续 18 %，剩余 43 %，不再补充")
}

// The pictures of the guides are drawn from the formulas they show.
func TestPictures(t *testing.T) {
	for name, x := range map[string]struct {
		height int
		draw   func(*picture) string
	}{
		"one-person": {290, onePerson}, "guesses": {290, guesses}, "intervals": {296, intervals}, "small-groups": {294, smallGroups}, "budget": {166, yearsBudget},
	} {
		for language, say := range map[string]func(en, zh string) string{
			"": func(en, _ string) string { return en }, ".zh": func(_, zh string) string { return zh },
		} {
			p := &picture{say: say}
			title := x.draw(p)
			svg := fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 %d\" role=\"img\">\n<title>%s</title>\n%s\n<rect class=\"back\" width=\"640\" height=\"%d\"/>\n%s</svg>\n", x.height, title, look, x.height, p)
			path := filepath.Join("docs", "img", name+language+".svg")
			if *update {
				if err := os.WriteFile(path, []byte(svg), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if have, err := os.ReadFile(path); err != nil || string(have) != svg {
				t.Errorf("%s is not what is drawn (%v): -update", path, err)
			}
		}
	}
}
