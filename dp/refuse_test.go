package dp

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// One refusal per line: what is changed in a good question, and the sentinel.
func TestSpecRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Spec)
		want   error
	}{
		"no L0":                {func(s *Spec) { s.L0 = 0 }, ErrBounds},
		"huge L0":              {func(s *Spec) { s.L0 = MaxL0 + 1 }, ErrBounds},
		"k of 1":               {func(s *Spec) { s.K = 1 }, ErrBounds},
		"no row cap":           {func(s *Spec) { s.MaxRows = 0 }, ErrBounds},
		"no people cap":        {func(s *Spec) { s.MaxPeople = 0 }, ErrBounds},
		"zero-width row clamp": {func(s *Spec) { s.Measures[1].RowLo = 500 }, ErrBounds},
		"inverted row clamp":   {func(s *Spec) { s.Measures[1].RowLo = 501 }, ErrBounds},
		"no row clamp":         {func(s *Spec) { s.Measures[1].RowLo, s.Measures[1].RowHi = 0, 0 }, ErrBounds},
		"zero-width clamp":     {func(s *Spec) { s.Measures[1].Lo = 900 }, ErrBounds},
		"mean without rows":    {func(s *Spec) { s.Measures[2].Rows = 0 }, ErrBounds},
		"rows without rows":    {func(s *Spec) { s.Measures[0].Rows = 0 }, ErrBounds},
		"negative rows":        {func(s *Spec) { s.Measures[1].Rows = -1 }, ErrBounds},
		"no positions":         {func(s *Spec) { s.Measures[4].Positions = nil }, ErrBounds},
		"repeated position":    {func(s *Spec) { s.Measures[4].Positions = []string{"a", "a"} }, ErrSpec},
		"histogram of no rows": {func(s *Spec) { s.Measures[4].Rows = 0 }, ErrBounds},
		"series without A":     {func(s *Spec) { s.Measures[5].MaxPositions = 0 }, ErrBounds},
		"A above positions":    {func(s *Spec) { s.Measures[5].MaxPositions = 6 }, ErrBounds},
		"no probabilities":     {func(s *Spec) { s.Measures[3].Probs = nil }, ErrSpec},
		"probability 0":        {func(s *Spec) { s.Measures[3].Probs = []float64{0} }, ErrSpec},
		"probability 1":        {func(s *Spec) { s.Measures[3].Probs = []float64{1} }, ErrSpec},
		"probability NaN":      {func(s *Spec) { s.Measures[3].Probs = []float64{math.NaN()} }, ErrSpec},
		"unsorted":             {func(s *Spec) { s.Measures[3].Probs = []float64{0.9, 0.5} }, ErrSpec},
		"survival with L0 = 3": {func(s *Spec) {
			s.Measures[0] = survivalSpec(3).Measures[0]
			s.Columns = append(s.Columns, "month", "event")
		}, ErrBounds},
		"unknown kind":          {func(s *Spec) { s.Measures[0].Kind = "median" }, ErrSpec},
		"unknown column":        {func(s *Spec) { s.Measures[1].Column = "x" }, ErrSpec},
		"no column":             {func(s *Spec) { s.Measures[1].Column = "" }, ErrSpec},
		"column of a histogram": {func(s *Spec) { s.Measures[4].Column = "fee" }, ErrSpec},
		"no position column":    {func(s *Spec) { s.Measures[5].At = "" }, ErrSpec},
		"repeated name":         {func(s *Spec) { s.Measures[1].Name = "visits" }, ErrSpec},
		"no name":               {func(s *Spec) { s.Measures[1].Name = "" }, ErrSpec},
		"slash in name":         {func(s *Spec) { s.Measures[1].Name = "mean/sum" }, ErrSpec},
		"reserved name":         {func(s *Spec) { s.Measures[1].Name = "people" }, ErrSpec},
		"negative weight":       {func(s *Spec) { s.Measures[1].Weight = -1 }, ErrSpec},
		"NaN weight":            {func(s *Spec) { s.Measures[1].Weight = math.NaN() }, ErrSpec},
		"infinite reference":    {func(s *Spec) { s.Measures[1].Reference = math.Inf(1) }, ErrSpec},
		"repeated column":       {func(s *Spec) { s.Columns = []string{"fee", "fee", "pos"} }, ErrSpec},
		"repeated key":          {func(s *Spec) { s.Keys[1].Name = "region" }, ErrSpec},
		"empty domain":          {func(s *Spec) { s.Keys[0].Values = nil }, ErrSpec},
		"repeated value":        {func(s *Spec) { s.Keys[0].Values = []string{"a", "a"} }, ErrSpec},
		"private with values":   {func(s *Spec) { s.Keys[0].Private = true }, ErrSpec},
		"noisy k, private key":  {func(s *Spec) { s.NoisyK = true; s.Keys[0] = Key{Name: "x", Private: true} }, ErrSpec},
		"too many groups":       {func(s *Spec) { s.Keys[0].Values, s.Keys[1].Values = manyValues(1000), manyValues(201) }, ErrTooManyCells},
		"too many cells":        {func(s *Spec) { s.Keys[0].Values = manyValues(4000) }, ErrTooManyCells},
		"people times clamp":    {func(s *Spec) { s.Measures[1].Hi = 1 << 50 }, ErrOverflow},
		"rows times clamp":      {func(s *Spec) { s.MaxRows = 1 << 55 }, ErrOverflow},
		"people times rows":     {func(s *Spec) { s.Measures[0].Rows = math.MaxInt32; s.MaxPeople = 1 << 31 }, ErrOverflow},
		"clamp near 2^63":       {func(s *Spec) { s.Measures[1].RowHi = math.MaxInt64 }, ErrOverflow},
		"lowest clamp":          {func(s *Spec) { s.Measures[1].Lo = math.MinInt64 }, ErrOverflow},
		"centre near 2^63":      {func(s *Spec) { s.Measures[2].Centre = math.MinInt64 }, ErrOverflow},
	} {
		s := everyKind()
		c.change(&s)
		for what, err := range map[string]error{"Check": s.Check(), "Price": priceErr(s, Want{Rho: 0.1}), "NewTotals": totalsErr(s)} {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %s says %v, want %v", name, what, err, c.want)
			}
		}
	}
	if err := everyKind().Check(); err != nil {
		t.Errorf("the good question: %v", err)
	}
}

