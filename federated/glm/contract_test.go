package glm

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
)

func goodRow() Row {
	return Row{Person: "a", Response: 2, Exposure: 0.5, Weight: 1,
		Values: []Value{{Number: 40}, {Number: 1}, {Level: "south"}}}
}

// Preflight names the first field that fails and how, and nothing else: no value
// and no place.
func TestPreflightNamesTheField(t *testing.T) {
	s := small(Poisson)
	s.Exposure, s.Weights, s.PeoplePerNode = true, true, 200
	p := plan(t, s)
	if _, err := p.NewData([]Row{goodRow()}); err != nil {
		t.Fatal(err)
	}
	secret := "73125"
	for _, c := range []struct {
		field, why string
		spoil      func(r *Row)
	}{
		{"person", "missing", func(r *Row) { r.Person = "" }},
		{"features", "another number of features than the contract", func(r *Row) { r.Values = r.Values[:2] }},
		{"y", "out of range", func(r *Row) { r.Response = 73125 }},
		{"y", "out of range", func(r *Row) { r.Response = math.NaN() }},
		{"exposure", "not positive or above the cap", func(r *Row) { r.Exposure = 0 }},
		{"exposure", "not positive or above the cap", func(r *Row) { r.Exposure = 73125 }},
		{"weight", "negative or too large", func(r *Row) { r.Weight = -73125 }},
		{"age", "out of range", func(r *Row) { r.Values[0].Number = 73125 }},
		{"dose", "out of range", func(r *Row) { r.Values[1].Number = math.Inf(-1) }},
		{"region", "a level that the contract does not list", func(r *Row) { r.Values[2].Level = secret }},
	} {
		bad := goodRow()
		c.spoil(&bad)
		_, err := p.NewData([]Row{goodRow(), bad, goodRow()})
		var field *FieldError
		if !errors.As(err, &field) || !errors.Is(err, ErrContract) || field.Field != c.field || field.Why != c.why {
			t.Errorf("%s: %v", c.field, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%v quotes a value", err)
		}
	}
	many := make([]Row, 9)
	for i := range many {
		many[i] = goodRow()
	}
	var field *FieldError
	if _, err := p.NewData(many); !errors.As(err, &field) || field.Why != "more rows than the cap" {
		t.Error(err)
	}
}

func TestDataIsRedacted(t *testing.T) {
	d, err := plan(t, small(Poisson)).NewData([]Row{goodRow()})
	if err != nil {
		t.Fatal(err)
	}
	j, _ := json.Marshal(d)
	for _, text := range []string{fmt.Sprint(d), fmt.Sprintf("%+v", d), fmt.Sprintf("%#v", d), string(j)} {
		if strings.Trim(text, `"`) != redacted {
			t.Errorf("data print as %s", text)
		}
	}
}

// A row tells nobody who it is about, or what, however it is printed, logged or stored.
func TestRowsAreRedacted(t *testing.T) {
	row := goodRow()
	row.Person, row.Response, row.Values[0].Number, row.Values[2].Level = "psn-secret", 73125, 73126, "level-secret"
	for _, x := range []any{row, &row, []Row{row}, map[string]Row{"r": row}, struct{ Inner Row }{row}, row.Values, row.Values[0], &row.Values[2]} {
		var stored, logged, lines bytes.Buffer
		if err := gob.NewEncoder(&stored).Encode(x); err != nil {
			t.Error(err)
		}
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "row", x)
		slog.New(slog.NewTextHandler(&lines, nil)).Info("x", "row", x)
		j, err := json.Marshal(x)
		if err != nil {
			t.Error(err)
		}
		for _, text := range []string{fmt.Sprint(x), fmt.Sprintf("%+v", x), fmt.Sprintf("%#v", x), fmt.Sprintf("%s %d %x %q", x, x, x, x), string(j), stored.String(), logged.String(), lines.String()} {
			if strings.Contains(text, "secret") || strings.Contains(text, "7312") || strings.Contains(text, "736563") || !strings.Contains(text, "redacted") {
				t.Errorf("%T prints as %q", x, text)
			}
		}
	}
}

func TestRowsLogNothing(t *testing.T) {
	for _, x := range []slog.LogValuer{goodRow(), goodRow().Values[0], &Data{}} {
		if got := x.LogValue().String(); got != redacted {
			t.Errorf("%T logs %q", x, got)
		}
	}
}

