package queries

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// leastPeriods is how many periods a trend needs before anything is forecast.
const leastPeriods = 6

// forecast continues a series of released values by ordinary least squares: a
// straight trend and, from two whole years on, an effect of each period of the
// year. season is the number of periods in a year. Low and high are the ends of
// the 95 % prediction interval (Student's t), which carries the noise of the
// release with everything else that the trend does not explain. It works on
// noisy values only. ok is false where the series is too short.
func forecast(series []float64, season, ahead int) (out []ReleasedNumber, ok bool) {
	n := len(series)
	design := func(t int) []float64 { return regressors(t, n, season) }
	columns := len(design(0))
	if n < leastPeriods || n <= columns+1 {
		return nil, false
	}
	x := mat.NewDense(n, columns, nil)
	for t := range n {
		x.SetRow(t, design(t))
	}
	var qr mat.QR
	qr.Factorize(x)
	var beta mat.VecDense
	if err := qr.SolveVecTo(&beta, false, mat.NewVecDense(n, series)); err != nil {
		return nil, false
	}
	var fitted mat.VecDense
	fitted.MulVec(x, &beta)
	var squares float64
	for t, y := range series {
		squares += (y - fitted.AtVec(t)) * (y - fitted.AtVec(t))
	}
	freedom := float64(n - columns)
	variance := squares / freedom
	var gram, inverse mat.Dense
	gram.Mul(x.T(), x)
	if err := inverse.Inverse(&gram); err != nil {
		return nil, false
	}
	t95 := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile(0.975)
	for h := range ahead {
		row := mat.NewVecDense(columns, design(n+h))
		value := mat.Dot(row, &beta)
		half := t95 * math.Sqrt(variance*(1+mat.Inner(row, &inverse, row)))
		out = append(out, ReleasedNumber{Value: value, Low: value - half, High: value + half})
	}
	return out, true
}

// regressors are the constant, the trend and, where there are two years to tell
// it from, the period of the year (the first one is the constant's).
func regressors(t, n, season int) []float64 {
	row := []float64{1, float64(t) / float64(n)}
	if n < 2*season+2 {
		return row
	}
	for s := 1; s < season; s++ {
		effect := 0.0
		if t%season == s {
			effect = 1
		}
		row = append(row, effect)
	}
	return row
}

// backtest is how wrong the forecast would have been: each period of the last
// year is forecast from those before it, and the mean of |error| / |value| is
// taken (MAPE). ok is false where no period could be forecast.
func backtest(series []float64, season int) (mape float64, ok bool) {
	tried := 0
	for n := max(leastPeriods, len(series)-season); n < len(series); n++ {
		f, enough := forecast(series[:n], season, 1)
		if !enough || series[n] == 0 {
			continue
		}
		mape += math.Abs(f[0].Value-series[n]) / math.Abs(series[n])
		tried++
	}
	return mape / float64(tried), tried > 0
}
