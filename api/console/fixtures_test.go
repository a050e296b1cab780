package console

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

func readAll(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func number(x, half float64, unit string) queries.ReleasedValue {
	return queries.ReleasedValue{Unit: unit, Number: &queries.ReleasedNumber{Value: x, Low: x - half, High: x + half}}
}

func axis(unit string, banded bool, at []string, x ...float64) queries.ReleasedValue {
	v := queries.ReleasedValue{Unit: unit}
	for i, value := range x {
		half := 0.02 + value*0.03
		p := queries.ReleasedPoint{At: at[i], ReleasedNumber: queries.ReleasedNumber{Value: value, Low: value - half, High: value + half}}
		if banded {
			low, high := value-half/2, value+half/2
			p.NoiseLow, p.NoiseHigh = &low, &high
		}
		v.Values = append(v.Values, p)
	}
	return v
}

func base(template, catalogue string, title queries.Text, keys ...string) *queries.Release {
	return &queries.Release{
		Template: template, Catalogue: catalogue, Title: title, Parameters: map[string]string{"window": "2025-01-01..2025-12-31", "region": "44"},
		Purpose: "commercial-health-insurance", Released: noon, Evaluation: true, Keys: keys, Groups: []queries.ReleasedGroup{},
		Privacy: queries.Privacy{Rho: 0.01, Epsilon: 1.2, K: 20, Scopes: []string{"city/2025", "city/life"}, Charged: true},
		Notes:   []queries.Text{{EN: "Intervals are for the noise.", ZH: "区间仅反映噪声。"}},
	}
}

// severity has two keys and a suppressed group: bars, and a map.
func severity() *queries.Release {
	r := base("claim-severity@1.1.0", "I3", queries.Text{EN: "Claim severity", ZH: "次均费用"}, "age", "level")
	for i, age := range []string{"0-29", "30-59", "60+"} {
		for j, level := range []string{"tertiary", "secondary", "unknown"} {
			g := queries.ReleasedGroup{Keys: map[string]string{"age": age, "level": level}, Suppressed: level == "unknown", Measures: map[string]queries.ReleasedValue{}}
			if !g.Suppressed {
				g.Measures["people"] = number(2000+float64(100*i), 16, "people")
				g.Measures["severity"] = number(1_300_000+float64(200_000*i-400_000*j), 60_000, "fen")
			}
			r.Groups = append(r.Groups, g)
		}
	}
	return r
}

// persistence is two survival curves.
func persistence() *queries.Release {
	r := base("persistence@1.1.0", "P5", queries.Text{EN: "Persistence on a drug", ZH: "用药持续性"}, "sex")
	var at []string
	var first, second []float64
	for i := range 13 {
		at = append(at, fmt.Sprint(i))
		first, second = append(first, 0.97-float64(i)*0.04), append(second, 0.93-float64(i)*0.06)
	}
	for i, sex := range []string{"male", "female"} {
		r.Groups = append(r.Groups, queries.ReleasedGroup{Keys: map[string]string{"sex": sex}, Measures: map[string]queries.ReleasedValue{
			"people": number(3000, 16, "people"), "persistence": axis("share", true, at, [][]float64{first, second}[i]...),
		}})
	}
	return r
}

// funnel is a cascade of care.
func funnel() *queries.Release {
	r := base("care-cascade@1.0.1", "H1", queries.Text{EN: "Care cascade", ZH: "诊疗路径"})
	at := []string{"recorded", "seen again", "treated", "adherent", "not admitted"}
	r.Groups = []queries.ReleasedGroup{{Keys: map[string]string{}, Measures: map[string]queries.ReleasedValue{
		"people": number(9000, 16, "people"), "reached": axis("people", false, at, 9000, 7200, 5100, 2600, 2300),
	}}}
	return r
}

// months is a series by month.
func months() *queries.Release {
	r := base("fund-series@1.2.0", "R2", queries.Text{EN: "Fund spending", ZH: "基金支出"})
	var at []string
	var x []float64
	for i := range 12 {
		at, x = append(at, fmt.Sprintf("2025-%02d", i+1)), append(x, 5e9+float64(i%4)*3e8)
	}
	r.Groups = []queries.ReleasedGroup{{Keys: map[string]string{}, Measures: map[string]queries.ReleasedValue{"payments": axis("fen", false, at, x...)}}}
	return r
}

// flows is paths of treatment.
func flows() *queries.Release {
	r := base("treatment-lines@1.0.1", "P7", queries.Text{EN: "Treatment lines", ZH: "治疗线"}, "path")
	r.Groups = []queries.ReleasedGroup{
		{Keys: map[string]string{"path": "metformin>insulins"}, Measures: map[string]queries.ReleasedValue{"people": number(900, 16, "people")}},
		{Keys: map[string]string{"path": "metformin>sulfonylureas"}, Measures: map[string]queries.ReleasedValue{"people": number(700, 16, "people")}},
	}
	people := func(x float64) queries.ReleasedNumber {
		return queries.ReleasedNumber{Value: x, Low: x - 22, High: x + 22}
	}
	r.Flows = []queries.Flow{
		{Step: 0, To: "metformin", People: people(1600)}, {Step: 0, To: "acarbose", People: people(300)},
		{Step: 1, From: "metformin", To: "insulins", People: people(900)}, {Step: 1, From: "metformin", To: "sulfonylureas", People: people(700)},
		{Step: 1, From: "acarbose", To: "insulins", People: people(250)},
	}
	return r
}

var releases = map[string]func() *queries.Release{"severity": severity, "persistence": persistence, "funnel": funnel, "months": months, "flows": flows}