func manyValues(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.Repeat("x", i+1)
	}
	return out
}

func priceErr(s Spec, w Want) error {
	_, err := Price(s, w, DeltaRule{Fixed: 1e-12})
	return err
}

func totalsErr(s Spec) error {
	_, err := NewTotals(s)
	return err
}

func TestWantRefusals(t *testing.T) {
	fee := func(e Error) Want { e.Measure = "fee"; return Want{Errors: []Error{e}} }
	for name, c := range map[string]struct {
		w    Want
		want error
	}{
		"nothing":             {Want{}, ErrWant},
		"both":                {Want{Rho: 1, Errors: []Error{{Abs: 1}}}, ErrWant},
		"twice":               {Want{Errors: []Error{{Measure: "fee", Abs: 1e4}, {Measure: "fee", Abs: 1e4}}}, ErrWant},
		"every measure twice": {Want{Errors: []Error{{Rel: 0.1, At: 100}, {Rel: 0.1, At: 100}}}, ErrWant},
		"unknown":             {Want{Errors: []Error{{Measure: "nothing", Abs: 1}}}, ErrUnknownMeasure},
		"channel":             {Want{Errors: []Error{{Measure: "mean/sum", Abs: 1}}}, ErrUnknownMeasure},
		"rho 0":               {Want{Rho: 0}, ErrAccuracy},
		"rho -1":              {Want{Rho: -1}, ErrAccuracy},
		"rho NaN":             {Want{Rho: math.NaN()}, ErrAccuracy},
		"rho Inf":             {Want{Rho: math.Inf(1)}, ErrAccuracy},
		"rho 1e308":           {Want{Rho: 1e308}, ErrAccuracy},
		"rho 1e-320":          {Want{Rho: 1e-320}, ErrAccuracy},
		"rho 1e-9":            {Want{Rho: 1e-9}, ErrTooCoarse},
		"rho 1000":            {Want{Rho: 1000}, ErrTooPrecise},
		"abs 0":               {fee(Error{}), ErrAccuracy},
		"abs -1":              {fee(Error{Abs: -1}), ErrAccuracy},
		"abs NaN":             {fee(Error{Abs: math.NaN()}), ErrAccuracy},
		"abs Inf":             {fee(Error{Abs: math.Inf(1)}), ErrAccuracy},
		"abs -Inf":            {fee(Error{Abs: math.Inf(-1)}), ErrAccuracy},
		"abs 1e308":           {fee(Error{Abs: 1e308}), ErrAccuracy},
		"abs 1e200":           {fee(Error{Abs: 1e200}), ErrTooCoarse},
		"abs 1e-320":          {fee(Error{Abs: 1e-320}), ErrAccuracy},
		"abs 1":               {fee(Error{Abs: 1}), ErrTooPrecise},
		"rel NaN":             {fee(Error{Rel: math.NaN(), At: 1000}), ErrAccuracy},
		"rel -1":              {fee(Error{Rel: -1, At: 1000}), ErrAccuracy},
		"rel 1e308":           {fee(Error{Rel: 1e308, At: 1000}), ErrAccuracy},
		"rel 1e299":           {fee(Error{Rel: 1e299, At: 1000}), ErrAccuracy},
		"rel and abs":         {fee(Error{Rel: 0.1, Abs: 5, At: 1000}), ErrAccuracy},
		"rel without size":    {fee(Error{Rel: 0.1}), ErrReference},
		"negative size":       {fee(Error{Abs: 5000, At: -1}), ErrReference},
		"rank of 1":           {Want{Errors: []Error{{Measure: "q", Abs: 1}}}, ErrTooCoarse},
		"mean beyond clamps":  {Want{Errors: []Error{{Measure: "mean", Abs: 500}}}, ErrTooCoarse},
	} {
		if err := priceErr(everyKind(), c.w); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	s := everyKind()
	s.Measures[1].Reference, s.Measures[3].ReferencePeople = 0, 0
	if err := priceErr(s, fee(Error{Rel: 0.1, At: 1000})); !errors.Is(err, ErrReference) {
		t.Errorf("relative to no reference: %v", err)
	}
	if err := priceErr(s, Want{Errors: []Error{{Measure: "q", Abs: 0.1}}}); !errors.Is(err, ErrReference) {
		t.Errorf("a rank at no group size: %v", err)
	}
}

// The noise is part of the overflow proof, not only the people.
func TestNoiseMayNotOverflow(t *testing.T) {
	ch := channel{name: "x"}
	for _, c := range []struct {
		people int64
		d      draw
		want   error
	}{
		{1 << 20, draw{linf: 1 << 40, sigma: maxSigma}, nil},
		{1, draw{linf: 1 << 61, sigma: 1 << 60}, ErrOverflow},
		{1 << 32, draw{linf: 1 << 31, sigma: 1}, ErrOverflow},
	} {
		if err := ch.headroom(c.people, c.d); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c, err, c.want)
		}
	}
}
