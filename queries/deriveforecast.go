package queries

import (
	"fmt"
	"math"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// deriveForecast continues a series over calendar months or quarters by a year,
// and says how wrong the same method would have been in the last year. Only
// whole periods of the window count. The error of the backtest has no interval:
// noise is in the forecasts and in what they are held against, and makes it larger.
func (q *Question) deriveForecast(of dp.Measured, d Derived) []dp.Measured {
	periods, first, whole := q.periodsOf(d.Of, len(of.Values))
	if len(of.Values) != len(q.axisOf(d.Of)) || whole <= first {
		return nil
	}
	var series []float64
	for _, p := range of.Values[first:whole] {
		series = append(series, p.Value)
	}
	ahead, ok := forecast(series, periods, periods)
	if !ok {
		return nil
	}
	out := dp.Measured{Name: d.Name, Unit: d.Unit}
	for h, v := range ahead {
		out.Values = append(out.Values, dp.Point{At: periodLabel(of.Values[whole-1].At, h+1), Value: v.Value, Low: v.Low, High: v.High})
	}
	list := []dp.Measured{out}
	if mape, ok := backtest(series, periods); ok {
		list = append(list, dp.Measured{Name: d.Name + "_error", Unit: "share", Value: mape, Low: math.NaN(), High: math.NaN()})
	}
	return list
}

// periodsOf is the number of periods in a year on a measure's axis, and which of
// its n positions the window covers wholly: from first up to but not whole.
func (q *Question) periodsOf(measure string, n int) (periods, first, whole int) {
	m := q.Template.measure(measure)
	w := q.values[m.Axis.Months+m.Axis.Quarters]
	months := 1
	if m.Axis.Quarters != "" || q.Coarse && q.Template.Coarse.Axes[m.Name].Quarters {
		months = 3
	}
	begins := func(t time.Time) bool { return t.Day() == 1 && (int(t.Month())-1)%months == 0 }
	whole = n
	if !begins(w.From) {
		first = 1
	}
	if !begins(w.To.AddDate(0, 0, 1)) {
		whole--
	}
	return 12 / months, first, whole
}

// periodLabel is the label of the h-th month or quarter after one.
func periodLabel(last string, h int) string {
	var year, n int
	if _, err := fmt.Sscanf(last, "%d-Q%d", &year, &n); err == nil {
		i := year*4 + n - 1 + h
		return fmt.Sprintf("%d-Q%d", i/4, i%4+1)
	}
	if _, err := fmt.Sscanf(last, "%d-%d", &year, &n); err != nil {
		return fmt.Sprintf("+%d", h)
	}
	i := year*12 + n - 1 + h
	return fmt.Sprintf("%d-%02d", i/12, i%12+1)
}