// A merged level counts as the one it is merged into.
func TestMergedLevels(t *testing.T) {
	s := small(Poisson)
	s.Features[2].Levels = append(s.Features[2].Levels, Level{Name: "islet", Into: "south"}, Level{Name: "reef", Into: "north"})
	p := plan(t, s)
	if p.Columns() != 5 {
		t.Fatalf("columns %v", p.Names())
	}
	for merged, into := range map[string]string{"islet": "south", "reef": "north"} {
		a, b := goodRow(), goodRow()
		a.Values[2].Level, b.Values[2].Level = merged, into
		if fmt.Sprint(encode(t, p, []Row{a}, 0, p.Start())) != fmt.Sprint(encode(t, p, []Row{b}, 0, p.Start())) {
			t.Errorf("%s is not %s", merged, into)
		}
	}
}

// A fixture per refusal of a card.
func TestPlanRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		want  error
		spoil func(s *Spec)
	}{
		"no family":                   {ErrSpec, func(s *Spec) { s.Family = "" }},
		"a stray power":               {ErrSpec, func(s *Spec) { s.Power = 1.5 }},
		"a stray theta":               {ErrSpec, func(s *Spec) { s.Theta = 1 }},
		"Tweedie of power 2":          {ErrSpec, func(s *Spec) { s.Family, s.Power = Tweedie, 2 }},
		"no theta":                    {ErrSpec, func(s *Spec) { s.Family = NegBin }},
		"no response":                 {ErrSpec, func(s *Spec) { s.Response = Response{} }},
		"a range of nothing":          {ErrSpec, func(s *Spec) { s.Response.Hi = s.Response.Lo }},
		"a scaled count":              {ErrSpec, func(s *Spec) { s.Response.Scale = 2 }},
		"a scale of nearly nothing":   {ErrSpec, func(s *Spec) { s.Family, s.Response.Scale = Linear, 1e-300 }},
		"a scale too small":           {ErrSpec, func(s *Spec) { s.Family, s.Response.Scale = Tweedie, 0.9e-9; s.Power = 1.5 }},
		"a scale too large":           {ErrSpec, func(s *Spec) { s.Family, s.Response.Scale = Linear, 1.1e15 }},
		"a response beyond its scale": {ErrSpec, func(s *Spec) { s.Family, s.Response.Scale, s.Response.Hi = Linear, 1e-9, 1.1e6 }},
		"a response below its scale":  {ErrSpec, func(s *Spec) { s.Family, s.Response.Lo = Linear, -1.1e15 }},
		"a number too wide":           {ErrSpec, func(s *Spec) { s.Features[0].Lo, s.Features[0].Hi = -math.MaxFloat64, math.MaxFloat64 }},
		"a number too narrow":         {ErrSpec, func(s *Spec) { s.Features[0].Lo, s.Features[0].Hi = 0, 5e-324 }},
		"a negative count":            {ErrSpec, func(s *Spec) { s.Response.Lo = -1 }},
		"exposure of a share":         {ErrSpec, func(s *Spec) { s.Family, s.Response.Hi, s.StartMean, s.Exposure = Logistic, 1, 0.5, true }},
		"no starting mean":            {ErrSpec, func(s *Spec) { s.StartMean = 0 }},
		"a mean of NaN":               {ErrSpec, func(s *Spec) { s.StartMean = math.NaN() }},
		"a share above one":           {ErrSpec, func(s *Spec) { s.Family = Logistic }},
		"gamma from nothing":          {ErrSpec, func(s *Spec) { s.Family = Gamma }},
		"a negative ridge":            {ErrSpec, func(s *Spec) { s.Ridge = -1 }},
		"too many rounds":             {ErrSpec, func(s *Spec) { s.Rounds = 17 }},
		"two nodes":                   {ErrSpec, func(s *Spec) { s.Nodes = 2 }},
		"all collude":                 {ErrSpec, func(s *Spec) { s.Colluders = 3 }},
		"nobody colludes":             {ErrSpec, func(s *Spec) { s.Colluders = -1 }},
		"at too many places":          {ErrSpec, func(s *Spec) { s.Places = 4 }},
		"no people":                   {ErrSpec, func(s *Spec) { s.PeoplePerNode = 0 }},
		"no cost":                     {ErrSpec, func(s *Spec) { s.Rho = 0 }},
		"a cost of one unit":          {ErrSpec, func(s *Spec) { s.Rho = 1 }},
		"a negative cap":              {ErrSpec, func(s *Spec) { s.Caps.Score = -1 }},
		"a cap of NaN":                {ErrSpec, func(s *Spec) { s.Caps.Weight = math.NaN() }},
		"too many rows":               {ErrSpec, func(s *Spec) { s.Caps.Rows = 1025 }},
		"two of one name":             {ErrSpec, func(s *Spec) { s.Features[1].Name = "age" }},
		"a number unbounded":          {ErrSpec, func(s *Spec) { s.Features[0].Hi = math.Inf(1) }},
		"one level":                   {ErrSpec, func(s *Spec) { s.Features[2].Levels = s.Features[2].Levels[:1] }},
		"two levels alike":            {ErrSpec, func(s *Spec) { s.Features[2].Levels[1].Name = "north" }},
		"a merged reference":          {ErrSpec, func(s *Spec) { s.Features[2].Levels[0].Into = "south" }},
		"merged into merged": {ErrSpec, func(s *Spec) {
			s.Features[2].Levels = append(s.Features[2].Levels, Level{Name: "a", Into: "b"}, Level{Name: "b", Into: "west"})
		}},
		"merged into nothing":   {ErrSpec, func(s *Spec) { s.Features[2].Levels[2].Into = "moon" }},
		"a factor with a range": {ErrSpec, func(s *Spec) { s.Features[2].Hi = 1 }},
		"finer than fits":       {ErrOverflow, func(s *Spec) { s.PeoplePerNode, s.Bits = 1<<31, 32 }},
		"caps times people":     {ErrOverflow, func(s *Spec) { s.PeoplePerNode, s.Caps.Score = 1<<32, 1e9 }},
		"noise beyond the sum":  {ErrOverflow, func(s *Spec) { s.PeoplePerNode, s.Caps.Score, s.Rho = 50, 1e6, 1e7 }},
		"too many columns": {ErrTooManyCells, func(s *Spec) {
			for i := range 126 {
				s.Features = append(s.Features, Feature{Name: fmt.Sprint(i), Hi: 1})
			}
		}},
	} {
		s := small(Poisson)
		c.spoil(&s)
		if _, err := NewPlan(s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The scale follows the rule: the finest of at most 2^-32 at which everyone's
// bounds together stay below 2^60.
func TestBits(t *testing.T) {
	for _, c := range []struct {
		nodes  int
		people int64
		score  float64
		bits   int
	}{{3, 100_000, 1, 32}, {100, 1 << 24, 16, 24}, {100, 1 << 24, 15, 24}, {20, 1 << 20, 100, 28}} {
		s := small(Logistic)
		s.Caps = Caps{Score: c.score, Rows: 1, Deviance: 1, Pearson: 1} // C = 2 score
		s.Nodes, s.PeoplePerNode = c.nodes, c.people
		p := plan(t, s)
		bound := float64(c.nodes) * float64(c.people) * c.score * 2
		if p.Bits() != c.bits || p.Bits() != min(32, int(math.Floor(60-math.Log2(bound)))) {
			t.Errorf("%+v: %d bits, rule %g", c, p.Bits(), 60-math.Log2(bound))
		}
	}
}

func TestMismatchesAreRefused(t *testing.T) {
	p, q := plan(t, small(Poisson)), small(Poisson)
	q.Features = q.Features[:1]
	other := plan(t, q)
	d, err := other.NewData([]Row{{Person: "a", Values: []Value{{Number: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	own, _ := p.NewData([]Row{goodRow()})
	far := p.Start()
	far[0] = maxCoefficient + 1
	sum := make([]int64, p.Cells())
	for name, err := range map[string]error{
		"data of another plan":      second(p.Encode(d, 0, p.Start())),
		"no data":                   second(p.Encode(nil, 0, p.Start())),
		"coefficients of another":   second(p.Encode(own, 0, other.Start())),
		"coefficients out of range": second(p.Encode(own, 0, far)),
		"a round too many":          second(p.Encode(own, 4, p.Start())),
		"a round before":            second(p.Blocks(-1)),
		"a short sum":               third(p.Step(0, p.Start(), sum[1:])),
		"a step too many":           third(p.Step(4, p.Start(), sum)),
		"a fit of another":          second(p.Fit(other.Start(), sum)),
		"noise of no round":         second(p.DrawNoise(4)),
		"the cost of no round":      second(p.RoundCost(4)),
	} {
		if !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }
